//! The controller that is soaked: the typical one, which writes its status in every run.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use futures::StreamExt as _;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{
    Client, Config, ResourceExt as _,
    api::{Patch, PatchParams},
    client::ClientBuilder,
    runtime::{Controller, watcher},
};
use requeue_policy::{Observe as _, Phase, kube::Requeuer};
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinHandle, time::sleep};

use crate::{
    book::{Book, Kind, Run},
    intervals,
    log_lines::LogLines,
    objects::{KEY, has_child, is_weak, number},
    process::cpu_of_threads,
    requests::Requests,
    thing::{Thing, children, read_child, things},
};

const THREADS: &str = "soak-controller";
const WORKERS: usize = 2;
/// How long a run takes after it has looked at a child; long enough for the child to change meanwhile.
const WORK: Duration = Duration::from_millis(100);
/// How long it goes on after it has written its status, which comes back meanwhile.
const GOES_ON: Duration = Duration::from_millis(50);
/// How long a weak object fails, and how often.
const FAILS_FOR: u64 = 15;
const FAILS_EVERY: u64 = 60;

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("it is broken")]
    Broken,
}

struct Bench {
    client: Client,
    book: Arc<Book>,
    started: Instant,
}

/// A running controller, which ends when this is dropped.
pub(crate) struct Running {
    pub(crate) requests: Requests,
    pub(crate) lines: LogLines,
    pub(crate) started: Instant,
    task: JoinHandle<anyhow::Result<()>>,
    runtime: Option<Runtime>,
}

impl Running {
    pub(crate) fn start(config: Config, book: Arc<Book>) -> anyhow::Result<Self> {
        let (requests, lines, started) = (Requests::default(), LogLines::default(), Instant::now());
        let runtime = runtime(&lines)?;
        let counted = requests.clone();
        let task = runtime.spawn(async move {
            let client = ClientBuilder::try_from(config).context("making a client")?;
            let client = client.with_layer(&counted).build();
            run(Bench { client, book, started }).await
        });
        Ok(Self {
            requests,
            lines,
            started,
            task,
            runtime: Some(runtime),
        })
    }

    /// The processor time that it has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of_threads(THREADS).with_context(|| format!("no thread is called {THREADS}"))
    }

    /// Ends the controller and all that it was doing; fails if it has ended by itself.
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
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed here, where another runtime drops it.
            runtime.shutdown_background();
        }
    }
}

fn runtime(lines: &LogLines) -> anyhow::Result<Runtime> {
    let dispatch = lines.dispatch();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name(THREADS)
        .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&dispatch)))
        .enable_all()
        .build()
        .context("starting a runtime")
}

async fn run(bench: Bench) -> anyhow::Result<()> {
    let requeue = Requeuer::new(intervals::config())?;
    let (owners, owned) = (things(bench.client.clone()), children(bench.client.clone()));
    Controller::new(owners, watcher::Config::default())
        .watches(owned, watcher::Config::default(), requeue.owned())
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(bench))
        .for_each(|_| async {})
        .await;
    Ok(())
}

async fn reconcile(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.book.begin(&thing);
    bench.note_what_it_sees(&run, &thing);
    let result = bench.work(&run, &thing).await;
    // An error is a failure to the policy, whatever it was.
    bench.book.end(&run, *result.as_ref().unwrap_or(&Phase::Failed));
    result
}

impl Bench {
    fn note_what_it_sees(&self, run: &Run, thing: &Thing) {
        let left_in = |value: Option<&String>| value.and_then(|value| value.parse().ok());
        let count = thing.status.as_ref().map(|status| status.count as i64);
        let seen = [
            (Kind::Spec, Some(thing.spec.value)),
            (Kind::Creation, Some(thing.spec.value)),
            (Kind::Label, left_in(thing.labels().get(KEY))),
            (Kind::Annotation, left_in(thing.annotations().get(KEY))),
            (Kind::Status, count),
        ];
        for (kind, value) in seen {
            if let Some(value) = value {
                self.book.saw(run, kind, value);
            }
        }
    }

    async fn work(&self, run: &Run, thing: &Thing) -> Result<Phase, Trouble> {
        let (name, number) = (thing.name_any(), number(&thing.name_any()));
        if has_child(number) {
            match read_child(&children(self.client.clone()), &name).await {
                Ok(Some(value)) => self.book.saw(run, Kind::Child, value),
                Ok(None) => {}
                // It was deleted, and will be created anew.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
            }
            sleep(WORK).await;
        }
        let phase = if thing.status.as_ref().is_none_or(|status| status.phase.is_none()) {
            Phase::Initializing
        } else if self.is_broken(number) {
            Phase::Failed
        } else {
            Phase::Ready
        };
        self.write_status(run, thing, phase).await?;
        if has_child(number) {
            sleep(GOES_ON).await;
        }
        match phase {
            Phase::Failed => Err(Trouble::Broken),
            phase => Ok(phase),
        }
    }

    fn is_broken(&self, number: usize) -> bool {
        // Not all at once.
        let seconds = self.started.elapsed().as_secs() + number as u64;
        is_weak(number) && seconds % FAILS_EVERY < FAILS_FOR
    }

    /// Writes a status that differs from any before it.
    async fn write_status(&self, run: &Run, thing: &Thing, phase: Phase) -> Result<(), Trouble> {
        let kept = thing.last_transition().filter(|_| thing.phase() == phase);
        let since = Timestamp::try_from(kept.unwrap_or_else(SystemTime::now)).expect("the time is of this age");
        let patch = Patch::Merge(json!({"status": {
            "phase": phase,
            "lastTransitionTime": Time(since),
            "observedValue": thing.spec.value,
            "message": format!("run {}", run.before + 1),
        }}));
        let things = things(self.client.clone());
        things
            .patch_status(&thing.name_any(), &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}
