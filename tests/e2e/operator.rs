//! The controllers under test.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Cluster, Running, Thing, Things, Trouble};
use futures::StreamExt as _;
use kube::{ResourceExt as _, runtime::watcher};
use requeue_policy::{Interval, Outcome, Phase, RequeueConfig, kube::Requeuer};
use tokio::time::sleep;

use crate::runs::{Open, Runs};

/// What every reconciler under test is given.
pub(crate) struct Bench {
    pub(crate) things: Things,
    runs: Runs,
}

impl Bench {
    pub(crate) fn begin(&self, thing: &Arc<Thing>) -> Open {
        self.runs.begin(thing)
    }

    /// Writes a status that differs from any before it.
    pub(crate) async fn write_status(&self, run: &Open, thing: &Thing, phase: Phase) -> Result<(), Trouble> {
        let status = thing.next_status(phase, run.number());
        Ok(self.things.write_status(&thing.name_any(), status).await?)
    }
}

/// The reconciler of the proposal's controller: it finds all well and says so in the status, every time with other words.
pub(crate) async fn all_is_well(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    bench.write_status(&run, &thing, Phase::Ready).await?;
    Ok(Phase::Ready)
}

/// The policy with this interval for settled objects, and the default for all else.
pub(crate) fn every(interval: Duration) -> RequeueConfig {
    RequeueConfig::default().with_default(Interval::constant(interval))
}

/// The crate's controller of things and their children. The reconciler writes through its client.
pub(crate) async fn with_crate<F, Fut, O>(bench: Bench, config: RequeueConfig, reconcile: F) -> anyhow::Result<()>
where
    F: Fn(Arc<Thing>, Arc<Bench>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<O, Trouble>> + Send + 'static,
    O: Into<Outcome>,
{
    let requeue = Requeuer::new(config)?;
    let Bench { things, runs } = bench;
    let client = requeue.client(things.api.clone().into_client());
    let context = Bench {
        things: Things::new(client),
        runs,
    };
    requeue
        .controller(things.api, watcher::Config::default())
        .owns(things.children, watcher::Config::default())
        .run(reconcile, Arc::new(context))
        .for_each(|_| async {})
        .await;
    Ok(())
}

/// A running controller and its reconciles; it ends when this is dropped.
pub(crate) struct Operator {
    pub(crate) running: Running,
    pub(crate) runs: Runs,
}

impl Operator {
    /// Starts a controller on threads of this name.
    pub(crate) async fn start<F>(
        threads: &'static str,
        cluster: &Cluster,
        controller: impl FnOnce(Bench) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let runs = Runs::default();
        let noted = runs.clone();
        let running = Running::start(threads, cluster, |client| {
            controller(Bench {
                things: Things::new(client),
                runs: noted,
            })
        });
        Ok(Self {
            running: running.await?,
            runs,
        })
    }

    /// Measures what it does in a span of time from now on.
    pub(crate) async fn measure(&self, span: Duration) -> anyhow::Result<Work> {
        let so_far = || anyhow::Ok((self.runs.len(), self.running.requests.so_far().all, self.running.cpu()?));
        let (started, before) = (Instant::now(), so_far()?);
        sleep(span).await;
        let (after, seconds) = (so_far()?, started.elapsed().as_secs_f64());
        Ok(Work {
            runs: (after.0 - before.0) as f64 / seconds,
            requests: (after.1 - before.1) as f64 / seconds,
            cpu: (after.2 - before.2).as_secs_f64() / seconds,
        })
    }
}

/// What a controller did in a second, and the share of a core that it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) runs: f64,
    pub(crate) requests: f64,
    pub(crate) cpu: f64,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, requests, percent) = (self.runs, self.requests, 100.0 * self.cpu);
        write!(
            f,
            "{runs:.2} reconciles/s, {requests:.2} requests/s, {percent:.2} % of a core"
        )
    }
}
