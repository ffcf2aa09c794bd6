//! An API server that goes away, or that stops answering.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use requeue_policy::{Interval, Phase, RequeueConfig};
use tokio::time::sleep;

use crate::{
    cluster::Cluster,
    controller::{Bench, Running, Trouble, every, with_crate},
    report,
    runs::{Run, most_of_one},
    thing::{Thing, Things},
};

const OBJECTS: usize = 10;
/// A thing with this value never becomes ready.
const WAITS: i64 = -1;
/// Longer than the tests, so that no timer finds what an event was to tell.
const READY_INTERVAL: Duration = Duration::from_secs(90);
/// Shorter than the outage, so that objects are due while there is no server.
const WAITING_INTERVAL: Duration = Duration::from_secs(4);
const OUTAGE: Duration = Duration::from_secs(5);
/// Starting the server takes the rest of an outage.
const STOPPED: Duration = Duration::from_secs(2);
const QUIET: Duration = Duration::from_millis(500);
/// The watch is tried again after delays that grow by chance, and once more when it hears that its resource version is too old.
/// Most often that takes ten seconds.
const BACK: Duration = Duration::from_secs(60);
/// One for the start, one for the change of the spec, and one for each time that the watch may have to list all anew.
const RUNS_BUT_FOR_TIMERS: usize = 4;

pub(crate) async fn api_server_away(mut cluster: Cluster) -> anyhow::Result<()> {
    let (things, controller) = start(&cluster).await?;
    let stopped = Instant::now();
    cluster.stop_api_server();
    sleep(STOPPED).await;
    cluster.start_api_server().await?;
    let when = format!("was back after {:.1?}", stopped.elapsed());
    ensure_going_on(&when, &things, controller).await
}

pub(crate) async fn api_server_hangs(cluster: Cluster) -> anyhow::Result<()> {
    let (things, controller) = start(&cluster).await?;
    cluster.pause_api_server()?;
    sleep(OUTAGE).await;
    cluster.resume_api_server()?;
    ensure_going_on(&format!("answered again after {OUTAGE:?}"), &things, controller).await
}

async fn start(cluster: &Cluster) -> anyhow::Result<(Things, Running)> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    for name in waiting(&things) {
        things.set_value(name, WAITS).await?;
    }
    let controller = Running::start("outage", cluster, |bench| with_crate(bench, config(), reconcile)).await?;
    controller.runs.settle(&things.names, QUIET).await?;
    Ok((things, controller))
}

fn waiting(things: &Things) -> &[String] {
    &things.names[..OBJECTS / 2]
}

fn ready(things: &Things) -> &[String] {
    &things.names[OBJECTS / 2..]
}

fn config() -> RequeueConfig {
    RequeueConfig {
        initialization: Interval::constant(WAITING_INTERVAL),
        ..every(READY_INTERVAL)
    }
}

async fn reconcile(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let _run = bench.begin(&thing);
    let phase = if thing.spec.value == WAITS {
        Phase::Initializing
    } else {
        Phase::Ready
    };
    bench.write_status(&thing, phase).await?;
    Ok(phase)
}

/// Changes objects that are not due; fails if a change is lost, or if there were more runs than there was a reason for.
async fn ensure_going_on(when: &str, things: &Things, controller: Running) -> anyhow::Result<()> {
    let mut changes = Vec::new();
    for name in ready(things) {
        changes.push(things.set_value(name, 1).await?);
    }
    let latencies = controller.runs.reflected(&changes, Run::value, BACK).await?;
    // A storm would go on.
    sleep(WAITING_INTERVAL).await;
    let timers = controller.started.elapsed().div_duration_f64(WAITING_INTERVAL) as usize;
    let most_ready = most_of_one(&controller.runs, ready(things))?;
    let most_waiting = most_of_one(&controller.runs, waiting(things))?;
    let (ready_bound, waiting_bound) = (RUNS_BUT_FOR_TIMERS, RUNS_BUT_FOR_TIMERS + timers);
    controller.stop().await?;

    report(format!(
        "spec changes right after the API server {when}: {latencies}; \
         at most {most_ready} runs of an object that is ready, {ready_bound} allowed; \
         {most_waiting} of one that waits, {waiting_bound} allowed"
    ));
    anyhow::ensure!(most_ready <= ready_bound, "{most_ready} runs of one object");
    anyhow::ensure!(most_waiting <= waiting_bound, "{most_waiting} runs of one object");
    Ok(())
}
