//! The kind that the controllers under test reconcile, and what clients do with its objects.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime},
};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{
    Api, Client, CustomResource, CustomResourceExt as _, Resource as _,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use requeue_policy::{Observe, Observed, Phase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crd::install_crd;

/// Where a client writes the value of its change in labels, annotations and children.
const KEY: &str = "value";
const AT_A_TIME: usize = 8;

/// What an object is to be.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "e2e.example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus",
    doc = "The kind that the controllers under test reconcile."
)]
pub struct ThingSpec {
    /// The latest change.
    pub value: i64,
}

/// What the last reconcile found.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ThingStatus {
    /// What the object is about.
    #[schemars(with = "Option<String>")]
    pub phase: Option<Phase>,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub last_transition_time: Option<Time>,
    /// Differs in every reconcile.
    pub message: String,
    /// The value of the spec that the last reconcile was given.
    pub observed_value: i64,
    /// Written by another client only.
    pub count: i64,
}

impl Observe for Thing {
    fn observe(&self) -> Observed {
        let status = self.status.as_ref();
        let phase = status.and_then(|status| status.phase).unwrap_or(Phase::Initializing);
        let since = status.and_then(|status| status.last_transition_time.as_ref());
        Observed::new(phase).since(since.map(|time| SystemTime::from(time.0)))
    }
}

impl Thing {
    /// The status that the reconcile of this number writes: it differs from any before it, and keeps since when the
    /// phase is this one.
    pub fn next_status(&self, phase: Phase, run: u64) -> Value {
        let observed = self.observe();
        let kept = observed.last_transition().filter(|_| observed.phase() == phase);
        let since = Timestamp::try_from(kept.unwrap_or_else(SystemTime::now)).expect("the time is of this age");
        json!({
            "phase": phase,
            "lastTransitionTime": Time(since),
            "observedValue": self.spec.value,
            "message": format!("run {run}"),
        })
    }

    /// The value of the last change of this kind that this object shows; `None` for that of a child.
    pub fn shows(&self, kind: Kind) -> Option<i64> {
        let read = |values: &Option<BTreeMap<String, String>>| values.as_ref()?.get(KEY)?.parse().ok();
        match kind {
            Kind::Spec | Kind::Creation => Some(self.spec.value),
            Kind::Label => read(&self.metadata.labels),
            Kind::Annotation => read(&self.metadata.annotations),
            Kind::Status => self.status.as_ref().map(|status| status.count),
            Kind::Child => None,
        }
    }
}

/// What a client changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The value in the spec.
    Spec,
    /// A label.
    Label,
    /// An annotation.
    Annotation,
    /// The value in the child of the same name.
    Child,
    /// The object itself, which comes after one that was deleted; its value is in the spec.
    Creation,
    /// The count in the status.
    Status,
}

impl Kind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 6] = [
        Self::Spec,
        Self::Label,
        Self::Annotation,
        Self::Child,
        Self::Creation,
        Self::Status,
    ];
}

/// A change that a client sent.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object that is to be woken.
    pub name: String,
    /// Above the value of all changes before it.
    pub value: i64,
    /// When the request was sent, not when it was answered.
    pub sent: Instant,
}

/// The objects of a test and their children, as one client has them.
#[derive(Clone, Debug)]
pub struct Things {
    /// The names of the objects that [`create`](Self::create) made: `thing-0`, `thing-1`, ...
    pub names: Vec<String>,
    /// The objects.
    pub api: Api<Thing>,
    /// Their children, of the same names.
    pub children: Api<ConfigMap>,
}

impl Things {
    /// The objects in the client's namespace, without their names: what a controller has.
    pub fn new(client: Client) -> Self {
        Self {
            names: Vec::new(),
            api: Api::default_namespaced(client.clone()),
            children: Api::default_namespaced(client),
        }
    }

