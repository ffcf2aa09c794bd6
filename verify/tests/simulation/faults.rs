//! What went wrong, and for how long it may delay what the controllers get to know.

use crate::behaviour::SECOND;
use verify::Micros;

/// What is left to kube's watches after a fault: the longest delay of their backoff, which is 30 s and up to as much again
/// at random, twice: what is reachable again may say that it has to be listed anew, which is one more error.
const RECOVERY: Micros = 125 * SECOND;

/// What may lie between a change and the reconcile for it where nothing is wrong.
pub(crate) const SLACK: Micros = 250_000;

/// Spans of time in which events may be late.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// By how much every event is late.
    lag: Micros,
    spans: Vec<(Micros, Micros)>,
}

impl Faults {
    pub(crate) fn new(lag: Micros) -> Self {
        Self { lag, spans: Vec::new() }
    }

    /// Events of this span may be as late as its end.
    pub(crate) fn delay(&mut self, from: Micros, until: Micros) {
        self.spans.push((from, until));
    }

    /// Watches are broken in this span, and have to recover after it.
    pub(crate) fn break_watches(&mut self, from: Micros, until: Micros) {
        self.delay(from, until + RECOVERY);
    }

    /// By when a controller knows of what happens at `at`.
    pub(crate) fn over(&self, at: Micros) -> Micros {
        let mut over = at + self.lag;
        // Spans may overlap, and later ones may begin within earlier ones.
        for (from, until) in &self.spans {
            if *from <= over + SLACK && *until > over {
                over = *until;
            }
        }
        over + SLACK
    }
}
