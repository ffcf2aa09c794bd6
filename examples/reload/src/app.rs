//! One object on an API server in memory, and when it is reconciled.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, CustomResource, CustomResourceExt as _, api::PostParams};
use kube_testbed::{ApiServer, Resource};
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

type Error = Box<dyn std::error::Error>;

#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize)]
#[kube(group = "example.com", version = "v1", kind = "App", namespaced, schema = "disabled")]
pub(crate) struct AppSpec {}

impl Observe for App {
    fn observe(&self) -> Observed {
        Observed::new(Phase::Ready)
    }
}

/// What a scenario runs in.
pub(crate) struct World {
    /// Objects as the controller reads them.
    pub(crate) apps: Api<App>,
    pub(crate) config_maps: Api<ConfigMap>,
    pub(crate) reconciles: Arc<Reconciles>,
}

/// When the object was reconciled.
pub(crate) struct Reconciles {
    start: Instant,
    starts: Mutex<Vec<Duration>>,
}

pub(crate) async fn reconcile(_: Arc<App>, reconciles: Arc<Reconciles>) -> Result<Phase, Infallible> {
    let mut starts = reconciles.starts.lock().unwrap_or_else(PoisonError::into_inner);
    starts.push(reconciles.start.elapsed());
    Ok(Phase::Ready)
}

impl World {
    pub(crate) async fn new() -> Result<Self, Error> {
        let server = ApiServer::new([Resource::from_crd(&App::crd())?]);
        let client = Client::new(server.connect(), "default");
        let apps = Api::default_namespaced(client.clone());
        apps.create(&PostParams::default(), &App::new("app", AppSpec {}))
            .await?;
        let (start, starts) = (Instant::now(), Mutex::default());
        Ok(Self {
            apps,
            config_maps: Api::default_namespaced(client),
            reconciles: Arc::new(Reconciles { start, starts }),
        })
    }

    /// Lets time pass until so many seconds after the start.
    pub(crate) async fn until(&self, seconds: u64) {
        sleep_until(self.reconciles.start + Duration::from_secs(seconds)).await;
    }

    /// When the object was reconciled, in seconds since the start, to the hundredth.
    pub(crate) fn times(&self) -> Vec<f64> {
        let starts = self.reconciles.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let hundredths = starts.iter().map(|at| (at.as_secs_f64() * 100.0).round());
        hundredths.map(|hundredths| hundredths / 100.0).collect()
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times: Vec<_> = self.times().iter().map(|at| format!("{at:7.2}s")).collect();
        write!(f, "\n  reconciled at {}", times.concat())
    }
}
