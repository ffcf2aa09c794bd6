//! Reminds somebody of each rollout that does not progress.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition};
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::watcher,
};
use requeue_policy::{ConfigError, Interval, Observed, Outcome, Phase, RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::world::Reminders;

/// What on-call looks for: `kubectl get deployments --selector example.com/stuck`.
const STUCK: &str = "example.com/stuck";

/// The condition that says whether the rollout progresses.
fn progress(deployment: &Deployment) -> Option<&DeploymentCondition> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_.as_deref() == Some("Progressing"))
}

/// Failed if the rollout has not progressed within `progressDeadlineSeconds`, and since when.
///
/// A rollout's replicas come and go many times a minute. None of that is in the phase, so none of it triggers a reconcile.
fn observe(deployment: &Deployment) -> Observed {
    match progress(deployment) {
        Some(condition) if condition.status.as_deref() == Some("False") => {
            let since = condition.last_transition_time.as_ref();
            Observed::new(Phase::Failed).since(since.map(|time| SystemTime::from(time.0)))
        }
        Some(condition) if condition.reason.as_deref() == Some("NewReplicaSetAvailable") => Observed::new(Phase::Ready),
        _ => Observed::new(Phase::Initializing),
    }
}

/// At once, after 1 min, 3 min, 7 min and so on, then every hour, and no longer than a working day.
fn policy() -> RequeueConfig {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let error = Interval::constant(minutes(1))
        .with_factor(2.0)
        .with_max(minutes(60))
        .with_deadline(minutes(8 * 60));
    RequeueConfig::default().with_error(error)
}

struct Context {
    deployments: Api<Deployment>,
    reminders: Reminders,
}

async fn reconcile(deployment: Arc<Deployment>, context: Arc<Context>) -> Result<Outcome, kube::Error> {
    let phase = observe(&deployment).phase();
    let is_stuck = phase == Phase::Failed;
    if is_stuck != deployment.labels().contains_key(STUCK) {
        // The label is an own write: it triggers nothing.
        let label = Patch::Merge(json!({ "metadata": { "labels": { STUCK: is_stuck.then_some("true") } } }));
        let params = PatchParams::default();
        context
            .deployments
            .patch(&deployment.name_any(), &params, &label)
            .await?;
    }
    if !is_stuck {
        // The status says so when it gets stuck: a change of the phase.
        return Ok(phase.await_change());
    }
    let message = progress(&deployment).and_then(|condition| condition.message.as_deref());
    context
        .reminders
        .send(&deployment.name_any(), message.unwrap_or("no progress"));
    Ok(phase.into())
}

/// The controller; it runs as long as the stream is polled.
pub(crate) fn controller(client: Client, reminders: Reminders) -> Result<impl Stream<Item = ()>, ConfigError> {
    let requeue = Requeuer::new(policy())?;
    let context = Context {
        deployments: Api::default_namespaced(requeue.client(client.clone())),
        reminders,
    };
    let deployments = Api::<Deployment>::default_namespaced(client);
    let run = requeue
        .controller_with(deployments, watcher::Config::default(), (), observe)
        .run(reconcile, Arc::new(context));
    Ok(run.map(drop))
}
