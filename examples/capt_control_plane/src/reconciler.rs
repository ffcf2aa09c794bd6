//! What a reconcile does. It does not decide when it runs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use k8s_openapi::{
    api::core::v1::ConfigMap,
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use requeue_policy::Phase;
use serde_json::json;
use tracing::info;

use crate::{
    clock::Clock,
    meter::Meter,
    resource::{CAPTControlPlane, CAPTControlPlaneStatus, Condition},
    workspace::{Failure, Snapshot, State, Workspace},
};

/// The label of everything that this example makes in a cluster.
pub(crate) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "capt-control-plane-example");

/// The same as a selector.
pub(crate) const SELECTOR: &str = "app.kubernetes.io/managed-by=capt-control-plane-example";

/// What the reconciler works with.
pub(crate) struct Context {
    /// The cluster.
    pub(crate) client: Client,
    /// The Terraform workspaces, by control plane.
    pub(crate) workspaces: HashMap<String, Workspace>,
    /// The time.
    pub(crate) clock: Clock,
    /// What the trial is measured with; no part of a controller.
    pub(crate) meter: Arc<Meter>,
}

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The control plane failed.
    #[error(transparent)]
    Plane(#[from] Failure),
    /// The API server refused, or could not be reached.
    #[error("the API server: {0}")]
    Api(#[from] kube::Error),
}

/// Looks at the workspace, publishes its outputs and writes the status: all of it in every run, as the original does.
pub(crate) async fn reconcile(plane: Arc<CAPTControlPlane>, context: Arc<Context>) -> Result<Phase, Error> {
    // A real provider reads the Workspace object of Crossplane here, and what runs Terraform.
    let workspace = context.workspaces.get(&plane.name_any());
    let workspace = workspace.map_or(Snapshot::NONE, |workspace| workspace.at(context.clock.elapsed()));
    let mut run = context.meter.run(plane.name_any(), workspace.state);

    let mut status = status(&plane, &workspace, &context.clock);
    if status.initialized {
        status.outputs_version = publish_outputs(&plane, &context.client).await?.resource_version();
    }
    write_status(&plane, &status, &context.client).await?;
    run.shown(&status);
    // The original goes on to the kubeconfig whatever it has just written, and a failure there replaces it: a second
    // patch in the same reconcile, which the first patch of the next reconcile undoes.
    if let Err(failure) = check_kubeconfig(&workspace) {
        status.fail(failure, context.clock.now());
        write_status(&plane, &status, &context.client).await?;
        run.shown(&status);
    }

    let phase = status.requeue_phase();
    info!(object = plane.name_any(), %phase, "reconciled");
    match workspace.state {
        State::Failed(failure) => Err(failure.into()),
        State::Gone => Err(NO_KUBECONFIG.into()),
        // The original returns no error for outputs that lack the certificate authority.
        State::Creating | State::Applied | State::WithoutCa => Ok(phase),
    }
}

const NOT_FOUND: Failure = Failure {
    reason: "WorkspaceStatusUpdateFailed",
    message: "failed to update workspace status: workspace not found",
};

const NO_KUBECONFIG: Failure = Failure {
    reason: "KubeconfigGenerationFailed",
    message: "failed to create kubeconfig: workspace not found",
};

const NO_CA: Failure = Failure {
    reason: "SecretError",
    message: "failed to get certificate authority data: not in the outputs",
};

/// Looks for what a kubeconfig is made from.
fn check_kubeconfig(workspace: &Snapshot) -> Result<(), Failure> {
    match workspace.state {
        State::Gone => Err(NO_KUBECONFIG),
        State::WithoutCa => Err(NO_CA),
        State::Creating | State::Applied | State::Failed(_) => Ok(()),
    }
}

/// The status with what was found in the workspace; its outputs do not count here.
fn status(plane: &CAPTControlPlane, workspace: &Snapshot, clock: &Clock) -> CAPTControlPlaneStatus {
    let before = plane.status.as_ref();
    let (ready, reason, message, failure) = match workspace.state {
        State::Creating => (false, "Creating", "Terraform has not finished its first run", None),
        State::Applied | State::WithoutCa => (true, "Applied", "Terraform has applied the template", None),
        State::Failed(failure) => (false, failure.reason, failure.message, Some(failure)),
        State::Gone => (false, NOT_FOUND.reason, NOT_FOUND.message, Some(NOT_FOUND)),
    };
    let condition = before.and_then(CAPTControlPlaneStatus::ready_condition);
    let mut status = CAPTControlPlaneStatus {
        ready,
        // Once and for all, as Cluster API wants it.
        initialized: ready || before.is_some_and(|before| before.initialized),
        phase: None,
        failure_reason: failure.map(|failure| failure.reason.to_owned()),
        failure_message: failure.map(|failure| failure.message.to_owned()),
        conditions: vec![Condition::ready(condition, ready, reason, message, clock.now())],
        observed_generation: plane.metadata.generation,
        workspace_revision: Some(workspace.revision),
        outputs_version: None,
        // What closes the hot loop: a status that differs in every run comes back as a watch event every time. The API
        // server swallows a write that changes nothing, so a controller without such a field is spared the loop, until
        // someone adds a counter, a message with a duration, a list in random order ...
        last_reconciled: Some(MicroTime(clock.now())),
    };
    status.phase = Some(status.requeue_phase().to_string());
    status
}

async fn write_status(plane: &CAPTControlPlane, status: &CAPTControlPlaneStatus, client: &Client) -> kube::Result<()> {
    let planes = Api::<CAPTControlPlane>::namespaced(client.clone(), &plane.namespace().unwrap_or_default());
    let patch = Patch::Merge(json!({ "status": status }));
    planes
        .patch_status(&plane.name_any(), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

/// Writes the ConfigMap with the workspace's outputs; nothing changes if it is there and as it should be.
async fn publish_outputs(plane: &CAPTControlPlane, client: &Client) -> kube::Result<ConfigMap> {
    let name = outputs_name(&plane.name_any());
    let outputs = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            labels: Some(BTreeMap::from([(LABEL.0.to_owned(), LABEL.1.to_owned())])),
            owner_references: plane.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(
            "endpoint".to_owned(),
            format!("https://{}.example.com", plane.name_any()),
        )])),
        ..ConfigMap::default()
    };
    let config_maps = Api::<ConfigMap>::namespaced(client.clone(), &plane.namespace().unwrap_or_default());
    let params = PatchParams::apply(LABEL.1).force();
    config_maps.patch(&name, &params, &Patch::Apply(outputs)).await
}

/// Returns the name of the ConfigMap with a control plane's outputs.
pub(crate) fn outputs_name(plane: &str) -> String {
    format!("{plane}-outputs")
}
