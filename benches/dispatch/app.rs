//! The object that is dispatched, with the metadata that objects have.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::CustomResource;
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};

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
    replicas: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppStatus {
    message: String,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        Observed::new(Phase::Ready)
    }
}

/// What a client changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Spec,
    Status,
}

/// What a controller is to dispatch.
pub(crate) struct Changes {
    /// All objects as they were at first.
    pub(crate) cached: Vec<App>,
    pub(crate) changes: Vec<App>,
    /// How many of the changes wait at a time.
    pub(crate) waiting: usize,
}

impl Changes {
    /// A change of some of the objects, of others each time, to their next version.
    pub(crate) fn new(objects: usize, load: Load, version: usize, change: Change) -> Self {
        let some = (0..load.changes).map(|number| (number + version * load.changes) % objects);
        Self {
            cached: (0..objects).map(|number| app(number, 0, change)).collect(),
            changes: some.map(|number| app(number, version, change)).collect(),
            waiting: load.waiting,
        }
    }
}

/// How many objects change in a round, and how many of these changes wait at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) changes: usize,
    pub(crate) waiting: usize,
}

fn app(number: usize, version: usize, change: Change) -> App {
    let generation = if change == Change::Spec { version } else { 0 } as i64;
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    };
    let name = format!("application-{number:05}");
    App {
        metadata: ObjectMeta {
            uid: Some(format!("7e1c4a52-9d3e-4b1e-8f00-{number:012x}")),
            namespace: Some("production".into()),
            generation: Some(generation),
            resource_version: Some((1_000_000 + version * 100_000 + number).to_string()),
            labels: Some(text(&[
                ("app.kubernetes.io/name", &name),
                ("app.kubernetes.io/managed-by", "operator"),
                ("team", "platform"),
            ])),
            annotations: Some(text(&[("example.com/contact", "platform@example.com")])),
            finalizers: Some(vec!["example.com/cleanup".into()]),
            owner_references: Some(vec![OwnerReference {
                api_version: "example.com/v1".into(),
                kind: "Tenant".into(),
                name: "production".into(),
                uid: "0b5c3a4e-6f0d-4f3a-9a51-2a9d1c6e7b80".into(),
                ..OwnerReference::default()
            }]),
            name: Some(name),
            ..ObjectMeta::default()
        },
        spec: AppSpec { replicas: generation },
        status: Some(AppStatus {
            message: format!("version {version}"),
        }),
    }
}
