//! A Secret that many objects refer to: when it changes, each of them runs.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    ResourceExt as _,
    core::PartialObjectMeta,
    runtime::{
        Controller,
        controller::Config,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::{
    app::{App, AppSpec, reconcile},
    stage::Stage,
};

type Error = Box<dyn std::error::Error>;

/// Which objects refer to a Secret, as far as the controller has seen them.
fn referring(apps: Store<App>) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<App>> {
    move |secret| {
        let apps = apps.state();
        let refers =
            |app: &&Arc<App>| app.namespace() == secret.namespace() && app.spec.secret == Some(secret.name_any());
        apps.iter()
            .filter(refers)
            .map(|app| ObjectRef::from_obj(&**app))
            .collect()
    }
}

/// Watches the metadata of the Secrets only: it is enough to tell that one has changed, and a run reads the one that it
/// needs.
fn start(stage: &Stage) -> Result<(), Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let controller = Controller::new(stage.api(), watcher::Config::default());
    let apps = controller.store();
    let run = controller
        // A Secret wakes all at once, and so many run at a time.
        .with_config(Config::default().concurrency(4))
        .watches(
            stage.api::<PartialObjectMeta<Secret>>(),
            watcher::Config::default(),
            requeue.related(referring(apps)),
        )
        .run(requeue.reconciler(reconcile), requeue.error_policy(), stage.context());
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

async fn rotate(stage: &Stage, name: &str, password: &str) -> kube::Result<()> {
    let password = json!({ "stringData": { "password": password } });
    stage.change::<Secret>(name, password).await
}

/// The Secret to which all objects but one refer is rotated, then one to which none refers is made, and the first is
/// rotated again.
pub(crate) async fn play(stage: &Stage, objects: usize) -> Result<(), Error> {
    stage.create(&secret("shared")).await?;
    for n in 0..objects {
        let secret = Some("shared".to_owned());
        let app = App::new(&format!("app-{n:02}"), AppSpec { size: 1, secret });
        stage.create(&app).await?;
    }
    stage.create(&App::new("without", AppSpec::default())).await?;
    start(stage)?;
    stage.until(10.0).await;
    rotate(stage, "shared", "two").await?;
    stage.until(20.0).await;
    stage.create(&secret("other")).await?;
    // In the middle of a run, which read the old one.
    stage.change::<App>("app-00", json!({ "spec": { "size": 2 } })).await?;
    stage.until(20.1).await;
    rotate(stage, "shared", "three").await?;
    stage.until(29.0).await;
    Ok(())
}
