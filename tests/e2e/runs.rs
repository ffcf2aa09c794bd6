//! What the reconcilers under test record of each reconcile, and questions to it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cluster::{Change, Histogram, Kind, Thing};
use tokio::time::sleep;

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// One reconcile.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The object as the reconcile was given it.
    pub(crate) thing: Arc<Thing>,
    /// The value of the object's child, where the reconcile looked.
    pub(crate) child: Option<i64>,
    pub(crate) started: Instant,
    pub(crate) ended: Option<Instant>,
}

impl Run {
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.thing.metadata.name.as_deref() == Some(name)
    }

    /// Whether it started after the change was sent, and found it.
    pub(crate) fn reflects(&self, change: &Change, kind: Kind) -> bool {
        let seen = self.child.filter(|_| kind == Kind::Child).or(self.thing.shows(kind));
        self.is_of(&change.name) && self.started >= change.sent && seen.is_some_and(|seen| seen >= change.value)
    }
}

/// The reconciles of a controller, in the order in which they started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Vec<Run>>>);

/// A reconcile that goes on; it ends when this is dropped, however the reconciler returns.
pub(crate) struct Open {
    runs: Runs,
    index: usize,
}

impl Runs {
    pub(crate) fn begin(&self, thing: &Arc<Thing>) -> Open {
        let mut runs = self.lock();
        runs.push(Run {
            thing: thing.clone(),
            child: None,
            started: Instant::now(),
            ended: None,
        });
        Open {
            runs: self.clone(),
            index: runs.len() - 1,
        }
    }

    pub(crate) fn all(&self) -> Vec<Run> {
        self.lock().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn started_since(&self, time: Instant) -> usize {
        self.lock().iter().filter(|run| run.started >= time).count()
    }

    /// The most reconciles that any of these objects had since then.
    pub(crate) fn most_of_one(&self, names: &[String], since: Instant) -> usize {
        let runs = self.lock();
        let of_one = |name| {
            runs.iter()
                .filter(|run| run.is_of(name) && run.started >= since)
                .count()
        };
        names.iter().map(|name| of_one(name)).max().unwrap_or_default()
    }

    /// The first reconcile that meets the condition, waited for if it has not come yet.
    pub(crate) async fn first(&self, what: &str, patience: Duration, is: impl Fn(&Run) -> bool) -> anyhow::Result<Run> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(run) = self.lock().iter().find(|run| is(run)) {
                return Ok(run.clone());
            }
            anyhow::ensure!(Instant::now() < deadline, "no reconcile {what} within {patience:?}");
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until every object had a reconcile, and then until no reconcile has started for a while.
    pub(crate) async fn settle(&self, names: &[String]) -> anyhow::Result<()> {
        const QUIET: Duration = Duration::from_millis(500);
        for name in names {
            let has_ended = |run: &Run| run.is_of(name) && run.ended.is_some();
            self.first(&format!("of {name}"), 20 * QUIET, has_ended).await?;
        }
        let deadline = Instant::now() + 10 * QUIET;
        while self.started_since(Instant::now() - QUIET) > 0 {
            anyhow::ensure!(Instant::now() < deadline, "the reconciles do not settle");
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// How long each change took to be found by a reconcile that started after it; fails if one took longer than this.
    pub(crate) async fn reflected(
        &self,
        changes: &[Change],
        kind: Kind,
        within: Duration,
    ) -> anyhow::Result<Histogram> {
        let mut latencies = Histogram::default();
        for change in changes {
            let what = format!("with {} changed to {}", change.name, change.value);
            let run = self.first(&what, within, |run| run.reflects(change, kind)).await?;
            latencies.record(run.started - change.sent);
        }
        anyhow::ensure!(latencies.max() <= within, "more than {within:?}: {latencies}");
        Ok(latencies)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// How many reconciles the controller has made, this one included.
    pub(crate) fn number(&self) -> u64 {
        self.index as u64 + 1
    }

    pub(crate) fn saw_child(&self, child: Option<i64>) {
        self.runs.lock()[self.index].child = child;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.runs.lock()[self.index].ended = Some(Instant::now());
    }
}

/// Fails unless the middle one of them came at once.
pub(crate) fn ensure_at_once(latencies: &Histogram) -> anyhow::Result<()> {
    const AT_ONCE: Duration = Duration::from_millis(50);
    let is_so = latencies.count() > 0 && latencies.percentile(50) <= AT_ONCE;
    anyhow::ensure!(is_so, "not within {AT_ONCE:?}: {latencies}");
    Ok(())
}
