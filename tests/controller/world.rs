//! A controller of things, on an API server in memory.

use crate::lines::Lines;
use futures::{
    StreamExt,
    future::{BoxFuture, ready as ready_now},
    stream::BoxStream,
};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{
    Api, Client, CustomResource, CustomResourceExt as _, Resource as _, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
    runtime::{
        controller::{self, Action},
        reflector::ObjectRef,
        watcher,
    },
};
use kube_testbed::{ApiServer, Resource};
use requeue_policy::{
    Observe, Observed, Outcome, Phase, RequeueConfig, Retry,
    kube::{Controller, Requeuer},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tracing::subscriber::DefaultGuard;

#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThingSpec {
    pub(crate) value: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThingStatus {
    pub(crate) phase: Option<Phase>,
    pub(crate) since: Option<Time>,
    /// Part of the fingerprint.
    pub(crate) token: Option<String>,
    /// Part of nothing.
    pub(crate) message: Option<String>,
}

impl Observe for Thing {
    fn observe(&self) -> Observed {
        let status = self.status.clone().unwrap_or_default();
        Observed::new(status.phase.unwrap_or(Phase::Initializing))
            .since(status.since.map(|time| SystemTime::from(time.0)))
            .fingerprint(&status.token)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Oops(pub(crate) &'static str);

pub(crate) type Answer = Result<Outcome, Oops>;
type Reconciler = dyn Fn(Arc<Thing>, Api<Thing>) -> BoxFuture<'static, Answer> + Send + Sync;

/// What a controller's stream yields.
pub(crate) type Yield = Result<(ObjectRef<Thing>, Action), controller::Error<Oops, watcher::Error>>;

/// A run of the reconciler.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) at: Duration,
    pub(crate) value: i64,
}

/// An API server, a reconciler that notes when it runs, and somebody outside.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    /// The API as somebody else sees it.
    pub(crate) things: Api<Thing>,
    pub(crate) children: Api<ConfigMap>,
    pub(crate) lines: Lines,
    reconcile: Arc<Reconciler>,
    classify: fn(&Oops) -> Retry,
    runs: Arc<Mutex<Vec<Run>>>,
    start: Instant,
    _log: DefaultGuard,
}

impl World {
    /// A world in which this reconciler runs; it gets the object and the controller's API.
    pub(crate) fn new<F, O>(reconcile: impl Fn(Arc<Thing>, Api<Thing>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<O, Oops>> + Send + 'static,
        O: Into<Outcome>,
    {
        Self::with(things(), reconcile)
    }

    /// The same with things that are stored in another way.
    pub(crate) fn with<F, O>(
        things: Resource,
        reconcile: impl Fn(Arc<Thing>, Api<Thing>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<O, Oops>> + Send + 'static,
        O: Into<Outcome>,
    {
        let server = ApiServer::with_seed(1, [things]);
        let (lines, log) = Lines::capture();
        let outside = Client::new(server.connect_outside(), "default");
        Self {
            things: Api::default_namespaced(outside.clone()),
            children: Api::default_namespaced(outside),
            server,
            lines,
            reconcile: Arc::new(move |thing, api| {
                let run = reconcile(thing, api);
                Box::pin(async move { run.await.map(Into::into) })
            }),
            classify: |_| Retry::Backoff,
            runs: Arc::default(),
            start: Instant::now(),
            _log: log,
        }
    }

    /// Tells errors apart.
    pub(crate) fn classify(self, classify: fn(&Oops) -> Retry) -> Self {
        Self { classify, ..self }
    }

    /// Starts a controller with this policy.
    pub(crate) fn start(&self, policy: RequeueConfig) -> JoinHandle<()> {
        self.start_with(&requeuer(policy))
    }

    /// Starts a controller that watches the things only.
    pub(crate) fn start_with(&self, requeue: &Requeuer) -> JoinHandle<()> {
        self.spawn(self.controller(requeue), requeue)
    }

    /// Starts a controller that also owns the children.
    pub(crate) fn start_owning(&self, requeue: &Requeuer) -> JoinHandle<()> {
        let children = Api::<ConfigMap>::default_namespaced(self.client());
        let controller = self.controller(requeue).owns(children, watcher::Config::default());
        self.spawn(controller, requeue)
    }

    /// Starts a controller and counts what its stream yields: its dispatches.
    pub(crate) fn count_yields(&self, requeue: &Requeuer) -> Arc<AtomicUsize> {
        let yields = Arc::new(AtomicUsize::new(0));
        let counted = yields.clone();
        let stream = self.run(self.controller(requeue), requeue);
        tokio::spawn(stream.for_each(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            ready_now(())
        }));
        yields
    }

    pub(crate) fn controller(&self, requeue: &Requeuer) -> Controller<Thing> {
        requeue.controller(Api::default_namespaced(self.client()), watcher::Config::default())
    }

    /// The controller's client: its requests are counted, delayed and hit by faults.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.connect(), "default")
    }

    pub(crate) fn spawn(&self, controller: Controller<Thing>, requeue: &Requeuer) -> JoinHandle<()> {
        tokio::spawn(self.run(controller, requeue).for_each(|result| async move {
            if let Err(error) = result {
                println!("{error:?}");
            }
        }))
    }

    /// What the controller's stream yields, which drives it.
    pub(crate) fn run(&self, controller: Controller<Thing>, requeue: &Requeuer) -> BoxStream<'static, Yield> {
        let api = Api::default_namespaced(requeue.client(self.client()));
        drive(controller, self.noting_reconciler(), self.classify, api)
    }

    /// The reconciler, which notes when it runs.
    pub(crate) fn noting_reconciler(&self) -> Noting {
        let (runs, start, reconcile) = (self.runs.clone(), self.start, self.reconcile.clone());
        Box::new(move |thing: Arc<Thing>, api: Arc<Api<Thing>>| {
            runs.lock().expect("a test panicked while it held the runs").push(Run {
                name: thing.name_any(),
                at: start.elapsed(),
                value: thing.spec.value,
            });
            reconcile(thing, (*api).clone())
        })
    }

    /// Lets time pass until so many seconds after the start.
    pub(crate) async fn until(&self, seconds: f64) {
        sleep_until(self.start + Duration::from_secs_f64(seconds)).await;
    }

    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs
            .lock()
            .expect("a test panicked while it held the runs")
            .clone()
    }

    /// When "a" ran, in seconds since the start; timers have milliseconds, so to the hundredth.
    pub(crate) fn times(&self) -> Vec<f64> {
        self.times_of("a")
    }

    pub(crate) fn times_of(&self, name: &str) -> Vec<f64> {
        let runs = self.runs();
        let of_it = runs.iter().filter(|run| run.name == name);
        of_it
            .map(|run| (run.at.as_secs_f64() * 100.0).round() / 100.0)
            .collect()
    }

    pub(crate) async fn create(&self, name: &str) -> Thing {
        let thing = Thing::new(name, ThingSpec::default());
        self.things
            .create(&PostParams::default(), &thing)
            .await
            .expect("a thing is created")
    }

    /// Changes "a" from outside.
    pub(crate) async fn patch(&self, patch: serde_json::Value) {
        let patched = self
            .things
            .patch("a", &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.expect("a thing is patched");
    }

    /// Makes an object that exists an owner of "a".
    pub(crate) async fn add_owner(&self) {
        let owner: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "b" } })).expect("a ConfigMap");
        let owner = self.children.create(&PostParams::default(), &owner).await;
        let owner = owner.expect("an owner is created").owner_ref(&());
        self.patch(json!({ "metadata": { "ownerReferences": [owner] } })).await;
    }

    /// Changes the status of "a" from outside.
    pub(crate) async fn patch_status(&self, status: serde_json::Value) {
        patch_status(&self.things, "a", status).await;
    }

    pub(crate) async fn set_value(&self, value: i64) {
        self.patch(json!({ "spec": { "value": value } })).await;
    }

    /// Creates a child of a thing.
    pub(crate) async fn create_child(&self, parent: &Thing) {
        create_child(&self.children, parent).await.expect("a child is created");
    }

    /// Changes the child of "a" from outside.
    pub(crate) async fn change_child(&self, value: &str) {
        change_child(&self.children, value).await;
    }
}

