//! The resource, and what the crate needs to know of it.

use std::time::SystemTime;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{MicroTime, Time},
    jiff::Timestamp,
};
use kube::CustomResource;
use requeue_policy::{Observe, Observed, Phase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workspace::Failure;

/// A control plane that Terraform makes.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(
    group = "controlplane.cluster.x-k8s.io",
    version = "v1beta1",
    kind = "CAPTControlPlane",
    namespaced,
    status = "CAPTControlPlaneStatus",
    printcolumn = r#"{"name": "Version", "type": "string", "jsonPath": ".spec.version"}"#,
    printcolumn = r#"{"name": "Phase", "type": "string", "jsonPath": ".status.phase"}"#,
    printcolumn = r#"{"name": "Failure", "type": "string", "jsonPath": ".status.failureMessage"}"#
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CAPTControlPlaneSpec {
    /// The Kubernetes version of the control plane.
    pub(crate) version: String,
    /// What the Terraform workspace is made from.
    pub(crate) workspace_template_ref: WorkspaceTemplateRef,
}

/// The name of a workspace template.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WorkspaceTemplateRef {
    /// The template's name.
    pub(crate) name: String,
}

/// What the controller last saw of a control plane.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CAPTControlPlaneStatus {
    /// Whether the control plane serves requests.
    pub(crate) ready: bool,
    /// Whether it ever did.
    pub(crate) initialized: bool,
    /// A word for people; the fields around it are what counts.
    pub(crate) phase: Option<String>,
    /// Why the control plane failed, in a word.
    pub(crate) failure_reason: Option<String>,
    /// Why the control plane failed.
    pub(crate) failure_message: Option<String>,
    /// The condition `Ready`.
    pub(crate) conditions: Vec<Condition>,
    /// The generation of the spec that all this is about.
    pub(crate) observed_generation: Option<i64>,
    /// The revision of the Terraform workspace that all this is about.
    pub(crate) workspace_revision: Option<u64>,
    /// The resource version of the outputs that all this is about.
    pub(crate) outputs_version: Option<String>,
    /// When all this was last found to be so.
    #[schemars(with = "Option<String>")]
    pub(crate) last_reconciled: Option<MicroTime>,
}

/// One aspect of a status, and since when it is as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    /// The aspect.
    pub(crate) r#type: String,
    /// `True` or `False`.
    pub(crate) status: String,
    /// Why, in a word.
    pub(crate) reason: String,
    /// Why.
    pub(crate) message: String,
    /// When `status` last changed.
    #[schemars(with = "String")]
    pub(crate) last_transition_time: Time,
}

impl CAPTControlPlaneStatus {
    /// Returns the condition `Ready`.
    pub(crate) fn ready_condition(&self) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.r#type == Condition::READY)
    }

    /// Returns the phase that follows from the fields, in the proposal's order.
    pub(crate) fn requeue_phase(&self) -> Phase {
        if !self.initialized {
            Phase::Initializing
        } else if self.failure_message.is_some() {
            Phase::Failed
        } else {
            Phase::Ready
        }
    }

    /// Records a failure over whatever was there.
    pub(crate) fn fail(&mut self, failure: Failure, now: Timestamp) {
        let Failure { reason, message } = failure;
        self.ready = false;
        self.failure_reason = Some(reason.to_owned());
        self.failure_message = Some(message.to_owned());
        self.conditions = vec![Condition::ready(self.ready_condition(), false, reason, message, now)];
        self.phase = Some(self.requeue_phase().to_string());
    }
}

impl Condition {
    const READY: &str = "Ready";

    /// Returns the condition `Ready`, which keeps its time unless it was another before.
    pub(crate) fn ready(before: Option<&Self>, ready: bool, reason: &str, message: &str, now: Timestamp) -> Self {
        let status = if ready { "True" } else { "False" };
        let same = before.filter(|before| before.status == status);
        Self {
            r#type: Self::READY.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            last_transition_time: same.map_or(Time(now), |same| same.last_transition_time.clone()),
        }
    }
}

impl Observe for CAPTControlPlane {
    fn observe(&self) -> Observed {
        let Some(status) = &self.status else {
            return Observed::new(Phase::Initializing);
        };
        let condition = status.ready_condition();
        let since = condition.map(|condition| SystemTime::from(condition.last_transition_time.0));
        Observed::new(status.requeue_phase()).since(since)
    }
}
