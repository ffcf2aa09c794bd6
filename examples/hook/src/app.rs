//! Apps that need a quota.

use std::sync::Arc;

use kube::CustomResource;
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "example.com", version = "v1", kind = "App", namespaced, schema = "disabled")]
pub(crate) struct AppSpec {
    pub(crate) has_quota: bool,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        Observed::new(Phase::Ready)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no quota")]
pub(crate) struct NoQuota;

pub(crate) async fn reconcile(app: Arc<App>, _: Arc<()>) -> Result<Phase, NoQuota> {
    match app.spec.has_quota {
        true => Ok(Phase::Ready),
        false => Err(NoQuota),
    }
}
