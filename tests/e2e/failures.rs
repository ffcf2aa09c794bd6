//! Reconciles that fail, and that write status before they do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use cluster::{Cluster, Histogram, Thing, Things, Trouble};
use requeue_policy::{Interval, Observe as _, Phase, RequeueConfig};
use tokio::time::sleep;
use tracing::Level;

use crate::{
    operator::{Bench, Operator, every, with_crate},
    report,
    runs::Run,
};

const OBJECTS: usize = 10;
const INTERVAL: Duration = Duration::from_secs(60);
/// Due at 0, 0.5, 1.5, 3.5 and 7.5 s.
const INITIAL: Duration = Duration::from_millis(500);
const FACTOR: f64 = 2.0;
const MAX: Duration = Duration::from_secs(30);
const BEFORE_RESTART: Duration = Duration::from_secs(5);
const RUNS_BEFORE_RESTART: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);
/// What a busy machine may add to a delay.
const LATE: Duration = Duration::from_secs(1);

pub(crate) async fn failing_over_a_restart(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let cured = Arc::new(AtomicBool::new(false));
    let start = async || {
        let cured = cured.clone();
        let failing = |bench| {
            with_crate(bench, config(), move |thing, bench| {
                fail_until(thing, bench, cured.clone())
            })
        };
        Operator::start("failing", cluster, failing).await
    };
    let operator = start().await?;
    let first = operator.runs.first("at all", PATIENCE, |_| true).await?;
    sleep((first.started + BEFORE_RESTART).saturating_duration_since(Instant::now())).await;
    let most = operator.runs.most_of_one(&things.names, first.started);
    operator
        .running
        .lines
        .ensure_only(Level::WARN, "failed", OBJECTS as u64)?;
    operator.running.stop().await?;

    let operator = start().await?;
    let mut due = Vec::new();
    for name in &things.names {
        let has_failed = |run: &Run| run.is_of(name) && run.ended.is_some();
        let failed = operator.runs.first("after the restart", PATIENCE, has_failed).await?;
        let ended = failed.ended.context("the reconcile has not ended")?;
        let since = failed.thing.observe().last_transition();
        let since = since.context("the status does not say since when it fails")?;
        let outage = SystemTime::now().duration_since(since)? - ended.elapsed();
        due.push((name, ended, INITIAL + outage.mul_f64(FACTOR - 1.0)));
    }
    cured.store(true, Ordering::Release);
    let mut delays = Histogram::default();
    for (name, ended, promised) in &due {
        let is_next = |run: &Run| run.is_of(name) && run.started > *ended;
        let next = operator.runs.first("after that", *promised + PATIENCE, is_next).await?;
        let delay = next.started - *ended;
        delays.record(delay);
        anyhow::ensure!(
            delay + LATE / 10 >= *promised && delay <= *promised + LATE,
            "{delay:?} is not {promised:?}"
        );
    }
    // The line is written when the reconcile has ended.
    sleep(Duration::from_millis(200)).await;
    report(format!(
        "at most {most} reconciles of an object that failed for {BEFORE_RESTART:?}; the delays after a restart are {delays}, by \
         the policy {:.2?}",
        due[0].2
    ));
    anyhow::ensure!(
        most <= RUNS_BEFORE_RESTART + 1,
        "{most} reconciles of one object in {BEFORE_RESTART:?}"
    );
    let lines = &operator.running.lines;
    lines.ensure_only(Level::INFO, "recovered", OBJECTS as u64)?;
    // It was said before the restart.
    lines.ensure_only(Level::WARN, "failed", 0)?;
    operator.running.stop().await
}

fn config() -> RequeueConfig {
    every(INTERVAL).with_error(Interval::constant(INITIAL).with_factor(FACTOR).with_max(MAX))
}

async fn fail_until(thing: Arc<Thing>, bench: Arc<Bench>, cured: Arc<AtomicBool>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    if cured.load(Ordering::Acquire) {
        bench.write_status(&run, &thing, Phase::Ready).await?;
        return Ok(Phase::Ready);
    }
    bench.write_status(&run, &thing, Phase::Failed).await?;
    Err(Trouble::Broken)
}
