//! Changes of owned objects, which are not visible in the object that they wake.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    ResourceExt as _,
    runtime::{Controller, watcher},
};
use requeue_policy::{Phase, kube::Requeuer};
use tokio::time::sleep;

use crate::{
    cluster::Cluster,
    controller::{Bench, Running, Trouble, every},
    report,
    runs::{Run, Runs, ensure_at_once},
    thing::{Change, Thing, Things, children, read_child, things},
};

/// Longer than the tests, so that no timer finds what an event was to tell.
const INTERVAL: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(3);

const OBJECTS: usize = 10;
const ROUNDS: i64 = 3;
const ROUNDS_AFTER_ECHO: i64 = 2;
/// The status that a run wrote comes back sooner.
const ECHO: Duration = Duration::from_millis(20);

const LONG_RUN: Duration = Duration::from_millis(300);
const LONG_RUNS: u32 = 20;
const AT_A_TIME: usize = 4;
/// A request takes some of these.
const STEP: Duration = Duration::from_millis(1);
const AFTER_LONG_RUN: Duration = Duration::from_millis(500);

pub(crate) async fn child_changes_are_reflected(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    things.create_children().await?;
    let controller = Running::start("children", &cluster, |bench| {
        owner(bench, Duration::ZERO, Duration::ZERO)
    })
    .await?;
    controller.runs.settle(&things.names, QUIET).await?;

    let mut changes = Vec::new();
    for value in 1..=ROUNDS {
        for name in &things.names {
            changes.push(things.set_child(name, value).await?);
        }
    }
    let mixed = controller.runs.reflected(&changes, Run::child, PATIENCE).await?;
    let mut changes = Vec::new();
    for name in &things.names {
        changes.extend(change_after_echo(&things, &controller.runs, name).await?);
    }
    let after_echo = controller.runs.reflected(&changes, Run::child, PATIENCE).await?;
    controller.stop().await?;

    report(format!(
        "changes of children: {mixed}; right after the own status write came back: {after_echo}"
    ));
    ensure_at_once(&mixed)?;
    ensure_at_once(&after_echo)
}

/// Changes a child again and again, each time when the run that the last change started has written status.
async fn change_after_echo(things: &Things, runs: &Runs, name: &str) -> anyhow::Result<Vec<Change>> {
    let mut changes: Vec<Change> = Vec::new();
    for value in ROUNDS + 1..=ROUNDS + ROUNDS_AFTER_ECHO {
        changes.push(things.set_child(name, value).await?);
        let change = &changes[changes.len() - 1];
        let has_ended = |run: &Run| run.ended.is_some() && run.reflects(change, Run::child);
        runs.first("after a change of the child", PATIENCE, has_ended).await?;
        sleep(ECHO).await;
    }
    Ok(changes)
}

pub(crate) async fn child_changes_in_the_middle_of_a_run_are_reflected(cluster: Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), LONG_RUNS as usize).await?;
    things.create_children().await?;

    let mut measured = Vec::new();
    let mut lost = false;
    for (value, moment) in (1..).zip(Moment::ALL) {
        let delays = change_during_runs(&cluster, &things, value, moment).await?;
        lost |= delays
            .iter()
            .any(|delay| delay.is_none_or(|delay| delay > AFTER_LONG_RUN));
        let seen = delays.iter().flatten();
        let latest = seen.clone().max().copied().unwrap_or_default();
        measured.push(format!("{moment} {} of {LONG_RUNS} ({latest:.1?})", seen.count()));
    }
    report(format!(
        "changes of children that the next run saw (and at most how long after the end of the running one it started): {}",
        measured.join("; ")
    ));
    anyhow::ensure!(!lost, "a change was lost or came late");
    Ok(())
}

/// When in a run the child changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The run writes status at its end.
    Middle,
    /// More or less.
    StatusWrite,
    /// In the middle of a run that goes on for a while after it has written status.
    MiddleOfRunThatGoesOn,
}

impl Moment {
    const ALL: [Self; 3] = [Self::Middle, Self::StatusWrite, Self::MiddleOfRunThatGoesOn];

