//! The world of a scenario.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Resource as KubeResource,
    api::{Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::{
    app::{App, Context},
    support::{ApiServer, Resource},
};

/// An API server, and somebody who makes and changes objects.
pub(crate) struct Stage {
    server: ApiServer,
    runs: Runs,
}

/// What the server keeps: apps, Secrets and ConfigMaps, or their metadata.
pub(crate) trait InNamespace:
    KubeResource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl<K> InNamespace for K where
    K: KubeResource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

/// When each object ran.
#[derive(Clone)]
pub(crate) struct Runs {
    start: Instant,
    runs: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Runs {
    pub(crate) fn start(&self, name: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push((self.start.elapsed(), name.to_owned()));
    }

    fn list(&self) -> Vec<(Duration, String)> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let data = [Resource::of::<Secret>(), Resource::of::<ConfigMap>()];
        let [secrets, config_maps] = data.map(|of| of.without_status_subresource().without_generation());
        let (start, runs) = (Instant::now(), Arc::default());
        Self {
            server: ApiServer::new(1, [Resource::of::<App>(), secrets, config_maps]),
            runs: Runs { start, runs },
        }
    }

    /// Objects as the controller reads and writes them.
    pub(crate) fn api<K: InNamespace>(&self) -> Api<K> {
        Api::default_namespaced(self.server.client())
    }

    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::new(Context {
            apps: self.api(),
            runs: self.runs.clone(),
        })
    }

    /// Somebody makes an object.
    pub(crate) async fn create<K: InNamespace>(&self, object: &K) -> kube::Result<()> {
        self.outside().create(&PostParams::default(), object).await?;
        Ok(())
    }

    /// Somebody changes an object, by a merge patch.
    pub(crate) async fn change<K: InNamespace>(&self, name: &str, patch: Value) -> kube::Result<()> {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        self.outside::<K>().patch(name, &params, &patch).await?;
        Ok(())
    }

    fn outside<K: InNamespace>(&self) -> Api<K> {
        Api::default_namespaced(self.server.outside_client())
    }

    /// Lets time pass until so many seconds after the start.
    pub(crate) async fn until(&self, seconds: f64) {
        sleep_until(self.runs.start + Duration::from_secs_f64(seconds)).await;
    }

    /// When each object ran, in seconds since the start, to the hundredth.
    pub(crate) fn times(&self) -> BTreeMap<String, Vec<f64>> {
        let mut times = BTreeMap::<_, Vec<_>>::new();
        for (at, name) in self.runs.list() {
            let at = (at.as_secs_f64() * 100.0).round() / 100.0;
            times.entry(name).or_default().push(at);
        }
        times
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, times) in self.times() {
            let times: Vec<_> = times.iter().map(|at| format!("{at:7.2}s")).collect();
            write!(f, "\n  {name:10} ran at {}", times.concat())?;
        }
        Ok(())
    }
}
