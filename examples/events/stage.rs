//! The world of a scenario.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    app::{App, AppSpec, Context},
    support::{ApiServer, Resource},
};

/// An API server, and somebody who makes and changes objects.
pub(crate) struct Stage {
    server: ApiServer,
    runs: Runs,
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
        let secrets = Resource::of::<Secret>()
            .without_status_subresource()
            .without_generation();
        let (start, runs) = (Instant::now(), Arc::default());
        Self {
            server: ApiServer::new(1, [Resource::of::<App>(), secrets]),
            runs: Runs { start, runs },
        }
    }

    /// The objects as the controller reads and writes them.
    pub(crate) fn apps(&self) -> Api<App> {
        Api::default_namespaced(self.server.client())
    }

    /// The metadata of the Secrets, as the controller reads them.
    pub(crate) fn secrets(&self) -> Api<PartialObjectMeta<Secret>> {
        Api::default_namespaced(self.server.client())
    }

    pub(crate) fn context(&self) -> Arc<Context> {
        Arc::new(Context {
            apps: self.apps(),
            runs: self.runs.clone(),
        })
    }

    pub(crate) async fn create(&self, name: &str, spec: AppSpec) -> kube::Result<()> {
        self.apps()
            .create(&PostParams::default(), &App::new(name, spec))
            .await?;
        Ok(())
    }

    pub(crate) async fn change(&self, name: &str, spec: Value) -> kube::Result<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.apps().patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Makes a Secret, or gives it another password.
    pub(crate) async fn rotate(&self, name: &str, password: &str) -> kube::Result<()> {
        let patch = Patch::Apply(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name },
            "stringData": { "password": password },
        }));
        let secrets = Api::<Secret>::default_namespaced(self.server.outside_client());
        secrets.patch(name, &PatchParams::apply("admin"), &patch).await?;
        Ok(())
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
