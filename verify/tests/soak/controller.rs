//! The controller that is soaked: the typical one, which writes its status in every run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Kind, Thing, Things, Trouble};
use futures::StreamExt as _;
use kube::{Client, ResourceExt as _, runtime::watcher};
use requeue_policy::{Phase, kube::Requeuer};
use tokio::time::sleep;

use crate::{
    book::{Book, Run},
    intervals,
    objects::{has_child, is_weak, number},
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
    started: Instant,
}

pub(crate) async fn run(client: Client, book: Arc<Book>) -> anyhow::Result<()> {
    let requeue = Requeuer::new(intervals::config())?;
    let Things { api, children, .. } = Things::new(client.clone());
    let bench = Bench {
        things: Things::new(requeue.client(client)),
        book,
        started: Instant::now(),
    };
    requeue
        .controller(api, watcher::Config::default())
        .owns(children, watcher::Config::default())
        .run(reconcile, Arc::new(bench))
        .for_each(|_| async {})
        .await;
    Ok(())
}

async fn reconcile(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.book.begin(&thing);
    for kind in Kind::ALL {
        if let Some(value) = thing.shows(kind) {
            bench.book.saw(&run, kind, value);
        }
    }
    let result = bench.work(&run, &thing).await;
    // An error is a failure to the policy, whatever it was.
    bench.book.end(&run, *result.as_ref().unwrap_or(&Phase::Failed));
    result
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
        }
        let phase = if thing.status.as_ref().is_none_or(|status| status.phase.is_none()) {
            Phase::Initializing
        } else if self.is_broken(number) {
            Phase::Failed
        } else {
            Phase::Ready
        };
        let status = thing.next_status(phase, run.before + 1);
        self.things.write_status(&name, status).await?;
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
}
