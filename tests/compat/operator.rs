//! A small operator, the same for every major version of kube: what the README shows, and the other ways in.

use crate::{conditions, requeue};
use futures::StreamExt;
use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::ConfigMap},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, CustomResource,
    core::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::{Controller, controller, reflector, watcher},
};
use requeue::{Cleanup, Requeuer, finalizer};
use requeue_policy::{Observe, Observed, Outcome, Phase, RequeueConfig, Retry};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc, time::Duration};
use tracing::warn;

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    namespaced,
    status = "AppStatus",
    schema = "disabled"
)]
struct AppSpec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct AppStatus {
    conditions: Vec<Condition>,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        conditions::observed(conditions, Phase::Initializing, |type_, status| match (type_, status) {
            ("Ready", "True") => Some(Phase::Ready),
            ("Ready", "False") => Some(Phase::Failed),
            _ => None,
        })
    }
}

/// With a finalizer, and the clean-up drains first.
async fn reconcile_app(app: Arc<App>, client: Arc<Client>) -> Result<Outcome, kube::Error> {
    let apps = Api::<App>::default_namespaced((*client).clone());
    let cleanup = async |app: Arc<App>| match app.status {
        None => Ok(Cleanup::Done),
        Some(_) => Ok(Cleanup::NotYet(Phase::Ready.after(Duration::from_secs(5)))),
    };
    finalizer(
        &apps,
        "example.com/app",
        app,
        |app| reconcile(app, client.clone()),
        cleanup,
    )
    .await
}

async fn reconcile<K>(_: Arc<K>, _: Arc<Client>) -> Result<Outcome, kube::Error> {
    Ok(Phase::Ready.into())
}

fn classify(error: &kube::Error, app: &App) -> Retry {
    match error {
        kube::Error::Api(status) if status.code == 404 && app.metadata.deletion_timestamp.is_some() => {
            Retry::Later(Duration::from_secs(1))
        }
        error => error.into(),
    }
}

/// The README's lines, with errors told apart.
pub(crate) async fn run(client: Client) -> Result<(), Box<dyn Error>> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let ctx = Arc::new(requeue.client(client.clone()));
    requeue
        .controller(Api::<App>::all(client.clone()), watcher::Config::default())
        .owns(Api::<ConfigMap>::all(client), watcher::Config::default())
        .shutdown_on_signal()
        .run_with(reconcile_app, classify, ctx)
        .for_each(async |result| {
            if let Err(controller::Error::ReconcilerFailed(error, object)) = result {
                warn!(%error, %object, "failed")
            }
        })
        .await;
    Ok(())
}

/// A stream of one's own, and a kind from another crate that owns a kind known at run time only.
pub(crate) async fn run_from(client: Client) -> Result<(), Box<dyn Error>> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (store, writer) = reflector::store();
    let deployments = watcher(Api::<Deployment>::all(client.clone()), watcher::Config::default());
    let events = reflector(writer, deployments);
    let children = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Child"));
    let api = Api::<DynamicObject>::all_with(client.clone(), &children);
    requeue
        .controller_from(store, events, |_| Observed::new(Phase::Ready))
        .owns_with(api, children, watcher::Config::default())
        .run(reconcile, Arc::new(requeue.client(client)))
        .for_each(|_| async {})
        .await;
    Ok(())
}

/// The parts, in a controller of kube's.
pub(crate) async fn run_parts(client: Client) -> Result<(), Box<dyn Error>> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let children = Api::<ConfigMap>::all(client.clone());
    Controller::new(Api::<App>::all(client.clone()), watcher::Config::default())
        .watches(children, watcher::Config::default(), requeue.owned())
        .run(
            requeue.reconciler(reconcile),
            requeue.error_policy(classify),
            Arc::new(client),
        )
        .for_each(|_| async {})
        .await;
    Ok(())
}
