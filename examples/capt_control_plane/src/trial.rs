//! One controller in one scenario.

use std::{
    convert::Infallible,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{fmt, layer::SubscriberExt as _};

use crate::{
    clock::Clock,
    controllers::{self, Apis},
    environment::Environment,
    meter::{LogLines, Meter, Run, Shown},
    reconciler::Context,
    scenario::{Plane, Scenario},
    workspace::State,
};

/// Which controller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Contender<'a> {
    /// The one that reconciles every 100 ms.
    Loop,
    /// The one with this crate, and its policy.
    Policy(&'a RequeueConfig),
}

/// What came of it.
pub(crate) struct Trial {
    /// Every reconcile.
    pub(crate) runs: Vec<Run>,
    /// Everything that there was to notice.
    pub(crate) changes: Vec<Change>,
    /// How many requests the controller sent.
    pub(crate) requests: u64,
    /// How many of them wrote a status.
    pub(crate) status_writes: u64,
    /// How many lines it logged, at level INFO and above.
    pub(crate) log_lines: u64,
}

/// Something to notice.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The control plane.
    pub(crate) plane: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// When it happened.
    pub(crate) at: Duration,
    /// What the status shows once it was noticed, or more than that.
    pub(crate) mark: Shown,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Someone changed the spec: the watch reports it.
    Spec,
    /// Someone edited the outputs: the watch on the children reports it.
    Outputs,
    /// Terraform finished its first run: only polling reveals it.
    Initialization,
    /// Terraform failed: only polling reveals it.
    Failure,
    /// The workspace was deleted: only polling reveals it.
    Gone,
    /// The workspace is there again, without a certificate authority: only polling reveals it.
    WithoutCa,
    /// The outputs are complete: only polling reveals it.
    Recovery,
}

impl Kind {
    /// All kinds, those that the watch reports first.
    pub(crate) const ALL: [Self; 7] = [
        Self::Spec,
        Self::Outputs,
        Self::Initialization,
        Self::Failure,
        Self::Gone,
        Self::WithoutCa,
        Self::Recovery,
    ];
}

impl Contender<'_> {
    /// The names of both.
    pub(crate) const NAMES: [&'static str; 2] = ["100 ms loop", "requeue-policy"];

    /// Returns its name.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Loop => Self::NAMES[0],
            Self::Policy(_) => Self::NAMES[1],
        }
    }

    fn start(self, apis: Apis, context: Context) -> anyhow::Result<BoxFuture<'static, ()>> {
        Ok(match self {
            Self::Loop => controllers::every_100_ms(apis, context).boxed(),
            Self::Policy(config) => controllers::with_policy(apis, Requeuer::new(*config)?, context).boxed(),
        })
    }
}

/// Runs a controller through a scenario.
pub(crate) async fn run(
    environment: &Environment,
    scenario: &Scenario,
    contender: Contender<'_>,
    verbose: bool,
) -> anyhow::Result<Trial> {
    let clock = Clock::start();
    let meter = Meter::new(clock);
    // For this thread, which does all the work: so the lines are this controller's.
    let _log = tracing::subscriber::set_default(
        tracing_subscriber::registry()
            .with(LevelFilter::INFO)
            .with(LogLines(meter.clone()))
            .with(verbose.then(|| {
                let lines = fmt::layer()
                    .with_writer(io::stderr)
                    .with_ansi(io::stderr().is_terminal());
                lines.with_timer(clock)
            })),
    );

    let client = meter.count_requests(environment.controller.clone());
    let apis = Apis::new(&client, &environment.namespace);
    let planes = scenario.planes.iter();
    let context = Context {
        client,
        workspaces: planes.map(|plane| (plane.name.clone(), plane.workspace)).collect(),
        clock,
        meter: meter.clone(),
    };
    // It would be in the way of the log.
    let shows_progress = !verbose && io::stderr().is_terminal();
    let progress = show_progress(contender, scenario, &meter, clock);
    let changes = tokio::select! {
        changes = perform(environment, scenario, clock) => changes?,
        () = contender.start(apis, context)? => anyhow::bail!("the controller ended before its time"),
        never = progress, if shows_progress => match never {},
    };
    if shows_progress {
        // Clears the line.
        eprint!("\r\x1b[K");
    }
    Ok(Trial {
        runs: meter.take_runs(),
        changes: scenario
            .planes
            .iter()
            .flat_map(workspace_changes)
            .chain(changes)
            .collect(),
        requests: meter.requests(),
        status_writes: meter.status_writes(),
        log_lines: meter.log_lines(),
    })
}

/// Does what others do, each at its time, and waits for the end.
async fn perform(environment: &Environment, scenario: &Scenario, clock: Clock) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (at, plane, step) in scenario.steps() {
        clock.sleep_until(at).await;
        // A real API server takes a moment for it, and the watch may be faster than the answer.
        changes.extend(environment.take(plane, step, clock.elapsed()).await?);
    }
    clock.sleep_until(scenario.length).await;
    Ok(changes)
}

/// A line on the terminal that grows with the seconds of the scenario.
async fn show_progress(contender: Contender<'_>, scenario: &Scenario, meter: &Meter, clock: Clock) -> Infallible {
    const WIDTH: usize = 40;
    let (name, length) = (contender.name(), scenario.length.as_secs());
    loop {
        let (now, runs) = (clock.elapsed().as_secs(), meter.finished_runs());
        let done = WIDTH * now as usize / length as usize;
        let bar = "█".repeat(done) + &"░".repeat(WIDTH.saturating_sub(done));
        eprint!("\r{name:>14} {bar} {now}/{length} s, {runs} reconciles");
        let _ = io::stderr().flush();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn workspace_changes(plane: &Plane) -> impl Iterator<Item = Change> {
    let kinds = [
        Kind::Initialization,
        Kind::Failure,
        Kind::Gone,
        Kind::WithoutCa,
        Kind::Recovery,
    ];
    let changes = kinds.into_iter().zip(plane.workspace.changes()).zip(1..);
    changes.map(|((kind, (at, _)), revision)| Change {
        plane: plane.name.clone(),
        kind,
        at,
        mark: Shown {
            revision,
            ..Shown::default()
        },
    })
}

impl Trial {
    /// Returns the time spent in reconciles, all objects together.
    pub(crate) fn busy(&self) -> Duration {
        self.runs.iter().map(|run| run.ended - run.started).sum()
    }

    /// Returns how long each change of a kind took to be noticed: until a status shows it. `None` for one that was not.
    pub(crate) fn latencies(&self, kind: Kind) -> Vec<Option<Duration>> {
        let changes = self.changes.iter().filter(|change| change.kind == kind);
        changes.map(|change| self.latency(change)).collect()
    }

    /// Returns the reconciles of a control plane that found its workspace in a state.
    pub(crate) fn runs_in(&self, plane: &Plane, state: State) -> impl Iterator<Item = &Run> {
        let runs = self.runs.iter();
        runs.filter(move |run| run.found == state && run.plane == plane.name)
    }

    fn latency(&self, change: &Change) -> Option<Duration> {
        let runs = self.runs.iter().filter(|run| run.plane == change.plane);
        let mut shown = runs.filter_map(|run| run.shown);
        shown.find_map(|(at, shown)| shown.includes(change.mark).then(|| at.saturating_sub(change.at)))
    }
}