    /// How long after the start of a run, for each object.
    fn since_start(self, number: u32) -> Duration {
        match self {
            Self::Middle | Self::MiddleOfRunThatGoesOn => LONG_RUN / 2,
            Self::StatusWrite => LONG_RUN + number * STEP,
        }
    }

    fn goes_on(self) -> Duration {
        match self {
            Self::Middle | Self::StatusWrite => Duration::ZERO,
            Self::MiddleOfRunThatGoesOn => ECHO,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Middle => "in the middle of a run",
            Self::StatusWrite => "while a run writes status",
            Self::MiddleOfRunThatGoesOn => "in the middle of a run that goes on after writing status",
        })
    }
}

/// Changes the child of every object in a run of its owner; how long after the end of that run did one start that found it?
async fn change_during_runs(
    cluster: &Cluster,
    things: &Things,
    value: i64,
    moment: Moment,
) -> anyhow::Result<Vec<Option<Duration>>> {
    let controller = Running::start("long-runs", cluster, move |bench| {
        owner(bench, LONG_RUN, moment.goes_on())
    })
    .await?;
    let runs = &controller.runs;
    runs.settle(&things.names, QUIET).await?;
    let changes = (0..).zip(&things.names);
    let changes =
        changes.map(|(number, name)| change_during_run(things, runs, name, value, moment.since_start(number)));
    let changes: Vec<_> = stream::iter(changes).buffer_unordered(AT_A_TIME).try_collect().await?;
    sleep(2 * AFTER_LONG_RUN).await;
    let runs = runs.all();
    controller.stop().await?;
    Ok(changes.iter().map(|change| change.delay(&runs)).collect())
}

/// A change of a child while its owner was running.
struct DuringRun {
    change: Change,
    end_of_run: Instant,
}

impl DuringRun {
    /// How long after the end of that run another one started that found the change; `None` if none did.
    fn delay(&self, runs: &[Run]) -> Option<Duration> {
        let next = runs.iter().find(|run| run.reflects(&self.change, Run::child))?;
        Some(next.started.saturating_duration_since(self.end_of_run))
    }
}

async fn change_during_run(
    things: &Things,
    runs: &Runs,
    name: &str,
    value: i64,
    moment: Duration,
) -> anyhow::Result<DuringRun> {
    let spec = things.set_value(name, value).await?;
    let is_the_run = |run: &Run| run.reflects(&spec, Run::value);
    let run = runs.first("after a spec change", PATIENCE, is_the_run).await?;
    sleep((run.started + moment).saturating_duration_since(Instant::now())).await;
    let change = things.set_child(name, value).await?;
    let has_ended = |run: &Run| is_the_run(run) && run.ended.is_some();
    let run = runs.first("to its end", PATIENCE, has_ended).await?;
    let end_of_run = run.ended.context("the run has not ended")?;
    anyhow::ensure!(
        run.child() == Some(value - 1),
        "the run looked after the change of the child"
    );
    Ok(DuringRun { change, end_of_run })
}

/// A controller of things and their children; a run reads the child, takes a while, writes status, and may go on.
async fn owner(bench: Bench, takes: Duration, goes_on: Duration) -> anyhow::Result<()> {
    let requeue = Requeuer::new(every(INTERVAL))?;
    let (owners, owned) = (things(bench.client.clone()), children(bench.client.clone()));
    Controller::new(owners, watcher::Config::default())
        .watches(owned, watcher::Config::default(), requeue.owned())
        .run(
            requeue.reconciler(move |thing, bench| look_at_child(thing, bench, takes, goes_on)),
            requeue.error_policy(),
            Arc::new(bench),
        )
        .for_each(|_| async {})
        .await;
    Ok(())
}

async fn look_at_child(
    thing: Arc<Thing>,
    bench: Arc<Bench>,
    takes: Duration,
    goes_on: Duration,
) -> Result<Phase, Trouble> {
    let run = bench.begin(&thing);
    run.saw_child(read_child(&children(bench.client.clone()), &thing.name_any()).await?);
    sleep(takes).await;
    bench.write_status(&thing, Phase::Ready).await?;
    sleep(goes_on).await;
    Ok(Phase::Ready)
}
