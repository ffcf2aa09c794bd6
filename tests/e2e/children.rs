//! Changes of owned objects, which are not visible in the object that they wake.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use cluster::{Cluster, Histogram, Kind, Thing, Things, Trouble};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::ResourceExt as _;
use requeue_policy::{Outcome, Phase};
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
    /// After the start of a reconcile, which writes status after `LONG_RUN`.
    since_start: Duration,
    /// Later with each object.
    step: Duration,
    /// For how long the reconcile goes on after it has written status.
    goes_on: Duration,
    /// Whether no timer follows the reconcile.
    awaits_change: bool,
}

const MIDDLE: Moment = Moment {
    what: "in the middle of a reconcile",
    since_start: Duration::from_millis(150),
    step: Duration::ZERO,
    goes_on: Duration::ZERO,
    awaits_change: false,
};
const MOMENTS: [Moment; 5] = [
    MIDDLE,
    Moment {
        what: "in the middle of a reconcile that awaits a change",
        awaits_change: true,
        ..MIDDLE
    },
    Moment {
        what: "while a reconcile writes status",
        since_start: LONG_RUN,
        // A request takes some of these.
        step: Duration::from_millis(1),
        ..MIDDLE
    },
    Moment {
        what: "in the middle of a reconcile that goes on after writing status",
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
    for (value, moment) in (1..).zip(MOMENTS) {
        let seen = change_children(cluster, &things, value, moment).await?;
        measured.push((moment, seen));
    }
    for (moment, Seen { child, spec }) in &measured {
        report(format!(
            "changes of a child {}: {child}; of the spec: {spec}",
            moment.what
        ));
    }
    for (moment, Seen { child, spec }) in &measured {
        let is_so = child.count() == OBJECTS as usize && child.max() <= LATE;
        anyhow::ensure!(is_so, "a change {} was lost or came late: {child}", moment.what);
        ensure_at_once(child)?;
        ensure_at_once(spec)?;
    }
    Ok(())
}

/// How long changes took until a reconcile started that found them.
struct Seen {
    child: Histogram,
    spec: Histogram,
}

/// Changes the spec of every object and at this moment its child; how long until a reconcile starts that finds it?
async fn change_children(cluster: &Cluster, things: &Things, value: i64, moment: Moment) -> anyhow::Result<Seen> {
    let owner = move |bench| {
        with_crate(bench, every(INTERVAL), move |thing, bench| {
            look_at_child(thing, bench, moment)
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
    Ok(Seen {
        child: delays.iter().filter_map(|(_, child)| *child).collect(),
        spec: delays.iter().map(|(spec, _)| *spec).collect(),
    })
}

/// How long the change of the spec took, and how long after that of the child, and after the end of the reconcile that it fell into,
/// another one started that found it; `None` if none did.
async fn change_child(
    things: &Things,
    runs: &Runs,
    name: &str,
    value: i64,
    since_start: Duration,
) -> anyhow::Result<(Duration, Option<Duration>)> {
    let spec = things.change(name, Kind::Spec, value).await?;
    let is_the_run = |run: &Run| run.reflects(&spec, Kind::Spec);
    let run = runs.first("after a spec change", PATIENCE, is_the_run).await?;
    let took = run.started - spec.sent;
    sleep((run.started + since_start).saturating_duration_since(Instant::now())).await;
    let change = things.change(name, Kind::Child, value).await?;
    let has_ended = |run: &Run| is_the_run(run) && run.ended.is_some();
    let run = runs.first("to its end", PATIENCE, has_ended).await?;
    anyhow::ensure!(
        run.child == Some(value - 1),
        "the reconcile looked after the change of the child"
    );
    let possible = run.ended.context("the reconcile has not ended")?.max(change.sent);
    let reflects = |run: &Run| run.reflects(&change, Kind::Child);
    let next = runs.first("that saw the change", PATIENCE, reflects).await.ok();
    Ok((took, next.map(|next| next.started.saturating_duration_since(possible))))
}

/// Reads the child, takes a while, writes status, and may go on.
async fn look_at_child(thing: Arc<Thing>, bench: Arc<Bench>, moment: Moment) -> Result<Outcome, Trouble> {
    let run = bench.begin(&thing);
    run.saw_child(bench.things.read_child(&thing.name_any()).await?);
    sleep(LONG_RUN).await;
    bench.write_status(&run, &thing, Phase::Ready).await?;
    sleep(moment.goes_on).await;
    Ok(match moment.awaits_change {
        true => Phase::Ready.await_change(),
        false => Phase::Ready.into(),
    })
}
