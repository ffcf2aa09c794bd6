//! The comparison, as text.

use std::{fmt, time::Duration};

use requeue_policy::{Phase, RequeueConfig, RequeuePolicy as _};

use crate::trial::{Contender, Kind, Trial};

/// By how much a change that the watch reports may be noticed later than by the loop, and how long a run may take to
/// show what it found.
const ALLOWANCE: Duration = Duration::from_millis(50);

/// How many times less the crate must do.
const FACTOR: u64 = 100;

/// Both trials, side by side.
pub(crate) struct Report<'a> {
    /// The controller that reconciles every 100 ms.
    pub(crate) looped: &'a Trial,
    /// The controller with the crate.
    pub(crate) paced: &'a Trial,
    /// The crate's policy.
    pub(crate) policy: RequeueConfig,
    /// How long each trial lasted.
    pub(crate) length: Duration,
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
            .chain(Kind::ALL.into_iter().flat_map(|kind| self.late(kind)))
            .collect()
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
            Kind::Recovery => Phase::Failed,
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
            paced.unwrap_or(Duration::MAX) > limit && change.at + limit <= self.length
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
            Default::default(),
            [
                "noticed after (p50 / max)".to_owned(),
                String::new(),
                String::new(),
                "at most".to_owned(),
            ],
        ];
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
