//! What the crate is for: a controller that writes status in every run, and no longer wakes itself by that.

use std::{sync::Arc, time::Duration};

use cluster::{Cluster, Kind, Things};
use futures::StreamExt as _;
use kube::runtime::{Controller, controller::Action, watcher};
use tokio::time::sleep;

use crate::{
    operator::{Bench, Operator, Work, all_is_well, every, with_crate},
    report,
    runs::ensure_at_once,
};

const OBJECTS: usize = 10;
const INTERVAL: Duration = Duration::from_secs(5);
const NAIVE_INTERVAL: Duration = Duration::from_millis(100);
const NAIVE_SPAN: Duration = Duration::from_secs(5);
/// What comes later may owe it to a timer.
const PATIENCE: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_secs(1);
const ROUNDS: i64 = 5;
const GAP: Duration = Duration::from_millis(30);

pub(crate) async fn hot_loop_dies(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;

    let operator = Operator::start("naive", cluster, naive).await?;
    let before = measure(&operator, NAIVE_SPAN).await?;
    operator.running.stop().await?;

    let gated = |bench| with_crate(bench, every(INTERVAL), all_is_well);
    let operator = Operator::start("gated", cluster, gated).await?;
    // Every object is due twice.
    let after = measure(&operator, 2 * INTERVAL).await?;
    let mut changes = Vec::new();
    for round in 1..=ROUNDS {
        for name in &things.names {
            changes.push(things.change(name, Kind::Spec, round).await?);
            sleep(GAP).await;
        }
    }
    let latencies = operator.runs.reflected(&changes, Kind::Spec, PATIENCE).await?;
    operator.running.stop().await?;

    report(format!(
        "without the crate {before}; with it {after}; spec changes: {latencies}"
    ));
    let due = OBJECTS as f64 / INTERVAL.as_secs_f64();
    anyhow::ensure!(before.runs > 100.0, "there was no hot loop to end: {before}");
    anyhow::ensure!(after.runs <= 1.5 * due, "a hot loop: {after}");
    anyhow::ensure!(after.runs >= due / 2.0, "objects that were due did not run: {after}");
    anyhow::ensure!(
        after.requests * 10.0 <= before.requests,
        "too many requests: {after}, {before}"
    );
    anyhow::ensure!(after.cpu * 10.0 <= before.cpu, "too much work: {after}, {before}");
    ensure_at_once(&latencies)
}

async fn measure(operator: &Operator, span: Duration) -> anyhow::Result<Work> {
    // Not of every object: a hot loop starves most of them.
    operator.runs.first("at all", PATIENCE, |_| true).await?;
    sleep(WARM_UP).await;
    operator.measure(span).await
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
