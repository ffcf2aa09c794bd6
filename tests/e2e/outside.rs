//! Status that somebody else writes.

use std::time::{Duration, Instant};

use requeue_policy::{Observe as _, Phase};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    cluster::Cluster,
    controller::{Running, all_is_well, every, with_crate},
    report,
    runs::{Latencies, ensure_at_once},
    thing::Things,
};

const OBJECTS: usize = 10;
const ROUNDS: usize = 3;
const INTERVAL: Duration = Duration::from_secs(8);
const QUIET: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);
/// Before any object is due again.
const BEFORE_DUE: Duration = Duration::from_secs(3);
const LATE: Duration = Duration::from_secs(1);

pub(crate) async fn outside_status_change(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let controller = Running::start("outside", &cluster, |bench| {
        with_crate(bench, every(INTERVAL), all_is_well)
    })
    .await?;
    controller.runs.settle(&things.names, QUIET).await?;

    let latencies = change_phases(&things, &controller).await?;
    sleep(QUIET).await;
    let early = write_without_change(&things, &controller).await?;
    let due = due(&things, &controller).await?;
    controller.stop().await?;

    report(format!(
        "phase changes from outside: {latencies}; {early} early runs by other status writes, due after {:.2?}",
        due.max()
    ));
    ensure_at_once(&latencies)?;
    anyhow::ensure!(early == 0, "{early} runs because somebody wrote status");
    anyhow::ensure!(
        due.min() >= INTERVAL && due.max() <= INTERVAL + LATE,
        "due after {:?}",
        due.max()
    );
    Ok(())
}

/// Tells the controller, which holds all for well, that it is not; how soon does it look?
async fn change_phases(things: &Things, controller: &Running) -> anyhow::Result<Latencies> {
    let mut latencies = Vec::new();
    for _ in 0..ROUNDS {
        for name in &things.names {
            let sent = things.write_status(name, json!({"phase": Phase::Failed})).await?;
            let run = controller
                .runs
                .first("after the change of phase", PATIENCE, |run| {
                    run.is_of(name) && run.started >= sent && run.thing.phase() == Phase::Failed
                })
                .await?;
            latencies.push(run.started - sent);
        }
    }
    Latencies::new(latencies)
}

/// Writes status that says nothing new; how many runs does that start?
async fn write_without_change(things: &Things, controller: &Running) -> anyhow::Result<usize> {
    let written = Instant::now();
    for name in &things.names {
        things.write_status(name, json!({"message": "from outside"})).await?;
    }
    sleep(BEFORE_DUE).await;
    Ok(controller.runs.started_since(written))
}

/// How long after its last run each object runs again.
async fn due(things: &Things, controller: &Running) -> anyhow::Result<Latencies> {
    let mut due = Vec::new();
    for name in &things.names {
        let runs = controller.runs.of(name);
        let last = runs.iter().map(|run| run.started).max().unwrap_or_else(Instant::now);
        let run = controller
            .runs
            .first("that is due", INTERVAL + LATE, |run| {
                run.is_of(name) && run.started > last
            })
            .await?;
        due.push(run.started - last);
    }
    Latencies::new(due)
}
