//! An API server that stops answering, and that goes away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::{Cluster, Fault, Kind, Thing, Things, Trouble};
use requeue_policy::{Interval, Phase, RequeueConfig};
use tokio::time::sleep;

use crate::{
    operator::{Bench, Operator, every, with_crate},
    report,
};

const OBJECTS: usize = 10;
/// So many of them wait, the others are ready.
const WAITING: usize = 5;
/// A thing with this value never becomes ready.
const WAITS: i64 = -1;
/// Longer than the test, so that no timer finds what an event was to bring.
const READY_INTERVAL: Duration = Duration::from_secs(180);
/// Shorter than the outage, so that objects are due while there is no server.
const WAITING_INTERVAL: Duration = Duration::from_secs(3);
/// An outage goes on until the server has started.
const FAULTS: [(Fault, Duration); 2] = [
    (Fault::Cut, Duration::from_secs(4)),
    (Fault::ApiServer, Duration::from_secs(2)),
];
/// The watch is tried again after delays that grow by chance, and once more when it hears that its resource version is too old.
/// Most often that takes ten seconds.
const BACK: Duration = Duration::from_secs(60);
/// For the change of the spec. A list that shows nothing new triggers nothing.
const READY_BOUND: usize = 1;
/// A write whose answer was lost counts as somebody else's.
const WAITING_BUT_FOR_TIMERS: usize = 1;

pub(crate) async fn api_server_hangs_and_goes_away(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    for name in &things.names[..WAITING] {
        things.change(name, Kind::Spec, WAITS).await?;
    }
    let operator = Operator::start("outage", cluster, |bench| with_crate(bench, config(), reconcile)).await?;
    operator.runs.settle(&things.names).await?;

    let (waiting, ready) = things.names.split_at(WAITING);
    for (value, (fault, lasts)) in (1..).zip(FAULTS) {
        let since = Instant::now();
        cluster.strike(fault, lasts).await?;
        let outage = since.elapsed();
        let mut changes = Vec::new();
        for name in ready {
            changes.push(things.change(name, Kind::Spec, value).await?);
        }
        let latencies = operator.runs.reflected(&changes, Kind::Spec, BACK).await?;
        // A storm would go on.
        sleep(WAITING_INTERVAL).await;
        let timers = since.elapsed().div_duration_f64(WAITING_INTERVAL) as usize + 1;
        let most_ready = operator.runs.most_of_one(ready, since);
        let most_waiting = operator.runs.most_of_one(waiting, since);
        let (ready_bound, waiting_bound) = (READY_BOUND, WAITING_BUT_FOR_TIMERS + timers);
        report(format!(
            "spec changes right after {fault} for {outage:.1?}: {latencies}; \
             at most {most_ready} reconciles of an object that is ready, {ready_bound} allowed; \
             {most_waiting} of one that waits, {waiting_bound} allowed"
        ));
        anyhow::ensure!(most_ready <= ready_bound, "{most_ready} reconciles of one object");
        anyhow::ensure!(most_waiting <= waiting_bound, "{most_waiting} reconciles of one object");
    }
    operator.running.stop().await
}

fn config() -> RequeueConfig {
    every(READY_INTERVAL).with_initialization(Interval::constant(WAITING_INTERVAL))
}

async fn reconcile(thing: Arc<Thing>, bench: Arc<Bench>) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    let phase = if thing.spec.value == WAITS {
        Phase::Initializing
    } else {
        Phase::Ready
    };
    bench.write_status(&run, &thing, phase).await?;
    Ok(phase)
}