    /// Defines the kind and creates `count` objects.
    pub async fn create(client: Client, count: usize) -> anyhow::Result<Self> {
        install_crd(&client, &Thing::crd()).await?;
        let names = (0..count).map(|number| format!("thing-{number}")).collect();
        let things = Self {
            names,
            ..Self::new(client)
        };
        let created = stream::iter(&things.names).map(|name| things.create_thing(name, 0));
        created.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        Ok(things)
    }

    /// Creates a child of each of these objects.
    pub async fn create_children(&self, names: impl IntoIterator<Item = &String>) -> anyhow::Result<()> {
        let created = stream::iter(names).map(|name| self.create_child(name, 0));
        created.buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Creates an object, if it is not there.
    pub async fn create_thing(&self, name: &str, value: i64) -> anyhow::Result<()> {
        let thing = Thing::new(name, ThingSpec { value });
        unless(409, self.api.create(&PostParams::default(), &thing).await).with_context(|| format!("creating {name}"))
    }

    /// Creates the child of an object, if it is not there.
    pub async fn create_child(&self, name: &str, value: i64) -> anyhow::Result<()> {
        let owner = self.api.get(name).await.with_context(|| format!("reading {name}"))?;
        let child = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                owner_references: owner.controller_owner_ref(&()).map(|reference| vec![reference]),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([(KEY.to_owned(), value.to_string())])),
            ..ConfigMap::default()
        };
        let created = self.children.create(&PostParams::default(), &child).await;
        unless(409, created).with_context(|| format!("creating the child of {name}"))
    }

    /// Deletes an object, if it is there.
    pub async fn delete_thing(&self, name: &str) -> anyhow::Result<()> {
        let deleted = self.api.delete(name, &DeleteParams::default()).await;
        unless(404, deleted).with_context(|| format!("deleting {name}"))
    }

    /// Deletes the child of an object, if it is there.
    pub async fn delete_child(&self, name: &str) -> anyhow::Result<()> {
        let deleted = self.children.delete(name, &DeleteParams::default()).await;
        unless(404, deleted).with_context(|| format!("deleting the child of {name}"))
    }

    /// Changes an object or its child.
    pub async fn change(&self, name: &str, kind: Kind, value: i64) -> anyhow::Result<Change> {
        let sent = Instant::now();
        let patch = match kind {
            Kind::Spec | Kind::Creation => json!({"spec": {"value": value}}),
            Kind::Label => json!({"metadata": {"labels": {KEY: value.to_string()}}}),
            Kind::Annotation => json!({"metadata": {"annotations": {KEY: value.to_string()}}}),
            Kind::Child => json!({"data": {KEY: value.to_string()}}),
            Kind::Status => json!({"count": value}),
        };
        let (params, merge) = (PatchParams::default(), Patch::Merge(&patch));
        let changed = match kind {
            Kind::Status => self.write_status(name, patch).await,
            Kind::Child => self.children.patch(name, &params, &merge).await.map(drop),
            _ => self.api.patch(name, &params, &merge).await.map(drop),
        };
        changed.with_context(|| format!("changing {kind:?} of {name}"))?;
        Ok(Change {
            name: name.to_owned(),
            value,
            sent,
        })
    }

    /// Writes a part of the status.
    pub async fn write_status(&self, name: &str, status: Value) -> Result<(), kube::Error> {
        let patch = Patch::Merge(json!({"status": status}));
        let patched = self.api.patch_status(name, &PatchParams::default(), &patch).await;
        patched.map(drop)
    }

    /// The value of the last change of a child, as the server has it now; `None` if there is no child.
    pub async fn read_child(&self, name: &str) -> Result<Option<i64>, kube::Error> {
        let child = self.children.get_opt(name).await?;
        let data = child.and_then(|child| child.data).unwrap_or_default();
        Ok(data.get(KEY).and_then(|value| value.parse().ok()))
    }
}

/// What there is nothing more to do about is done.
fn unless<T>(already: u16, sent: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match sent {
        Err(kube::Error::Api(status)) if status.code == already => Ok(()),
        sent => sent.map(drop),
    }
}
