//! What a controller runs in, and what others do there.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::Context as _;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::ConfigMap};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    meter::Shown,
    reconciler::{LABEL, outputs_name},
    resource::{CAPTControlPlane, CAPTControlPlaneSpec, WorkspaceTemplateRef},
    scenario::{Plane, Step},
    trial::{Change, Kind},
};

/// What a controller runs in.
pub(crate) struct Environment {
    /// The controller's connection to the API server.
    pub(crate) controller: Client,
    /// Everyone else's connection.
    pub(crate) others: Client,
    /// The namespace of everything.
    pub(crate) namespace: String,
}

impl Environment {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.others.clone(), &self.namespace)
    }

    /// Does what someone else does; returns the change that a controller has to notice.
    pub(crate) async fn take(&self, plane: &Plane, step: Step, at: Duration) -> anyhow::Result<Option<Change>> {
        let change = |kind, mark| {
            let plane = plane.name.clone();
            Ok(Some(Change { plane, kind, at, mark }))
        };
        match step {
            Step::Create => {
                let created = self.api().create(&PostParams::default(), &new_plane(&plane.name)).await;
                created.with_context(|| format!("cannot create {}", plane.name))?;
                Ok(None)
            }
            Step::Upgrade(minor) => {
                let patch = json!({ "spec": { "version": version(minor) } });
                let changed: CAPTControlPlane = self.merge(&plane.name, patch).await?;
                let generation = changed.metadata.generation.unwrap_or_default() as u64;
                change(
                    Kind::Spec,
                    Shown {
                        generation,
                        ..Shown::default()
                    },
                )
            }
            Step::EditOutputs => {
                let patch = json!({ "data": { "endpoint": "https://elsewhere.example.com" } });
                let changed = self.merge(&outputs_name(&plane.name), patch).await;
                let changed: ConfigMap = changed.context(
                    "the outputs are to be edited, and if they are not there yet, the trial is too short for the \
                     policy's initialization interval: give it more --minutes",
                )?;
                let version = changed
                    .resource_version()
                    .and_then(|version| version.parse::<u64>().ok());
                // The controller repairs it, and so makes a later version.
                let outputs = version.context("the API server does not count resource versions as numbers")? + 1;
                change(
                    Kind::Outputs,
                    Shown {
                        outputs,
                        ..Shown::default()
                    },
                )
            }
        }
    }

    async fn merge<K>(&self, name: &str, patch: Value) -> anyhow::Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + DeserializeOwned + fmt::Debug,
    {
        let patched = self
            .api()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.with_context(|| format!("cannot change {} {name}", K::kind(&())))
    }
}

fn new_plane(name: &str) -> CAPTControlPlane {
    let spec = CAPTControlPlaneSpec {
        version: version(0),
        workspace_template_ref: WorkspaceTemplateRef {
            name: "eks-controlplane-template".to_owned(),
        },
    };
    let mut plane = CAPTControlPlane::new(name, spec);
    plane.metadata.labels = Some(BTreeMap::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]));
    plane
}

fn version(minor: u32) -> String {
    format!("1.{}", 31 + minor)
}
