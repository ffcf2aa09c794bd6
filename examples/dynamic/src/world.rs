//! What the controllers run in: an API server in memory, and somebody who creates objects.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use kube_testbed::{ApiServer, Resource};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::janitor::controller;

type Error = Box<dyn std::error::Error>;

pub(crate) struct World {
    pub(crate) server: ApiServer,
    start: Instant,
    /// How often each object was reconciled.
    reconciles: Arc<Mutex<BTreeMap<String, u32>>>,
}

/// The plural, and the time to live in minutes of an object of this number: every fourth has none.
const KINDS: [(&str, &str); 2] = [("Preview", "previews"), ("Sandbox", "sandboxes")];

pub(crate) fn minutes(number: u64) -> Option<u64> {
    (!number.is_multiple_of(4)).then_some(10 * number)
}

impl World {
    pub(crate) async fn new() -> Result<Self, Error> {
        let resources = KINDS.map(|(kind, plural)| Resource::namespaced("example.com", "v1", kind, plural));
        let world = Self {
            server: ApiServer::new(resources),
            start: Instant::now(),
            reconciles: Arc::default(),
        };
        for (kind, plural) in KINDS {
            let api = world.outside(kind, plural);
            for number in 0..30 {
                let name = format!("{}-{number:02}", kind.to_lowercase());
                let mut object = DynamicObject::new(&name, &resource(kind, plural));
                let ttl = minutes(number).map(|minutes| format!("{minutes}m"));
                object
                    .annotations_mut()
                    .extend(ttl.map(|ttl| ("example.com/ttl".to_owned(), ttl)));
                api.create(&PostParams::default(), &object).await?;
            }
        }
        Ok(world)
    }

    /// Starts a controller of each of these kinds. Two objects are changed; a day passes.
    pub(crate) async fn play(&self, kinds: &[String]) -> Result<(), Error> {
        for kind in kinds {
            let client = Client::new(self.server.connect(), "default");
            let (server, reconciles) = (self.server.clone(), self.reconciles.clone());
            let seen = move |name: &str| {
                let mut reconciles = reconciles.lock().unwrap_or_else(PoisonError::into_inner);
                *reconciles.entry(name.to_owned()).or_default() += 1;
            };
            let run = controller(client, kind, Arc::new(move || server.now()), Arc::new(seen)).await?;
            tokio::spawn(run.for_each(async |()| {}));
        }
        self.until(5).await;
        self.annotate("preview-05", "3h").await?;
        self.annotate("preview-07", "soon").await?;
        self.until(24 * 60).await;
        Ok(())
    }

    async fn annotate(&self, name: &str, ttl: &str) -> kube::Result<()> {
        let (kind, plural) = KINDS[0];
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { "example.com/ttl": ttl } } }));
        let api = self.outside(kind, plural);
        api.patch(name, &PatchParams::default(), &patch).await.map(drop)
    }

    /// Lets time pass until so many minutes after the start.
    pub(crate) async fn until(&self, minutes: u64) {
        sleep_until(self.start + Duration::from_secs(60 * minutes)).await;
    }

    fn outside(&self, kind: &str, plural: &str) -> Api<DynamicObject> {
        let client = Client::new(self.server.connect_outside(), "default");
        Api::default_namespaced_with(client, &resource(kind, plural))
    }

    pub(crate) fn exists(&self, plural: &str, name: &str) -> bool {
        self.server.object(plural, "default", name).is_some()
    }

    pub(crate) fn reconciles(&self) -> BTreeMap<String, u32> {
        self.reconciles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: "example.com".to_owned(),
        version: "v1".to_owned(),
        api_version: "example.com/v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reconciles = self.reconciles();
        for (kind, plural) in KINDS {
            let names: Vec<_> = (0..30)
                .map(|number| format!("{}-{number:02}", kind.to_lowercase()))
                .collect();
            let left = names.iter().filter(|name| self.exists(plural, name)).count();
            let count: u32 = names.iter().filter_map(|name| reconciles.get(name)).sum();
            write!(f, "\n{kind}: 30 objects, {left} left after 24 h, {count} reconciles")?;
        }
        Ok(())
    }
}
