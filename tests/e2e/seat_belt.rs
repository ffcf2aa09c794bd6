//! A loop that no policy can see through: it is slowed to the rate limit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Cluster, Kind, Thing, Things, Trouble};
use kube::ResourceExt as _;
use requeue_policy::{Phase, RateLimit, RequeueConfig};
use tokio::time::sleep;
use tracing::Level;

use crate::{
    operator::{Bench, Operator, every, with_crate},
    report,
};

const INTERVAL: Duration = Duration::from_secs(60);
const MAX: u32 = 5;
const WITHIN: Duration = Duration::from_secs(2);
const SPAN: Duration = Duration::from_secs(7);
/// A run may be let in at its time and start a little later.
const LATE: Duration = Duration::from_millis(100);

pub(crate) async fn own_child_rewritten_every_run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), 1).await?;
    things.create_children(&things.names).await?;
    let config = RequeueConfig {
        rate_limit: Some(RateLimit::new(MAX, WITHIN)),
        ..every(INTERVAL)
    };
    let operator = Operator::start("own-child", cluster, move |bench| {
        with_crate(bench, config, rewrite_child)
    })
    .await?;
    let first = operator.runs.first("at all", WITHIN, |_| true).await?;
    sleep((first.started + SPAN).saturating_duration_since(Instant::now())).await;
    let (runs, lines) = (operator.runs.all(), operator.running.lines.clone());
    operator.running.stop().await?;

    let window = WITHIN - LATE;
    let starts: Vec<_> = runs.iter().map(|run| run.started).collect();
    let within = |first: &Instant| {
        starts
            .iter()
            .filter(|start| (*first..*first + window).contains(start))
            .count()
    };
    let most = starts.iter().map(within).max().unwrap_or_default();
    report(format!(
        "an object that rewrites its own child in every run: {} runs in {SPAN:?}, at most {most} within {window:?}",
        runs.len()
    ));
    anyhow::ensure!(most <= MAX as usize, "{most} runs within {window:?}");
    // Without it the limit was not put to the test.
    let steady = (SPAN - WITHIN).div_duration_f64(WITHIN / MAX);
    anyhow::ensure!(
        runs.len() as f64 > steady,
        "it did not loop: {} runs in {SPAN:?}",
        runs.len()
    );
    lines.ensure_only(Level::WARN, "loops", 1)
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
