//! Loops that no policy can see through: they are slowed to the rate limit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{Controller, watcher},
};
use requeue_policy::{Phase, RateLimit, RequeueConfig, kube::Requeuer};
use serde_json::json;
use tokio::time::sleep;
use tracing::Level;

use crate::{
    cluster::Cluster,
    controller::{Bench, Running, Trouble, every, with_crate},
    report,
    runs::most_within,
    thing::{Thing, Things, children, things, write_child},
};

const INTERVAL: Duration = Duration::from_secs(60);
const MAX: u32 = 5;
const WITHIN: Duration = Duration::from_secs(5);
const CHILD_SPAN: Duration = Duration::from_secs(20);
const OBJECT_SPAN: Duration = Duration::from_secs(12);
/// A run may be let in at its place and start a little later.
const LATE: Duration = Duration::from_millis(100);

pub(crate) async fn own_child_rewritten_every_run(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), 1).await?;
    things.create_children().await?;
    let controller = Running::start("own-child", &cluster, owner).await?;
    ensure_limited("rewrites its own child in every run", CHILD_SPAN, controller).await
}

pub(crate) async fn crd_without_status_subresource(cluster: Cluster) -> anyhow::Result<()> {
    Things::create_without_status_subresource(cluster.client(), 1).await?;
    let controller = Running::start("no-subresource", &cluster, |bench| {
        with_crate(bench, config(), write_object)
    })
    .await?;
    ensure_limited("has no status subresource", OBJECT_SPAN, controller).await
}

async fn ensure_limited(what: &str, span: Duration, controller: Running) -> anyhow::Result<()> {
    let first = controller.runs.first("at all", WITHIN, |_| true).await?;
    sleep((first.started + span).saturating_duration_since(Instant::now())).await;
    let (runs, lines) = (controller.runs.all(), controller.lines.clone());
    controller.stop().await?;

    let window = WITHIN - LATE;
    let most = most_within(&runs, window);
    report(format!(
        "an object that {what}: {} runs in {span:?}, at most {most} within {window:?}",
        runs.len()
    ));
    anyhow::ensure!(most <= MAX as usize, "{most} runs within {window:?}");
    ensure_looped(runs.len(), span)?;
    lines.ensure_only(Level::WARN, "loops", 1)
}

/// Without it the limit was not put to the test.
fn ensure_looped(runs: usize, span: Duration) -> anyhow::Result<()> {
    let steady = (span - WITHIN).as_secs_f64() / (WITHIN / MAX).as_secs_f64();
    anyhow::ensure!(runs as f64 > steady, "it did not loop: {runs} runs in {span:?}");
    Ok(())
}

fn config() -> RequeueConfig {
    RequeueConfig {
        rate_limit: Some(RateLimit::new(MAX, WITHIN)),
        ..every(INTERVAL)
    }
}

async fn owner(bench: Bench) -> anyhow::Result<()> {
    let requeue = Requeuer::new(config())?;
    let (owners, owned) = (things(bench.client.clone()), children(bench.client.clone()));
    Controller::new(owners, watcher::Config::default())
        .watches(owned, watcher::Config::default(), requeue.owned())
        .run(
            requeue.reconciler(rewrite_child),
            requeue.error_policy(),
            Arc::new(bench),
        )
        .for_each(|_| async {})
        .await;
    Ok(())
}

async fn rewrite_child(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    write_child(&children(bench.client.clone()), &thing.name_any(), run.number()).await?;
    bench.write_status(&thing, Phase::Ready).await?;
    Ok(Phase::Ready)
}

/// Writes status where it counts as a change of the object.
async fn write_object(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    let patch = json!({"status": {"phase": Phase::Ready, "count": run.number()}});
    let things = things(bench.client.clone());
    things
        .patch(&thing.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(Phase::Ready)
}
