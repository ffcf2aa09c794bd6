//! The comparison, as text.

use std::{fmt, time::Duration};

use requeue_policy::{Phase, RequeueConfig, RequeuePolicy as _};

use crate::{
    scenario::{Plane, Scenario},
    trial::{Contender, Kind, Trial},
    workspace::State,
};

/// By how much a change that the watch reports may be noticed later than by the loop, and how long a run may take to
/// show what it found.
const ALLOWANCE: Duration = Duration::from_millis(50);

/// How many times less the crate must do.
const FACTOR: u64 = 100;

/// The states in which one reconcile writes two statuses that disagree, so that each write wakes the controller again.
const DISAGREEING: [(&str, State); 2] = [
    ("workspace gone", State::Gone),
    ("outputs without a CA", State::WithoutCa),
];

/// How many times a minute the loop reconciles a control plane in such a state, at least.
const LOOP_PER_MINUTE: f64 = 100.0;

/// How many reconciles more than the policy asks for the crate may need for a control plane in such a state.
const SPARE: u64 = 1;

/// Both trials, side by side.
pub(crate) struct Report<'a> {
    /// The controller that reconciles every 100 ms.
    pub(crate) looped: &'a Trial,
    /// The controller with the crate.
    pub(crate) paced: &'a Trial,
    /// The crate's policy.
    pub(crate) policy: RequeueConfig,
    /// What happened in both.
    pub(crate) scenario: &'a Scenario,
}

/// How soon a change must be noticed.
enum Bound {
    /// As soon as by the loop: the watch reports it.
    Event,
    /// Within the interval of the phase in which it happens.
    Interval(Duration),
}

