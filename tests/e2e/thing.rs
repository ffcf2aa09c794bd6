//! The kind that the controllers under test reconcile, and what clients do with its objects.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime},
};

use anyhow::Context as _;
use k8s_openapi::{
    api::core::v1::ConfigMap,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client, CustomResource, CustomResourceExt as _, Resource as _,
    api::{Patch, PatchParams, PostParams},
};
use requeue_policy::{Observe, Phase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crd::install_crd;

const NAMESPACE: &str = "default";
pub(crate) const CHILD_KEY: &str = "value";

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "e2e.example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus"
)]
pub(crate) struct ThingSpec {
    pub(crate) value: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ThingStatus {
    #[schemars(with = "Option<String>")]
    pub(crate) phase: Option<Phase>,
    #[schemars(with = "Option<String>")]
    pub(crate) last_transition_time: Option<Time>,
    pub(crate) message: String,
    pub(crate) observed_value: i64,
    pub(crate) count: u64,
}

impl Observe for Thing {
    fn phase(&self) -> Phase {
        let status = self.status.as_ref();
        status.and_then(|status| status.phase).unwrap_or(Phase::Initializing)
    }

    fn last_transition(&self) -> Option<SystemTime> {
        let time = self.status.as_ref()?.last_transition_time.as_ref()?;
        Some(time.0.into())
    }
}

/// A change that a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The object that it is to wake.
    pub(crate) name: String,
    pub(crate) value: i64,
    /// When the request was sent, not when it was answered.
    pub(crate) sent: Instant,
}

/// The objects of a test, as a client sees them that has nothing to do with their controller.
pub(crate) struct Things {
    pub(crate) names: Vec<String>,
    things: Api<Thing>,
    children: Api<ConfigMap>,
}

impl Things {
    /// Teaches the server the kind and creates `count` objects.
    pub(crate) async fn create(client: Client, count: usize) -> anyhow::Result<Self> {
        Self::create_with(client, Thing::crd(), count).await
    }

    /// The same with a kind whose status is an ordinary part of the object.
    pub(crate) async fn create_without_status_subresource(client: Client, count: usize) -> anyhow::Result<Self> {
        let mut crd = Thing::crd();
        for version in &mut crd.spec.versions {
            version.subresources = None;
        }
        Self::create_with(client, crd, count).await
    }

    async fn create_with(client: Client, crd: CustomResourceDefinition, count: usize) -> anyhow::Result<Self> {
        install_crd(&client, &crd).await?;
        let all = Self {
            names: (0..count).map(|number| format!("thing-{number}")).collect(),
            things: things(client.clone()),
            children: children(client),
        };
        for name in &all.names {
            let thing = Thing::new(name, ThingSpec { value: 0 });
            let created = all.things.create(&PostParams::default(), &thing).await;
            created.with_context(|| format!("creating {name}"))?;
        }
        Ok(all)
    }

    /// Creates a child of every object, of the same name.
    pub(crate) async fn create_children(&self) -> anyhow::Result<()> {
        for name in &self.names {
            let owner = self.things.get(name).await.with_context(|| format!("reading {name}"))?;
            let child = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    owner_references: owner.controller_owner_ref(&()).map(|reference| vec![reference]),
                    ..ObjectMeta::default()
                },
                data: Some(BTreeMap::from([(CHILD_KEY.to_owned(), "0".to_owned())])),
                ..ConfigMap::default()
            };
            let created = self.children.create(&PostParams::default(), &child).await;
            created.with_context(|| format!("creating the child of {name}"))?;
        }
        Ok(())
    }

    pub(crate) async fn set_value(&self, name: &str, value: i64) -> anyhow::Result<Change> {
        let sent = Instant::now();
        let patch = json!({"spec": {"value": value}});
        let patched = self
            .things
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.with_context(|| format!("changing {name}"))?;
        Ok(Change {
            name: name.to_owned(),
            value,
            sent,
        })
    }

    pub(crate) async fn set_child(&self, name: &str, value: i64) -> anyhow::Result<Change> {
        let sent = Instant::now();
        let set = write_child(&self.children, name, value).await;
        set.with_context(|| format!("changing the child of {name}"))?;
        Ok(Change {
            name: name.to_owned(),
            value,
            sent,
        })
    }

    /// Writes a part of the status, and says when the request was sent.
    pub(crate) async fn write_status(&self, name: &str, status: Value) -> anyhow::Result<Instant> {
        let sent = Instant::now();
        let patch = json!({"status": status});
        let patched = self
            .things
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.with_context(|| format!("writing the status of {name}"))?;
        Ok(sent)
    }
}

pub(crate) fn things(client: Client) -> Api<Thing> {
    Api::namespaced(client, NAMESPACE)
}

pub(crate) fn children(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, NAMESPACE)
}

/// What a child says, as the server has it now.
pub(crate) async fn read_child(children: &Api<ConfigMap>, name: &str) -> Result<Option<i64>, kube::Error> {
    let child = children.get(name).await?;
    Ok(child
        .data
        .unwrap_or_default()
        .get(CHILD_KEY)
        .and_then(|value| value.parse().ok()))
}

pub(crate) async fn write_child(children: &Api<ConfigMap>, name: &str, value: i64) -> Result<(), kube::Error> {
    let patch = json!({"data": {CHILD_KEY: value.to_string()}});
    children
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map(drop)
}
