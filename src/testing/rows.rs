//! A timeline as text: what happened, what ran and why, as the guide writes it.

use crate::{Outcome, Requeue, Retry, policy::interval::humantime};
use std::{
    fmt::{self, Write},
    time::Duration,
};

/// What stands for the answer of a run that has none yet, or never will.
const CUT_OFF: &str = "...";

#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
}

struct Row {
    at: Duration,
    events: Vec<String>,
    run: Option<String>,
    /// Why it ran.
    reasons: String,
}

impl Rows {
    pub(super) fn event(&mut self, at: Duration, label: &str) {
        self.open(at).events.push(label.to_owned());
    }

    pub(super) fn run_starts(&mut self, at: Duration, reasons: String) {
        let row = self.open(at);
        row.run = Some(CUT_OFF.to_owned());
        row.reasons = reasons;
    }

    pub(super) fn run_ends(&mut self, answer: String) {
        if let Some(row) = self.rows.iter_mut().rfind(|row| row.run.is_some()) {
            row.run = Some(answer);
        }
    }

    /// The row of what happens now: a run closes it.
    fn open(&mut self, at: Duration) -> &mut Row {
        let is_open = self.rows.last().is_some_and(|row| row.at == at && row.run.is_none());
        if !is_open {
            self.rows.push(Row {
                at,
                events: vec![],
                run: None,
                reasons: String::new(),
            });
        }
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    /// Writes all rows, and the time at which nothing more has happened.
    pub(super) fn fmt(&self, f: &mut fmt::Formatter<'_>, now: Duration) -> fmt::Result {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| (time(row.at), row.events.join(", "), row))
            .collect();
        let end = self.rows.last().is_none_or(|row| row.at < now).then(|| time(now));
        let times = rows.iter().map(|(time, ..)| time).chain(&end);
        let width = times.map(String::len).max().unwrap_or_default();
        let what = rows.iter().map(|(_, events, _)| events.len()).max().unwrap_or_default();
        let runs = self.rows.iter().flat_map(|row| &row.run);
        let answer = runs.map(String::len).max().unwrap_or_default();
        for (time, events, row) in &rows {
            match &row.run {
                Some(run) => writeln!(f, "{time:>width$}  {events:what$}  → {run:answer$}  {}", row.reasons)?,
                None => writeln!(f, "{time:>width$}  {events}")?,
            }
        }
        match end {
            Some(end) => writeln!(f, "{end:>width$}"),
            None => Ok(()),
        }
    }
}

/// To the millisecond, which is what timers have.
pub(super) fn time(at: Duration) -> String {
    humantime(Duration::from_millis((at.as_micros() as u64 + 500) / 1000)).to_string()
}

pub(super) fn success(outcome: Outcome) -> String {
    match outcome {
        Outcome::PhaseWithin(phase, delay) => format!("{phase}, within {}", humantime(delay)),
        Outcome::Phase(phase) => phase.to_string(),
        Outcome::PhaseAndRequeue(phase, requeue) => format!("{phase}, {}", next(requeue)),
        Outcome::PhaseAndInterval(phase, interval) => format!("{phase}, after {interval}"),
        Outcome::Requeue(requeue) => next(requeue),
        Outcome::Unchanged => "()".to_owned(),
    }
}

pub(super) fn failure(retry: Retry) -> String {
    let mut text = "Err".to_owned();
    // A String takes all that is written.
    let _ = match retry {
        Retry::Backoff => Ok(()),
        Retry::After(delay) => write!(text, ", after {}", humantime(delay)),
        Retry::Later(delay) => write!(text, ", later, after {}", humantime(delay)),
        Retry::Never => write!(text, ", never"),
        Retry::As(outcome) => write!(text, ", as {}", success(outcome)),
    };
    text
}

fn next(requeue: Requeue) -> String {
    match requeue {
        Requeue::After(Duration::ZERO) => "again".to_owned(),
        Requeue::After(delay) => format!("after {}", humantime(delay)),
        Requeue::AwaitChange => "await change".to_owned(),
    }
}
