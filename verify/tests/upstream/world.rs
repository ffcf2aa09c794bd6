//! One scenario for both controllers.

use futures::{StreamExt, future::ready};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, CustomResource, CustomResourceExt as _, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
    runtime::{
        controller::{Action, Controller},
        watcher,
    },
};
use kube_testbed::{ApiServer, Resource};
use requeue_policy::{Interval, Observe, Observed, Phase, RequeueConfig, kube::Requeuer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// In what time every reconcile asks for the next.
const HOUR: Duration = Duration::from_secs(3600);

/// Outside of namespaces, with children in them.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(group = "example.com", version = "v1", kind = "Team", schema = "disabled")]
pub(crate) struct TeamSpec {
    pub(crate) value: u64,
}

impl Observe for Team {
    fn observe(&self) -> Observed {
        Observed::new(Phase::Ready)
    }
}

/// Whose controller is played.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Kube,
    ThisCrate,
}

/// The start of a reconcile.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) value: u64,
    pub(crate) at: Duration,
}

/// An API server, a controller of teams that owns config maps, and somebody outside.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    teams: Api<Team>,
    children: Api<ConfigMap>,
    runs: Arc<Mutex<Vec<Run>>>,
    start: Instant,
}

impl World {
    pub(crate) fn new() -> Self {
        // From it comes the jitter of kube-runtime's backoff.
        fastrand::seed(1);
        let teams = Resource::from_crd(&Team::crd()).expect("the definition of a team");
        let server = ApiServer::new([teams]);
        let outside = Client::new(server.connect_outside(), "default");
        Self {
            server,
            teams: Api::all(outside.clone()),
            children: Api::default_namespaced(outside),
            runs: Arc::default(),
            start: Instant::now(),
        }
    }

    /// Starts a controller whose reconciles do this.
    pub(crate) fn start<F>(&self, by: By, config: watcher::Config, work: impl Fn(&str) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let client = Client::new(self.server.connect(), "default");
        let (teams, children) = (Api::<Team>::all(client.clone()), Api::<ConfigMap>::all(client));
        let (runs, start) = (self.runs.clone(), self.start);
        let reconcile = move |team: Arc<Team>| {
            runs.lock().expect("no scenario panics here").push(Run {
                name: team.name_any(),
                value: team.spec.value,
                at: start.elapsed(),
            });
            work(&team.name_any())
        };
        match by {
            By::Kube => {
                let reconcile = move |team: Arc<Team>, _: Arc<()>| {
                    let work = reconcile(team);
                    async move {
                        work.await;
                        Ok::<_, Infallible>(Action::requeue(HOUR))
                    }
                };
                let controller = Controller::new(teams, config).owns(children, watcher::Config::default());
                let controller = controller.run(reconcile, |_, _, _| Action::await_change(), Arc::default());
                tokio::spawn(controller.for_each(|_| ready(())));
            }
            By::ThisCrate => {
                let reconcile = move |team: Arc<Team>, _: Arc<()>| {
                    let work = reconcile(team);
                    async move {
                        work.await;
                        Ok::<_, Infallible>(Phase::Ready)
                    }
                };
                let policy = RequeueConfig::default().with_default(Interval::constant(HOUR));
                let requeue = Requeuer::new(policy).expect("the policy is valid");
                let controller = requeue
                    .controller(teams, config)
                    .owns(children, watcher::Config::default());
                tokio::spawn(controller.run(reconcile, Arc::default()).for_each(|_| ready(())));
            }
        }
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    pub(crate) async fn create(&self, name: &str) -> Team {
        let team = Team::new(name, TeamSpec::default());
        let created = self.teams.create(&PostParams::default(), &team).await;
        created.expect("a team is created")
    }

    pub(crate) async fn set_value(&self, name: &str, value: u64) {
        let patch = Patch::Merge(json!({ "spec": { "value": value } }));
        let patched = self.teams.patch(name, &PatchParams::default(), &patch).await;
        patched.expect("a team is patched");
    }

    pub(crate) async fn create_child(&self, owner: &Team) {
        let mut child = ConfigMap::default();
        child.metadata.name = Some("child".to_owned());
        child.metadata.owner_references = owner.owner_ref(&()).map(|owner| vec![owner]);
        let created = self.children.create(&PostParams::default(), &child).await;
        created.expect("a child is created");
    }

    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs.lock().expect("no scenario panics here").clone()
    }

    /// Changes a team; returns how long its reconcile takes to come, within two minutes.
    pub(crate) async fn lateness(&self, name: &str, value: u64) -> Option<Duration> {
        let changed = self.start.elapsed();
        self.set_value(name, value).await;
        self.pass(120).await;
        let runs = self.runs();
        let seen = runs.iter().find(|run| run.name == name && run.value == value);
        seen.map(|run| run.at - changed)
    }
}

/// What a test says when kube no longer has the bug.
pub(crate) fn mended(workaround: &str) -> String {
    format!(
        "kube has mended this: drop it from docs/upstream.md, and when no older kube is supported the workaround in \
         src/kube/watches.rs, that {workaround}"
    )
}
