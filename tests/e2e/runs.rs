//! What the reconcilers under test write down about their runs, and questions to it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::thing::{Change, Thing};

const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// One run of a reconciler.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The object as the run was given it.
    pub(crate) thing: Arc<Thing>,
    /// What the object's child said, where the run looked.
    child: Option<i64>,
    pub(crate) started: Instant,
    pub(crate) ended: Option<Instant>,
}

impl Run {
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.thing.metadata.name.as_deref() == Some(name)
    }

    pub(crate) fn value(&self) -> Option<i64> {
        Some(self.thing.spec.value)
    }

    pub(crate) fn child(&self) -> Option<i64> {
        self.child
    }

    /// Whether it started after the change was asked for, and found it.
    pub(crate) fn reflects(&self, change: &Change, seen: impl Fn(&Run) -> Option<i64>) -> bool {
        self.is_of(&change.name) && self.started >= change.sent && seen(self).is_some_and(|seen| seen >= change.value)
    }
}

/// The runs of a controller, in the order in which they started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Vec<Run>>>);

/// A run that goes on; it ends when this is dropped, however the reconciler returns.
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

    pub(crate) fn of(&self, name: &str) -> Vec<Run> {
        self.lock().iter().filter(|run| run.is_of(name)).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn started_since(&self, time: Instant) -> usize {
        self.lock().iter().filter(|run| run.started >= time).count()
    }

    /// The first run that meets the condition, waited for if it has not come yet.
    pub(crate) async fn first(&self, what: &str, patience: Duration, is: impl Fn(&Run) -> bool) -> anyhow::Result<Run> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(run) = self.lock().iter().find(|run| is(run)) {
                return Ok(run.clone());
            }
            anyhow::ensure!(Instant::now() < deadline, "no run {what} within {patience:?}");
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until every object had a run, and then until no run has started for a while.
    pub(crate) async fn settle(&self, names: &[String], quiet: Duration) -> anyhow::Result<()> {
        for name in names {
            self.first(&format!("of {name}"), Duration::from_secs(10), |run| {
                run.is_of(name) && run.ended.is_some()
            })
            .await?;
        }
        let deadline = Instant::now() + 10 * quiet;
        while self.started_since(Instant::now() - quiet) > 0 {
            anyhow::ensure!(Instant::now() < deadline, "the runs do not settle");
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// How long each change took to be found by a run that started after it; fails if one took longer than this.
    pub(crate) async fn reflected(
        &self,
        changes: &[Change],
        seen: impl Fn(&Run) -> Option<i64> + Copy,
        within: Duration,
    ) -> anyhow::Result<Latencies> {
        let mut latencies = Vec::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            let what = format!(
                "with change {index} of {}, {} to {}",
                changes.len(),
                change.name,
                change.value
            );
            let run = self.first(&what, within, |run| run.reflects(change, seen)).await?;
            latencies.push(run.started - change.sent);
        }
        let latencies = Latencies::new(latencies)?;
        anyhow::ensure!(
            latencies.max() <= within,
            "one of the changes was not seen within {within:?}: {latencies}"
        );
        Ok(latencies)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// How many runs the controller has made, this one included.
    pub(crate) fn number(&self) -> i64 {
        self.index as i64 + 1
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

/// Durations, sorted; at least one.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut latencies: Vec<Duration>) -> anyhow::Result<Self> {
        anyhow::ensure!(!latencies.is_empty(), "nothing was measured");
        latencies.sort_unstable();
        Ok(Self(latencies))
    }

    pub(crate) fn p50(&self) -> Duration {
        self.percentile(50)
    }

    pub(crate) fn min(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn max(&self) -> Duration {
        self.percentile(100)
    }

    /// The smallest that this many percent do not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100) - 1]
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1000.0;
        write!(
            f,
            "{} with p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            self.0.len(),
            millis(50),
            millis(99),
            millis(100)
        )
    }
}

/// The most runs that started within any span of this length.
pub(crate) fn most_within(runs: &[Run], span: Duration) -> usize {
    let until = |start: Instant| {
        runs.iter()
            .filter(move |run| run.started >= start && run.started < start + span)
    };
    runs.iter()
        .map(|run| until(run.started).count())
        .max()
        .unwrap_or_default()
}

/// Fails unless the middle one of them came at once.
pub(crate) fn ensure_at_once(latencies: &Latencies) -> anyhow::Result<()> {
    const AT_ONCE: Duration = Duration::from_millis(50);
    anyhow::ensure!(latencies.p50() <= AT_ONCE, "not within {AT_ONCE:?}: {latencies}");
    Ok(())
}

/// The most runs that any of these objects had.
pub(crate) fn most_of_one(runs: &Runs, names: &[String]) -> anyhow::Result<usize> {
    names
        .iter()
        .map(|name| runs.of(name).len())
        .max()
        .context("there are no objects")
}
