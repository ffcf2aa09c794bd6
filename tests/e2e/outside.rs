//! Status that somebody else writes.

use std::time::{Duration, Instant};

use cluster::{Cluster, Histogram, Things};
use requeue_policy::{Observe as _, Phase};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    operator::{Operator, all_is_well, every, with_crate},
    report,
    runs::{Run, ensure_at_once},
};

const OBJECTS: usize = 10;
const ROUNDS: usize = 3;
const INTERVAL: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(2);
/// Before any object is due again.
const BEFORE_DUE: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(1);

pub(crate) async fn outside_status_change(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let controller = |bench| with_crate(bench, every(INTERVAL), all_is_well);
    let operator = Operator::start("outside", cluster, controller).await?;
    let runs = &operator.runs;
    runs.settle(&things.names).await?;

    // The reconciler holds all for well; how soon does it look?
    let mut latencies = Histogram::default();
    for _ in 0..ROUNDS {
        for name in &things.names {
            let sent = Instant::now();
            things.write_status(name, json!({"phase": Phase::Failed})).await?;
            let looks =
                |run: &Run| run.is_of(name) && run.started >= sent && run.thing.observe().phase() == Phase::Failed;
            let run = runs.first("after the change of phase", PATIENCE, looks).await?;
            latencies.record(run.started - sent);
        }
    }
    runs.settle(&things.names).await?;

    // Status that is nothing to look at.
    let written = Instant::now();
    for name in &things.names {
        things.write_status(name, json!({"message": "from outside"})).await?;
    }
    sleep(BEFORE_DUE).await;
    let early = runs.started_since(written);
    let mut due = Vec::new();
    for name in &things.names {
        let last = runs
            .all()
            .into_iter()
            .rfind(|run| run.is_of(name) && run.started < written);
        let last = last.map_or(written, |run| run.started);
        let is_next = |run: &Run| run.is_of(name) && run.started > written;
        let run = runs.first("that is due", INTERVAL + LATE, is_next).await?;
        due.push(run.started - last);
    }
    operator.running.stop().await?;

    let due_after: Histogram = due.iter().copied().collect();
    report(format!(
        "phase changes from outside: {latencies}; {early} early reconciles by other status writes, due after {:.2?}",
        due_after.max()
    ));
    ensure_at_once(&latencies)?;
    anyhow::ensure!(early == 0, "{early} reconciles because somebody wrote status");
    let in_time = due.iter().all(|due| (INTERVAL..=INTERVAL + LATE).contains(due));
    anyhow::ensure!(in_time, "due after {due:?}");
    Ok(())
}