/// A reconciler of one type, for all tests.
pub(crate) type Noting = Box<dyn Fn(Arc<Thing>, Arc<Api<Thing>>) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Of one type for all tests: a controller takes seconds to compile for each.
pub(crate) fn drive(
    controller: Controller<Thing>,
    reconcile: Noting,
    classify: fn(&Oops) -> Retry,
    api: Api<Thing>,
) -> BoxStream<'static, Yield> {
    let classify = move |error: &Oops, _: &Thing| classify(error);
    controller.run_with(reconcile, classify, Arc::new(api)).boxed()
}

/// How the API server keeps things.
pub(crate) fn things() -> Resource {
    Resource::from_crd(&Thing::crd()).expect("the definition of a thing")
}

/// The time as a reconciler writes it into a status: the wall clock, paused as tokio's is, to the microsecond the engine's.
pub(crate) fn wall_clock() -> Timestamp {
    let now = requeuer(RequeueConfig::default()).now();
    now.try_into().expect("a test does not run for millennia")
}

/// Creates the child of a thing, unless it is there already.
pub(crate) async fn ensure_child(things: &Api<Thing>, parent: &Thing) {
    let children = Api::default_namespaced(things.clone().into_client());
    match create_child(&children, parent).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        created => created.expect("a child is created"),
    }
}

