//! A controller in a runtime of its own, so that its work can be told from the test's.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::StreamExt as _;
use kube::{
    Client, Config, ResourceExt as _,
    api::{Patch, PatchParams},
    client::ClientBuilder,
    runtime::{Controller, controller::Action, watcher},
};
use requeue_policy::{Interval, Phase, RequeueConfig, kube::Requeuer};
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinHandle, time::sleep};
use tower::util::MapRequestLayer;

use crate::{
    cluster::Cluster,
    lines::Lines,
    process::cpu_of_threads,
    runs::{Open, Runs},
    thing::{Thing, things},
};

const WORKERS: usize = 2;

/// What makes a run fail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("it is broken")]
    Broken,
}

/// What every reconciler under test is given.
pub(crate) struct Bench {
    pub(crate) client: Client,
    runs: Runs,
}

impl Bench {
    pub(crate) fn begin(&self, thing: &Arc<Thing>) -> Open {
        self.runs.begin(thing)
    }

    /// Writes a status that differs from any before it.
    pub(crate) async fn write_status(&self, thing: &Thing, phase: Phase) -> Result<(), Trouble> {
        let count = self.runs.len();
        let status = json!({
            "phase": phase,
            "observedValue": thing.spec.value,
            "message": format!("run {count}"),
            "count": count,
        });
        self.patch_status(thing, status).await
    }

    pub(crate) async fn patch_status(&self, thing: &Thing, status: serde_json::Value) -> Result<(), Trouble> {
        let patch = Patch::Merge(json!({"status": status}));
        let things = things(self.client.clone());
        things
            .patch_status(&thing.name_any(), &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}

/// The reconciler of the proposal's controller: it finds all well and says so in the status, every time with other words.
pub(crate) async fn all_is_well(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let _run = bench.begin(&thing);
    bench.write_status(&thing, Phase::Ready).await?;
    Ok(Phase::Ready)
}

/// The policy with this interval for settled objects, and the default for all else.
pub(crate) fn every(interval: Duration) -> RequeueConfig {
    RequeueConfig {
        default: Interval::constant(interval),
        ..RequeueConfig::default()
    }
}

/// A plain controller with the crate around its reconciler.
pub(crate) async fn with_crate<F, Fut>(bench: Bench, config: RequeueConfig, reconcile: F) -> anyhow::Result<()>
where
    F: Fn(Arc<Thing>, Arc<Bench>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Phase, Trouble>> + Send + 'static,
{
    let requeue = Requeuer::new(config)?;
    Controller::new(things(bench.client.clone()), watcher::Config::default())
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(bench))
        .for_each(|_| async {})
        .await;
    Ok(())
}

/// A running controller, which ends when this is dropped.
pub(crate) struct Running {
    pub(crate) runs: Runs,
    pub(crate) lines: Lines,
    pub(crate) started: Instant,
    requests: Arc<AtomicU64>,
    threads: &'static str,
    task: JoinHandle<anyhow::Result<()>>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Starts a controller on threads of this name, with a client of its own.
    pub(crate) async fn start<F>(
        threads: &'static str,
        cluster: &Cluster,
        controller: impl FnOnce(Bench) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (runs, lines, requests) = (Runs::default(), Lines::default(), Arc::new(AtomicU64::new(0)));
        let runtime = runtime(threads, &lines)?;
        let config = cluster.config().await?;
        let task = runtime.spawn({
            let (runs, requests) = (runs.clone(), requests.clone());
            async move {
                let client = counting_client(config, requests)?;
                let ended = controller(Bench { client, runs }).await;
                ended.inspect_err(|error| eprintln!("the controller failed: {error:#}"))
            }
        });
        Ok(Self {
            runs,
            lines,
            started: Instant::now(),
            requests,
            threads,
            task,
            runtime: Some(runtime),
        })
    }

    /// Ends the controller and all that it was doing.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.task.abort();
        match (&mut self.task).await {
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(ended) => {
                ended?;
                anyhow::bail!("the controller ended by itself")
            }
        }
    }

    /// Measures what it does in a span of time from now on.
    pub(crate) async fn measure(&self, span: Duration) -> anyhow::Result<Work> {
        let started = Instant::now();
        let before = (self.runs.len(), self.requests(), self.cpu()?);
        sleep(span).await;
        Ok(Work {
            runs: self.runs.len() - before.0,
            requests: self.requests() - before.1,
            cpu: self.cpu()? - before.2,
            span: started.elapsed(),
        })
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of_threads(self.threads).with_context(|| format!("no thread is called {}", self.threads))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed here, where another runtime drops it.
            runtime.shutdown_background();
        }
    }
}

fn runtime(threads: &'static str, lines: &Lines) -> anyhow::Result<Runtime> {
    let dispatch = lines.dispatch();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name(threads)
        // The controller's tasks move between its threads, and other controllers log elsewhere.
        .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&dispatch)))
        .enable_all()
        .build()
        .context("starting a runtime")
}

fn counting_client(config: Config, requests: Arc<AtomicU64>) -> anyhow::Result<Client> {
    let count = MapRequestLayer::new(move |request: http::Request<kube::client::Body>| {
        requests.fetch_add(1, Ordering::Relaxed);
        request
    });
    let builder = ClientBuilder::try_from(config).context("making a client")?;
    Ok(builder.with_layer(&count).build())
}

/// What a controller did, and what it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) runs: usize,
    pub(crate) requests: u64,
    pub(crate) cpu: Duration,
    span: Duration,
}

impl Work {
    pub(crate) fn runs_per_second(&self) -> f64 {
        self.runs as f64 / self.span.as_secs_f64()
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} runs/s, {:.2} requests/s, {:.2} % of a core",
            self.runs_per_second(),
            self.requests as f64 / self.span.as_secs_f64(),
            100.0 * self.cpu.as_secs_f64() / self.span.as_secs_f64(),
        )
    }
}

/// The controller that the proposal wants to be rid of.
pub(crate) async fn naive<F, Fut>(bench: Bench, interval: Duration, reconcile: F) -> anyhow::Result<()>
where
    F: Fn(Arc<Thing>, Arc<Bench>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Phase, Trouble>> + Send + 'static,
{
    Controller::new(things(bench.client.clone()), watcher::Config::default())
        .run(
            move |thing, bench| {
                let run = reconcile(thing, bench);
                async move { run.await.map(|_| Action::requeue(interval)) }
            },
            move |_, _, _| Action::requeue(interval),
            Arc::new(bench),
        )
        .for_each(|_| async {})
        .await;
    Ok(())
}
