//! What the crate is for: a controller that writes status in every run, and no longer wakes itself by that.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    cluster::Cluster,
    controller::{Running, Work, all_is_well, every, naive, with_crate},
    report,
    runs::{Run, Runs, ensure_at_once},
    thing::{Change, Things},
};

const OBJECTS: usize = 10;
const INTERVAL: Duration = Duration::from_secs(10);
const NAIVE_INTERVAL: Duration = Duration::from_millis(100);
/// Two intervals, so that every object is due twice.
const SPAN: Duration = Duration::from_secs(20);
/// What comes later may owe it to a timer.
const PATIENCE: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_secs(1);
const ROUNDS: i64 = 5;
const GAP: Duration = Duration::from_millis(30);

pub(crate) async fn hot_loop_dies(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;

    let controller = Running::start("naive", &cluster, |bench| naive(bench, NAIVE_INTERVAL, all_is_well)).await?;
    let before = measure(&controller).await?;
    controller.stop().await?;

    let controller = Running::start("gated", &cluster, |bench| {
        with_crate(bench, every(INTERVAL), all_is_well)
    })
    .await?;
    let after = measure(&controller).await?;
    let changes = change_all(&things).await?;
    let latencies = controller.runs.reflected(&changes, Run::value, PATIENCE).await?;
    controller.stop().await?;

    report(format!(
        "without the crate {before}; with it {after}; spec changes: {latencies}"
    ));
    anyhow::ensure!(
        before.runs_per_second() > 100.0,
        "there was no hot loop to end: {before}"
    );
    anyhow::ensure!(after.runs_per_second() <= 1.5, "a hot loop: {after}");
    anyhow::ensure!(after.runs >= OBJECTS, "objects that were due did not run: {after}");
    anyhow::ensure!(
        after.requests * 10 <= before.requests,
        "too many requests: {after}, {before}"
    );
    anyhow::ensure!(after.cpu * 10 <= before.cpu, "too much work: {after}, {before}");
    ensure_at_once(&latencies)
}

async fn measure(controller: &Running) -> anyhow::Result<Work> {
    wait_for_first(&controller.runs).await?;
    sleep(WARM_UP).await;
    controller.measure(SPAN).await
}

/// Not of every object: a hot loop starves most of them.
async fn wait_for_first(runs: &Runs) -> anyhow::Result<()> {
    runs.first("at all", PATIENCE, |_| true).await.map(drop)
}

async fn change_all(things: &Things) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for round in 1..=ROUNDS {
        for name in &things.names {
            changes.push(things.set_value(name, round).await?);
            sleep(GAP).await;
        }
    }
    Ok(changes)
}