pub(crate) async fn create_child(children: &Api<ConfigMap>, parent: &Thing) -> Result<(), kube::Error> {
    let child = ConfigMap {
        metadata: ObjectMeta {
            name: Some(parent.name_any()),
            owner_references: parent.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    children.create(&PostParams::default(), &child).await.map(drop)
}

pub(crate) async fn change_child(children: &Api<ConfigMap>, value: &str) {
    let patch = Patch::Merge(json!({ "data": { "value": value } }));
    children
        .patch("a", &PatchParams::default(), &patch)
        .await
        .expect("a child is patched");
}

pub(crate) async fn patch_status(things: &Api<Thing>, name: &str, status: serde_json::Value) {
    let patch = Patch::Merge(json!({ "status": status }));
    things
        .patch_status(name, &PatchParams::default(), &patch)
        .await
        .expect("a status is patched");
}

/// Writes a status that differs from every other, as the proposal's controller does in every run.
pub(crate) async fn write_status(thing: &Thing, things: &Api<Thing>, phase: Phase) {
    let message = format!("run at {:?}", Instant::now());
    patch_status(things, &thing.name_any(), json!({ "phase": phase, "message": message })).await;
}

pub(crate) fn requeuer(policy: RequeueConfig) -> Requeuer {
    Requeuer::new(policy).expect("a test's policy is valid")
}

/// A policy from YAML, as an operator writes it.
pub(crate) fn policy(yaml: &str) -> RequeueConfig {
    serde_saphyr::from_str(yaml).expect("a test's policy is valid")
}

/// What a reconciler returns that has nothing to do.
pub(crate) async fn ready(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Ok(Phase::Ready)
}

/// Reports Ready and writes the status in every run: what makes the hot loop.
pub(crate) async fn writes_status(thing: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Oops> {
    write_status(&thing, &things, Phase::Ready).await;
    Ok(Phase::Ready)
}

/// Takes 300 ms and writes the status at its end.
pub(crate) async fn writes_status_slowly(thing: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Oops> {
    sleep(Duration::from_millis(300)).await;
    writes_status(thing, things).await
}
