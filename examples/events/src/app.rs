//! The objects, and what a reconcile does.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, CustomResource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::world::Reconciles;

#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    namespaced,
    status = "AppStatus",
    schema = "disabled"
)]
pub(crate) struct AppSpec {
    pub(crate) size: u32,
    /// The Secret with which it signs in.
    pub(crate) secret: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AppStatus {
    phase: Option<Phase>,
    message: Option<String>,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        let phase = self.status.as_ref().and_then(|status| status.phase);
        Observed::new(phase.unwrap_or(Phase::Initializing))
    }
}

/// What the reconciler works with.
pub(crate) struct Context {
    pub(crate) apps: Api<App>,
    pub(crate) reconciles: Reconciles,
}

/// Takes 300 ms, and writes a status that differs in every reconcile.
pub(crate) async fn reconcile(app: Arc<App>, context: Arc<Context>) -> Result<Phase, kube::Error> {
    context.reconciles.add(&app.name_any());
    sleep(Duration::from_millis(300)).await;
    let message = format!("done at {:?}", Instant::now());
    let patch = Patch::Merge(json!({ "status": { "phase": Phase::Ready, "message": message } }));
    context
        .apps
        .patch_status(&app.name_any(), &PatchParams::default(), &patch)
        .await?;
    Ok(Phase::Ready)
}