impl Report<'_> {
    /// Returns what of the crate's promise was not kept; empty if all was.
    pub(crate) fn broken_promises(&self) -> Vec<String> {
        let work = self.work();
        let too_much = work.iter().filter(|(_, looped, paced)| *looped < FACTOR * paced);
        let too_much =
            too_much.map(|(what, looped, paced)| format!("{what}: {paced} are more than a hundredth of {looped}"));
        too_much
            .chain(
                DISAGREEING
                    .into_iter()
                    .flat_map(|(what, state)| self.loops(what, state)),
            )
            .chain(Kind::ALL.into_iter().flat_map(|kind| self.late(kind)))
            .collect()
    }

    /// Where the crate loops in a state, and where today's controller does not.
    fn loops(&self, what: &str, state: State) -> impl Iterator<Item = String> {
        let planes = || self.scenario.planes.iter();
        let calm = planes().filter(|plane| {
            let span = plane.workspace.span(state);
            let minutes = (span.end - span.start).as_secs_f64() / 60.0;
            (self.looped.runs_in(plane, state).count() as f64) < LOOP_PER_MINUTE * minutes
        });
        let busy = planes().filter(|plane| self.paced.runs_in(plane, state).count() as u64 > self.limit(plane, state));
        let counts = [
            (calm.count(), "reconciled too rarely for a loop by today's controller"),
            (busy.count(), "reconciled more often than the policy asks for"),
        ];
        let broken = counts.into_iter().filter(|(count, _)| *count > 0);
        broken.map(move |(count, how)| format!("{what}: {count} control planes {how}"))
    }

    /// How many times the crate may reconcile a control plane that fails in a state: at its start, after each interval,
    /// and for each change that the watch reports.
    fn limit(&self, plane: &Plane, state: State) -> u64 {
        let span = plane.workspace.span(state);
        let interval = self.policy.interval(Phase::Failed);
        let shortest = interval
            .initial()
            .min(interval.longest())
            .mul_f64(1.0 - interval.jitter());
        let intervals = (span.end - span.start).div_duration_f64(shortest) as u64;
        let changes = plane.steps.iter().filter(|(at, _)| span.contains(at)).count() as u64;
        1 + intervals + changes + SPARE
    }

    /// What must become less.
    fn work(&self) -> [(&'static str, u64, u64); 3] {
        [
            (
                "reconciles",
                self.looped.runs.len() as u64,
                self.paced.runs.len() as u64,
            ),
            ("status writes", self.looped.status_writes, self.paced.status_writes),
            ("log lines", self.looped.log_lines, self.paced.log_lines),
        ]
    }

    fn bound(&self, kind: Kind) -> Bound {
        let phase = match kind {
            Kind::Spec | Kind::Outputs => return Bound::Event,
            Kind::Initialization => Phase::Initializing,
            Kind::Failure => Phase::Ready,
            Kind::Gone | Kind::WithoutCa | Kind::Recovery => Phase::Failed,
        };
        Bound::Interval(self.policy.interval(phase).longest())
    }

    /// The changes of a kind that were noticed too late.
    fn late(&self, kind: Kind) -> Option<String> {
        let bound = self.bound(kind);
        let (looped, paced) = (self.looped.latencies(kind), self.paced.latencies(kind));
        let changes = self.paced.changes.iter().filter(|change| change.kind == kind);
        let late = changes.zip(looped).zip(paced).filter(|((change, looped), paced)| {
            let limit = ALLOWANCE
                + match bound {
                    Bound::Event => looped.unwrap_or_default(),
                    Bound::Interval(interval) => interval,
                };
            // What the trial did not wait for is not late.
            paced.unwrap_or(Duration::MAX) > limit && change.at + limit <= self.scenario.length
        });
        let count = late.count();
        (count > 0).then(|| format!("{kind}: {count} noticed too late, {bound} is the limit"))
    }

    fn noticed(&self, kind: Kind) -> [String; 4] {
        let latencies = self.paced.latencies(kind);
        [
            format!("{kind} ({})", latencies.len()),
            summary(self.looped.latencies(kind)),
            summary(latencies),
            self.bound(kind).to_string(),
        ]
    }

    /// Reconciles and status writes in a state.
    fn disagreeing(&self, (what, state): (&str, State)) -> [String; 4] {
        let planes = &self.scenario.planes;
        let counts = |trial: &Trial| {
            let runs = planes.iter().flat_map(|plane| trial.runs_in(plane, state));
            let (runs, writes) = runs.fold((0, 0), |(runs, writes), run| (runs + 1, writes + run.status_writes));
            format!("{} / {}", grouped(runs), grouped(writes))
        };
        let limit: u64 = planes.iter().map(|plane| self.limit(plane, state)).sum();
        [
            format!("{what} ({})", planes.len()),
            counts(self.looped),
            counts(self.paced),
            format!("{} / {}", grouped(limit), grouped(2 * limit)),
        ]
    }

    fn rows(&self) -> Vec<[String; 4]> {
        let [looped, paced] = Contender::NAMES.map(str::to_owned);
        let count = |(what, looped, paced): (&str, u64, u64)| {
            [
                what.to_owned(),
                grouped(looped),
                grouped(paced),
                ratio(looped as f64, paced as f64),
            ]
        };
        let [reconciles, status_writes, log_lines] = self.work().map(count);
        let (busy_looped, busy_paced) = (self.looped.busy(), self.paced.busy());
        let mut rows = vec![
            ["".to_owned(), looped, paced, "ratio".to_owned()],
            reconciles,
            status_writes,
            count(("API requests", self.looped.requests, self.paced.requests)),
            log_lines,
            [
                "busy time".to_owned(),
                human(busy_looped),
                human(busy_paced),
                ratio(busy_looped.as_secs_f64(), busy_paced.as_secs_f64()),
            ],
        ];
        let heading = |what: &str| [what.to_owned(), String::new(), String::new(), "at most".to_owned()];
        rows.extend([Default::default(), heading("reconciles / status writes")]);
        rows.extend(DISAGREEING.map(|state| self.disagreeing(state)));
        rows.extend([Default::default(), heading("noticed after (p50 / max)")]);
        rows.extend(Kind::ALL.map(|kind| self.noticed(kind)));
        rows
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        };
        let [first, second, third, fourth] = [0, 1, 2, 3].map(width);
        for [what, looped, paced, ratio] in &rows {
            let line = format!("{what:<first$}   {looped:>second$}   {paced:>third$}   {ratio:>fourth$}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spec => "spec changed",
            Self::Outputs => "outputs edited",
            Self::Initialization => "initialized",
            Self::Failure => "failed",
            Self::Gone => "workspace gone",
            Self::WithoutCa => "outputs without a CA",
            Self::Recovery => "recovered",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event => write!(f, "loop + {}", human(ALLOWANCE)),
            Self::Interval(interval) => f.write_str(&human(*interval)),
        }
    }
}

/// The middle and the worst of some latencies.
fn summary(latencies: Vec<Option<Duration>>) -> String {
    let mut noticed: Vec<_> = latencies.iter().flatten().copied().collect();
    noticed.sort_unstable();
    let missed = latencies.len() - noticed.len();
    let mut text = match (noticed.get(noticed.len().saturating_sub(1) / 2), noticed.last()) {
        (Some(middle), Some(last)) => format!("{} / {}", human(*middle), human(*last)),
        _ => "never".to_owned(),
    };
    if missed > 0 && missed < latencies.len() {
        text += &format!(", {missed} never");
    }
    text
}

fn ratio(looped: f64, paced: f64) -> String {
    format!("{:.0}x", looped / paced)
}

/// A number as people read it: 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with as much of it as matters.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 if duration.subsec_millis() == 0 => format!("{seconds} s"),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
