//! What went wrong, and for how long it may delay what the controllers get to know.

use crate::behaviour::SECOND;
use std::time::Duration;
use verify::Micros;

/// How late kube-runtime may notice an error that came together with an event.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// What is left to kube's watchers after a fault, whose backoff here ends at 10 s: an error of each of two watches, and a
/// relist, each of them noticed a heartbeat late.
const RECOVERY: Micros = 60 * SECOND;

/// What may lie between a change and the run for it where nothing is wrong.
pub(crate) const SLACK: Micros = 250_000;

/// Spans of time in which events may be late.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Micros, Micros)>);

impl Faults {
    /// Events of this span may be as late as its end.
    pub(crate) fn delay(&mut self, from: Micros, until: Micros) {
        self.0.push((from, until));
    }

    /// Watches are broken in this span, and have to recover after it.
    pub(crate) fn break_watches(&mut self, from: Micros, until: Micros) {
        self.delay(from, until + RECOVERY);
    }

    /// Whether events of `at` may be late.
    pub(crate) fn is_on(&self, at: Micros) -> bool {
        self.over(at) > at + SLACK
    }

    /// By when a controller knows of what happens at `at`.
    pub(crate) fn over(&self, at: Micros) -> Micros {
        let mut over = at;
        // Spans may overlap, and later ones may begin within earlier ones.
        for (from, until) in &self.0 {
            if *from <= over + SLACK && *until > over {
                over = *until;
            }
        }
        over + SLACK
    }
}
