//! What the crate is for: a controller that writes in every reconcile, and does not trigger itself by that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Cluster, Histogram, Kind, Thing, Things, Trouble};
use futures::StreamExt as _;
use kube::{
    ResourceExt as _,
    runtime::{Controller, controller::Action, watcher},
};
use requeue_policy::{Phase, RateLimit};
use tokio::time::sleep;

use crate::{
    operator::{Bench, Operator, Work, all_is_well, every, with_crate},
    report,
    runs::ensure_at_once,
};

const OBJECTS: usize = 10;
const INTERVAL: Duration = Duration::from_secs(10);
/// Each object is due twice: at the start and after one interval.
const SPAN: Duration = Duration::from_secs(20);
const DUE: usize = 2 * OBJECTS;
const ROUNDS: i64 = 5;
const GAP: Duration = Duration::from_millis(30);
/// What comes later may owe it to a timer.
const PATIENCE: Duration = Duration::from_secs(1);
const NAIVE_INTERVAL: Duration = Duration::from_millis(100);
const NAIVE_SPAN: Duration = Duration::from_secs(5);

pub(crate) async fn status_patched_in_every_reconcile(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let operator = Operator::start("naive", cluster, naive).await?;
    operator.runs.first("at all", PATIENCE, |_| true).await?;
    let naive = operator.measure(NAIVE_SPAN).await?;
    operator.running.stop().await?;

    let controller = |bench| with_crate(bench, every(INTERVAL), all_is_well);
    let operator = Operator::start("status", cluster, controller).await?;
    let Measured { runs, work, changes } = measure(&operator, &things).await?;
    operator.running.stop().await?;
    report(format!(
        "status patched in every reconcile: {runs} in {SPAN:?}, {work}; without the crate {naive}; spec changes: {changes}"
    ));
    anyhow::ensure!(runs.abs_diff(DUE) <= 1, "{runs} reconciles, {DUE} are due");
    anyhow::ensure!(naive.runs > 100.0, "there was no hot loop to end: {naive}");
    anyhow::ensure!(work.requests * 10.0 <= naive.requests, "too many requests: {work}");
    anyhow::ensure!(work.cpu * 10.0 <= naive.cpu, "too much work: {work}");
    ensure_at_once(&changes)
}

pub(crate) async fn two_disagreeing_status_writes_in_every_reconcile(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let controller = |bench| with_crate(bench, every(INTERVAL), disagree);
    let operator = Operator::start("disagreeing", cluster, controller).await?;
    ensure_few("two disagreeing status writes", &operator, &things).await?;
    operator.running.stop().await
}

pub(crate) async fn a_child_rewritten_in_every_reconcile(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    things.create_children(&things.names).await?;
    let controller = |bench| with_crate(bench, every(INTERVAL), rewrite_child);
    let operator = Operator::start("own-child", cluster, controller).await?;
    ensure_few("a child rewritten", &operator, &things).await?;
    operator.running.stop().await
}

/// The same with a client that the controller does not know.
pub(crate) async fn the_rate_limit_bounds_a_child_rewritten_past_the_client(
    cluster: &mut Cluster,
) -> anyhow::Result<()> {
    const BURST: u32 = 10;
    const EVERY: Duration = Duration::from_millis(500);
    let things = Things::create(cluster.client(), 1).await?;
    things.create_children(&things.names).await?;
    let past = Arc::new(things.clone());
    let config = every(INTERVAL).with_rate_limit(RateLimit::new(BURST, EVERY));
    let controller = move |bench| {
        with_crate(bench, config, move |thing: Arc<Thing>, bench: Arc<Bench>| {
            let past = past.clone();
            async move {
                let run = bench.begin(&thing);
                let written = past.change(&thing.name_any(), Kind::Child, run.number() as i64).await;
                written.map_err(|_| Trouble::Broken)?;
                Ok(Phase::Ready)
            }
        })
    };
    let operator = Operator::start("past", cluster, controller).await?;
    let first = operator.runs.first("at all", PATIENCE, |_| true).await?;
    sleep((first.started + NAIVE_SPAN).saturating_duration_since(Instant::now())).await;
    let runs = operator.runs.len();
    operator.running.stop().await?;
    let most = BURST as usize + NAIVE_SPAN.div_duration_f64(EVERY) as usize;
    report(format!(
        "a child rewritten past the client: {runs} reconciles in {NAIVE_SPAN:?}, at most {most} by the rate limit"
    ));
    // Fewer were no loop.
    anyhow::ensure!((most - 3..=most + 1).contains(&runs), "{runs} reconciles");
    Ok(())
}

async fn ensure_few(what: &str, operator: &Operator, things: &Things) -> anyhow::Result<()> {
    let Measured { runs, work, changes } = measure(operator, things).await?;
    report(format!(
        "{what} in every reconcile: {runs} in {SPAN:?}, {work}; spec changes: {changes}"
    ));
    anyhow::ensure!((DUE - 1..=DUE + 2).contains(&runs), "{runs} reconciles, {DUE} are due");
    ensure_at_once(&changes)
}

struct Measured {
    /// From the start on.
    runs: usize,
    work: Work,
    /// How long changes of the spec took, after that.
    changes: Histogram,
}

async fn measure(operator: &Operator, things: &Things) -> anyhow::Result<Measured> {
    operator.runs.first("at all", PATIENCE, |_| true).await?;
    let work = operator
        .measure(SPAN.saturating_sub(operator.running.started.elapsed()))
        .await?;
    let runs = operator.runs.len();
    // What is due now is no answer to a change.
    operator.runs.settle(&things.names).await?;
    let mut changes = Vec::new();
    for round in 1..=ROUNDS {
        for name in &things.names {
            changes.push(things.change(name, Kind::Spec, round).await?);
            sleep(GAP).await;
        }
    }
    let changes = operator.runs.reflected(&changes, Kind::Spec, PATIENCE).await?;
    Ok(Measured { runs, work, changes })
}

/// Says that all is well, and then that it is not.
async fn disagree(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    bench.write_status(&run, &thing, Phase::Failed).await?;
    bench.write_status(&run, &thing, Phase::Ready).await?;
    Ok(Phase::Ready)
}

async fn rewrite_child(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    let rewritten = bench
        .things
        .change(&thing.name_any(), Kind::Child, run.number() as i64)
        .await;
    rewritten.map_err(|_| Trouble::Broken)?;
    bench.write_status(&run, &thing, Phase::Ready).await?;
    Ok(Phase::Ready)
}

/// The controller that the proposal replaces.
async fn naive(bench: Bench) -> anyhow::Result<()> {
    let reconcile = |thing, bench| async {
        all_is_well(thing, bench).await?;
        Ok(Action::requeue(NAIVE_INTERVAL))
    };
    Controller::new(bench.things.api.clone(), watcher::Config::default())
        .run(
            reconcile,
            |_, _: &cluster::Trouble, _| Action::requeue(NAIVE_INTERVAL),
            Arc::new(bench),
        )
        .for_each(|_| async {})
        .await;
    Ok(())
}
