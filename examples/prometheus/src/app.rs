//! Apps, of which some are in trouble.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, CustomResource, ResourceExt,
    api::{Patch, PatchParams},
};
use requeue_policy::{Observe, Observed, Phase, Retry};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    namespaced,
    status = "AppStatus",
    schema = "disabled"
)]
pub(crate) struct AppSpec {
    pub(crate) trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Trouble {
    None,
    /// Its backend is away for one minute in three.
    Backend,
    /// Its spec is wrong.
    Spec,
    /// Each reconcile annotates it through a client that the `Requeuer` does not know, so each is a change that triggers the
    /// next.
    Loop,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppStatus {
    phase: Phase,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        Observed::new(self.status.as_ref().map_or(Phase::Initializing, |status| status.phase))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the backend is away")]
    Backend,
    #[error("the spec is wrong")]
    Spec,
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

pub(crate) fn retry(error: &Error, _: &App) -> Retry {
    match error {
        Error::Spec => Retry::Never,
        Error::Backend | Error::Kube(_) => Retry::Backoff,
    }
}

/// What the reconciler works with.
pub(crate) struct Context {
    pub(crate) apps: Api<App>,
    /// The mistake that makes the loop: writes through it count as somebody else's.
    pub(crate) bypass: Api<App>,
    pub(crate) started: Instant,
}

pub(crate) async fn reconcile(app: Arc<App>, context: Arc<Context>) -> Result<Phase, Error> {
    let (name, params) = (app.name_any(), PatchParams::default());
    match app.spec.trouble {
        Trouble::Spec => return Err(Error::Spec),
        Trouble::Backend if context.started.elapsed().as_secs() % 180 < 60 => return Err(Error::Backend),
        Trouble::Loop => {
            // As long as a call takes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let at = format!("{:?}", context.started.elapsed());
            let patch = Patch::Merge(json!({ "metadata": { "annotations": { "example.com/reconciled": at } } }));
            context.bypass.patch(&name, &params, &patch).await?;
        }
        Trouble::None | Trouble::Backend => {}
    }
    let patch = Patch::Merge(json!({ "status": { "phase": Phase::Ready } }));
    context.apps.patch_status(&name, &params, &patch).await?;
    Ok(Phase::Ready)
}
