//! The controller that is soaked: the typical one, which writes its status in every run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Kind, Thing, Things, Trouble};
use futures::StreamExt as _;
use kube::{
    Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::watcher,
};
use requeue_policy::{
    Outcome, Phase, Retry,
    kube::{Requeuer, reasons},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    book::{Book, Run},
    echoes::Echoes,
    intervals,
    objects::{awaits, has_child, is_hopeless, is_silent, is_weak, number},
};

/// How long a run takes after it has looked at a child; long enough for the child to change meanwhile.
const WORK: Duration = Duration::from_millis(100);
/// How long it goes on after it has written its status, which comes back meanwhile.
const GOES_ON: Duration = Duration::from_millis(50);
/// How long a weak object fails, and how often.
const FAILS_FOR: u64 = 15;
const FAILS_EVERY: u64 = 60;

struct Bench {
    things: Things,
    book: Arc<Book>,
    echoes: Echoes,
    started: Instant,
}

pub(crate) async fn run(client: Client, book: Arc<Book>, echoes: Echoes) -> anyhow::Result<()> {
    let requeue = Requeuer::new(intervals::config())?;
    let Things { api, children, .. } = Things::new(client.clone());
    let bench = Bench {
        things: Things::new(requeue.client(client)),
        book,
        echoes,
        started: Instant::now(),
    };
    requeue
        .controller(api, watcher::Config::default())
        .owns(children, watcher::Config::default())
        .run_with(reconcile, classify, Arc::new(bench))
        .for_each(|_| async {})
        .await;
    Ok(())
}

fn classify(_: &Trouble, thing: &Thing) -> Retry {
    match is_hopeless(number(&thing.name_any())) {
        true => Retry::Never,
        false => Retry::Backoff,
    }
}

async fn reconcile(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Outcome, Trouble> {
    let run = bench.book.begin(&thing, &reasons());
    for kind in Kind::ALL {
        if let Some(value) = thing.shows(kind) {
            bench.book.saw(&run, kind, value);
        }
    }
    let result = bench.work(&run, &thing).await;
    // An error is a failure to the policy, whatever it was.
    bench.book.end(&run, *result.as_ref().unwrap_or(&Phase::Failed));
    let awaits = awaits(number(&thing.name_any()));
    result.map(|phase| match phase {
        Phase::Ready if awaits => phase.await_change(),
        _ => phase.into(),
    })
}

impl Bench {
    async fn work(&self, run: &Run, thing: &Thing) -> Result<Phase, Trouble> {
        let (name, number) = (thing.name_any(), number(&thing.name_any()));
        if has_child(number) {
            // Without one it was deleted, and will be created anew.
            if let Some(value) = self.things.read_child(&name).await? {
                self.book.saw(run, Kind::Child, value);
            }
            sleep(WORK).await;
            self.touch_child(run, &name).await?;
        }
        let phase = if thing.status.as_ref().is_none_or(|status| status.phase.is_none()) {
            Phase::Initializing
        } else if self.is_broken(number) {
            Phase::Failed
        } else {
            Phase::Ready
        };
        let status = thing.next_status(phase, run.before + 1);
        self.write_status(run, &name, status).await?;
        if has_child(number) {
            sleep(GOES_ON).await;
        }
        match phase {
            Phase::Failed => Err(Trouble::Broken),
            phase => Ok(phase),
        }
    }

    async fn write_status(&self, run: &Run, name: &str, status: Value) -> Result<(), kube::Error> {
        let (patch, how) = (Patch::Merge(json!({ "status": status })), PatchParams::default());
        let written = self.things.api.patch_status(name, &how, &patch).await;
        self.echoes.wrote_status(&self.answered(run, written)?);
        Ok(())
    }

    /// Writes to the child in every reconcile, if there is one.
    async fn touch_child(&self, run: &Run, name: &str) -> Result<(), kube::Error> {
        let touched = json!({ "metadata": { "annotations": { "touched": run.before.to_string() } } });
        let (patch, how) = (Patch::Merge(touched), PatchParams::default());
        match self.things.children.patch(name, &how, &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            written => {
                self.echoes.wrote_child(&self.answered(run, written)?);
                Ok(())
            }
        }
    }

    /// A write without an answer counts as somebody else's.
    fn answered<T>(&self, run: &Run, written: Result<T, kube::Error>) -> Result<T, kube::Error> {
        if !matches!(written, Ok(_) | Err(kube::Error::Api(_))) {
            self.book.unanswered(run);
        }
        written
    }

    fn is_broken(&self, number: usize) -> bool {
        if is_silent(number) {
            return is_hopeless(number);
        }
        // Not all at once.
        let seconds = self.started.elapsed().as_secs() + number as u64;
        is_weak(number) && seconds % FAILS_EVERY < FAILS_FOR
    }
}
