//! Changes of owned objects, which are not visible in the object that they wake.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use cluster::{Cluster, Histogram, Kind, Thing, Things, Trouble};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::ResourceExt as _;
use requeue_policy::Phase;
use tokio::time::sleep;

use crate::{
    operator::{Bench, Operator, every, with_crate},
    report,
    runs::{Run, Runs, ensure_at_once},
};

/// Longer than the test, so that no timer finds what an event was to bring.
const INTERVAL: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(3);
const OBJECTS: u32 = 20;
const AT_A_TIME: usize = 5;
const LONG_RUN: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_millis(500);

/// When the child changes.
#[derive(Clone, Copy, Debug)]
struct Moment {
    what: &'static str,
    /// After the start of a run, which writes status after `LONG_RUN`.
    since_start: Duration,
    /// Later with each object.
    step: Duration,
    /// For how long the run goes on after it has written status.
    goes_on: Duration,
}

const MIDDLE: Moment = Moment {
    what: "in the middle of a run",
    since_start: Duration::from_millis(150),
    step: Duration::ZERO,
    goes_on: Duration::ZERO,
};
const MOMENTS: [Moment; 4] = [
    MIDDLE,
    Moment {
        what: "while a run writes status",
        since_start: LONG_RUN,
        // A request takes some of these.
        step: Duration::from_millis(1),
        ..MIDDLE
    },
    Moment {
        what: "in the middle of a run that goes on after writing status",
        // The status comes back sooner.
        goes_on: Duration::from_millis(20),
        ..MIDDLE
    },
    Moment {
        what: "right after its status write came back",
        since_start: Duration::from_millis(400),
        ..MIDDLE
    },
];

pub(crate) async fn child_changes_are_reflected(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS as usize).await?;
    things.create_children(&things.names).await?;

    let mut measured = Vec::new();
    let mut latencies = Vec::new();
    for (value, moment) in (1..).zip(MOMENTS) {
        let delays = change_children(cluster, &things, value, moment).await?;
        measured.push(format!("{} {delays}", moment.what));
        latencies.push(delays);
    }
    report(format!(
        "changes of children that the next run saw, and how long after them and the running one it started: {}",
        measured.join("; ")
    ));
    for delays in &latencies {
        let is_so = delays.count() == OBJECTS as usize && delays.max() <= LATE;
        anyhow::ensure!(is_so, "a change was lost or came late: {delays}");
        ensure_at_once(delays)?;
    }
    Ok(())
}

/// Changes the child of every object at this moment; how long until a run starts that finds it?
async fn change_children(cluster: &Cluster, things: &Things, value: i64, moment: Moment) -> anyhow::Result<Histogram> {
    let owner = move |bench| {
        with_crate(bench, every(INTERVAL), move |thing, bench| {
            look_at_child(thing, bench, moment.goes_on)
        })
    };
    let operator = Operator::start("children", cluster, owner).await?;
    let runs = &operator.runs;
    runs.settle(&things.names).await?;
    let delays = (0..).zip(&things.names).map(|(number, name)| {
        let since_start = moment.since_start + number * moment.step;
        change_child(things, runs, name, value, since_start)
    });
    let delays: Vec<_> = stream::iter(delays).buffer_unordered(AT_A_TIME).try_collect().await?;
    operator.running.stop().await?;
    Ok(delays.into_iter().flatten().collect())
}

/// How long after the change, and after the end of the run that it fell into, another one started that found it; `None` if none did.
async fn change_child(
    things: &Things,
    runs: &Runs,
    name: &str,
    value: i64,
    since_start: Duration,
) -> anyhow::Result<Option<Duration>> {
    let spec = things.change(name, Kind::Spec, value).await?;
    let is_the_run = |run: &Run| run.reflects(&spec, Kind::Spec);
    let run = runs.first("after a spec change", PATIENCE, is_the_run).await?;
    sleep((run.started + since_start).saturating_duration_since(Instant::now())).await;
    let change = things.change(name, Kind::Child, value).await?;
    let has_ended = |run: &Run| is_the_run(run) && run.ended.is_some();
    let run = runs.first("to its end", PATIENCE, has_ended).await?;
    anyhow::ensure!(
        run.child == Some(value - 1),
        "the run looked after the change of the child"
    );
    let possible = run.ended.context("the run has not ended")?.max(change.sent);
    let reflects = |run: &Run| run.reflects(&change, Kind::Child);
    let next = runs.first("that saw the change", PATIENCE, reflects).await.ok();
    Ok(next.map(|next| next.started.saturating_duration_since(possible)))
}

/// Reads the child, takes a while, writes status, and may go on.
async fn look_at_child(thing: Arc<Thing>, bench: Arc<Bench>, goes_on: Duration) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    run.saw_child(bench.things.read_child(&thing.name_any()).await?);
    sleep(LONG_RUN).await;
    bench.write_status(&run, &thing, Phase::Ready).await?;
    sleep(goes_on).await;
    Ok(Phase::Ready)
}
