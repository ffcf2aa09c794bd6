//! A small operator, the same for every major version of kube: what the README shows, and the other ways in.

use crate::{conditions, requeue};
use futures::StreamExt;
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Client, CustomResource,
    runtime::{Controller, WatchStreamExt, controller, reflector, watcher},
};
use requeue::{Outcome, Requeuer, Retry};
use requeue_policy::{Observe, Observed, Phase, RequeueConfig};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc, time::SystemTime};
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

impl App {
    fn observed(&self) -> Observed {
        let conditions = self.status.as_ref().map_or(&[][..], |status| &status.conditions);
        conditions::observed(conditions, |condition| match (&*condition.type_, &*condition.status) {
            ("Ready", "True") => Some(Phase::Ready),
            ("Ready", "False") => Some(Phase::Failed),
            _ => None,
        })
    }
}

impl Observe for App {
    fn phase(&self) -> Phase {
        self.observed().phase
    }

    fn last_transition(&self) -> Option<SystemTime> {
        self.observed().since
    }
}

async fn reconcile(_: Arc<App>, _: Arc<Client>) -> Result<Outcome, kube::Error> {
    Ok(Phase::Ready.into())
}

/// The README's three lines, with an error classifier.
pub(crate) async fn run(client: Client) -> Result<(), Box<dyn Error>> {
    let (apps, children) = (Api::<App>::all(client.clone()), Api::<ConfigMap>::all(client.clone()));
    let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &kube::Error| match error {
        kube::Error::Api(status) if status.code == 422 => Retry::Never,
        error => error.into(),
    });
    Controller::new(apps, watcher::Config::default())
        .watches(children, watcher::Config::default(), requeue.owned())
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(client))
        .for_each(async |result| {
            if let Err(controller::Error::QueueError(error)) = result {
                warn!(%error, "watch failed")
            }
        })
        .await;
    Ok(())
}

/// A stream of one's own, with the predicate on it.
pub(crate) async fn run_filtered(client: Client) -> Result<(), Box<dyn Error>> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (reader, writer) = reflector::store();
    let apps = watcher(Api::<App>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .applied_objects();
    let apps = predicate_filter!(apps, requeue.predicate());
    let children = Api::<ConfigMap>::all(client.clone());
    Controller::for_stream(apps, reader)
        .owns(children, watcher::Config::default())
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(client))
        .for_each(|_| async {})
        .await;
    Ok(())
}
