//! What a scenario runs in: an API server in memory, and somebody who creates and changes objects.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, CustomResourceExt as _, Resource as KubeResource,
    api::{Patch, PatchParams},
};
use kube_testbed::{ApiServer, InvalidCrd, Resource};
use requeue_policy::kube::Requeuer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::app::{App, Context};

pub(crate) struct World {
    server: ApiServer,
    reconciles: Reconciles,
}

/// When each object was reconciled.
#[derive(Clone)]
pub(crate) struct Reconciles {
    start: Instant,
    starts: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Reconciles {
    pub(crate) fn add(&self, name: &str) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.push((self.start.elapsed(), name.to_owned()));
    }
}

impl World {
    pub(crate) fn new() -> Result<Self, InvalidCrd> {
        let (start, starts) = (Instant::now(), Arc::default());
        Ok(Self {
            server: ApiServer::new([Resource::from_crd(&App::crd())?]),
            reconciles: Reconciles { start, starts },
        })
    }

    /// Objects as the controller watches them.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: KubeResource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::default_namespaced(self.client())
    }

    fn client(&self) -> Client {
        Client::new(self.server.connect(), "default")
    }

    /// Objects as somebody else reads and writes them.
    pub(crate) fn outside<K>(&self) -> Api<K>
    where
        K: KubeResource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::default_namespaced(Client::new(self.server.connect_outside(), "default"))
    }

    /// What the reconciler works with: it writes through the client that the `Requeuer` knows.
    pub(crate) fn context(&self, requeue: &Requeuer) -> Arc<Context> {
        Arc::new(Context {
            apps: Api::default_namespaced(requeue.client(self.client())),
            reconciles: self.reconciles.clone(),
        })
    }

    /// Somebody changes an object, by a merge patch.
    pub(crate) async fn change<K>(&self, name: &str, patch: Value) -> kube::Result<()>
    where
        K: KubeResource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(patch);
        self.outside::<K>().patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Lets time pass until so many seconds after the start.
    pub(crate) async fn until(&self, seconds: f64) {
        sleep_until(self.reconciles.start + Duration::from_secs_f64(seconds)).await;
    }

    /// When each object was reconciled, in seconds since the start, to the hundredth.
    pub(crate) fn times(&self) -> BTreeMap<String, Vec<f64>> {
        let starts = self.reconciles.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = BTreeMap::<_, Vec<_>>::new();
        for (at, name) in &*starts {
            let at = (at.as_secs_f64() * 100.0).round() / 100.0;
            times.entry(name.clone()).or_default().push(at);
        }
        times
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, times) in self.times() {
            let times: Vec<_> = times.iter().map(|at| format!("{at:7.2}s")).collect();
            write!(f, "\n  {name:10} reconciled at {}", times.concat())?;
        }
        Ok(())
    }
}
