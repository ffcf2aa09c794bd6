//! Runs that fail, and that write status before they do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use requeue_policy::{Interval, Observe as _, Phase, RequeueConfig};
use serde_json::json;
use tokio::time::sleep;
use tracing::Level;

use crate::{
    cluster::Cluster,
    controller::{Bench, Running, Trouble, every, with_crate},
    report,
    runs::{Latencies, Runs, most_of_one},
    thing::{Thing, Things},
};

const OBJECTS: usize = 10;
const INTERVAL: Duration = Duration::from_secs(60);
const FACTOR: f64 = 2.0;
const MAX: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(5);
/// What a busy machine may add to a delay.
const LATE: Duration = Duration::from_secs(1);

/// Due at 0, 1, 3, 7 and 15 s.
const ERROR_INITIAL: Duration = Duration::from_secs(1);
const OUTAGE: Duration = Duration::from_secs(12);
const RUNS_IN_OUTAGE: usize = 4;

/// Due at 0, 1, 3 and 7 s.
const RESTART_INITIAL: Duration = Duration::from_secs(1);
const BEFORE_RESTART: Duration = Duration::from_secs(6);

pub(crate) async fn failing_after_patching(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let cured = Arc::new(AtomicBool::new(false));
    let is_cured = cured.clone();
    let controller = Running::start("failing", &cluster, move |bench| {
        with_crate(bench, config(ERROR_INITIAL), move |thing, bench| {
            fail_until(thing, bench, is_cured.clone())
        })
    })
    .await?;
    let (runs, lines) = (&controller.runs, &controller.lines);

    let first = runs.first("at all", PATIENCE, |_| true).await?;
    sleep((first.started + OUTAGE).saturating_duration_since(Instant::now())).await;
    let most = most_of_one(runs, &things.names)?;
    lines.ensure_only(Level::WARN, "failed", OBJECTS)?;

    let cured_at = Instant::now();
    cured.store(true, Ordering::Release);
    let recoveries = recoveries(runs, &things.names, cured_at).await?;
    // The line is written when the run has ended.
    sleep(Duration::from_millis(200)).await;
    report(format!(
        "at most {most} runs of an object that failed for {OUTAGE:?}; recoveries after the cure: {recoveries}"
    ));
    anyhow::ensure!(most <= RUNS_IN_OUTAGE + 1, "{most} runs of one object in {OUTAGE:?}");
    lines.ensure_only(Level::INFO, "recovered", OBJECTS)?;
    lines.ensure_only(Level::WARN, "failed", OBJECTS)?;
    controller.stop().await
}

/// How long after the cure each object ran; fails if that is more than the interval promises.
async fn recoveries(runs: &Runs, names: &[String], cured_at: Instant) -> anyhow::Result<Latencies> {
    let mut recoveries = Vec::new();
    for name in names {
        let first = runs.first("of the object", PATIENCE, |run| run.is_of(name)).await?;
        let outage = cured_at.saturating_duration_since(first.started);
        let promised = outage.mul_f64(FACTOR - 1.0) + ERROR_INITIAL + LATE;
        let run = runs
            .first("after the cure", promised, |run| {
                run.is_of(name) && run.started > cured_at
            })
            .await?;
        recoveries.push(run.started - cured_at);
    }
    Latencies::new(recoveries)
}

pub(crate) async fn restart_keeps_the_backoff(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), 1).await?;
    let name = &things.names[0];
    let start = async || {
        Running::start("restarted", &cluster, |bench| {
            with_crate(bench, config(RESTART_INITIAL), fail_since)
        })
        .await
    };
    let controller = start().await?;
    sleep(BEFORE_RESTART).await;
    let before = controller.runs.of(name).len();
    controller.stop().await?;

    let controller = start().await?;
    let first = controller
        .runs
        .first("after the restart", PATIENCE, |run| run.ended.is_some())
        .await?;
    let since = first
        .thing
        .last_transition()
        .context("the status does not say since when it fails")?;
    let down = SystemTime::now()
        .duration_since(since)
        .context("it fails since the future")?;
    let promised = RESTART_INITIAL + down.mul_f64(FACTOR - 1.0);
    let next = controller
        .runs
        .first("after that", promised + PATIENCE, |run| run.started > first.started)
        .await?;
    controller.stop().await?;

    let gap = next.started - first.started;
    report(format!(
        "{before} failures before a restart; the delay after it is {gap:.2?}, by the policy {promised:.2?}"
    ));
    anyhow::ensure!(
        gap + LATE / 2 >= promised && gap <= promised + LATE,
        "{gap:?} is not {promised:?}"
    );
    Ok(())
}

fn config(initial: Duration) -> RequeueConfig {
    RequeueConfig {
        error: Interval::constant(initial).with_factor(FACTOR).with_max(MAX),
        ..every(INTERVAL)
    }
}

async fn fail_until(thing: Arc<Thing>, bench: Arc<Bench>, cured: Arc<AtomicBool>) -> Result<Phase, Trouble> {
    let _run = bench.begin(&thing);
    if cured.load(Ordering::Acquire) {
        bench.write_status(&thing, Phase::Ready).await?;
        return Ok(Phase::Ready);
    }
    bench.write_status(&thing, Phase::Failed).await?;
    Err(Trouble::Broken)
}

/// Fails, and keeps in the status since when.
async fn fail_since(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    let known = thing
        .status
        .as_ref()
        .and_then(|status| status.last_transition_time.clone());
    let status = json!({
        "phase": Phase::Failed,
        "lastTransitionTime": known.unwrap_or_else(|| Time(Timestamp::now())),
        "message": format!("attempt {}", run.number()),
    });
    bench.patch_status(&thing, status).await?;
    Err(Trouble::Broken)
}
