//! A Secret that many objects refer to: when it changes, each of them is reconciled.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    ResourceExt as _,
    api::PostParams,
    core::PartialObjectMeta,
    runtime::{
        controller::Config,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::{
    app::{App, AppSpec, reconcile},
    world::World,
};

type Error = Box<dyn std::error::Error>;

/// Which objects refer to a Secret, as far as the controller has seen them.
fn referring(apps: Store<App>) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<App>> {
    move |secret| {
        let refers =
            |app: &&Arc<App>| app.namespace() == secret.namespace() && app.spec.secret == Some(secret.name_any());
        let apps = apps.state();
        let apps = apps.iter().filter(refers);
        apps.map(|app| ObjectRef::from_obj(&**app)).collect()
    }
}

/// Watches only the metadata of the Secrets: that is enough to know that one has changed, and a reconcile reads the one
/// it needs.
fn start(world: &World) -> Result<(), Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let controller = requeue.controller(world.api(), watcher::Config::default());
    let refer = referring(controller.store());
    let run = controller
        // A Secret triggers all at once; this is how many reconcile at a time.
        .with_config(Config::default().concurrency(4))
        .watches(
            world.api::<PartialObjectMeta<Secret>>(),
            watcher::Config::default(),
            refer,
        )
        .run(reconcile, world.context(&requeue));
    tokio::spawn(run.for_each(async |_| {}));
    Ok(())
}

fn secret(name: &str) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    }
}

async fn rotate(world: &World, name: &str, password: &str) -> kube::Result<()> {
    let password = json!({ "stringData": { "password": password } });
    world.change::<Secret>(name, password).await
}

/// The Secret to which all objects but one refer is rotated, then one to which none refers is created, and the first is
/// rotated again.
pub(crate) async fn play(world: &World, objects: usize) -> Result<(), Error> {
    let (apps, secrets, params) = (world.outside(), world.outside(), PostParams::default());
    secrets.create(&params, &secret("shared")).await?;
    for n in 0..objects {
        let secret = Some("shared".to_owned());
        let app = App::new(&format!("app-{n:02}"), AppSpec { size: 1, secret });
        apps.create(&params, &app).await?;
    }
    apps.create(&params, &App::new("without", AppSpec::default())).await?;
    start(world)?;
    world.until(10.0).await;
    rotate(world, "shared", "two").await?;
    world.until(20.0).await;
    secrets.create(&params, &secret("other")).await?;
    // In the middle of a reconcile, which read the old one.
    world.change::<App>("app-00", json!({ "spec": { "size": 2 } })).await?;
    world.until(20.1).await;
    rotate(world, "shared", "three").await?;
    world.until(29.0).await;
    Ok(())
}
