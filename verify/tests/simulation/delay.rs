//! When an object is due, from the guide's sentences and not from the crate's code.

use crate::behaviour::{SECOND, micros};
use requeue_policy::{Interval, Phase, Requeue};
use verify::Micros;

/// Timers have milliseconds, and one that fires a millisecond early is let through.
pub(crate) const TOLERANCE: Micros = 5_000;

const LONGEST: Micros = 180 * 86_400 * SECOND;

/// From when on a timer may start a run, and by when it has to; `None` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) earliest: Option<Micros>,
    pub(crate) latest: Option<Micros>,
}

impl Due {
    pub(crate) const NEVER: Self = Self {
        earliest: None,
        latest: None,
    };
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) phase: Phase,
    pub(crate) requeue: Option<Requeue>,
}

/// What is known of an object at the end of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Since when it is in the phase, as its status says, if that is the phase of the status.
    pub(crate) in_status: Option<Micros>,
    /// The same as the memory has it; each of these may be so, because the memory may have been lost.
    pub(crate) remembered: [Option<Micros>; 3],
    pub(crate) may_be_forgotten: bool,
    /// When it was due before, if it was failing then, too.
    pub(crate) backoff: Option<Due>,
}

/// When the object is due after a run that ends now.
pub(crate) fn due(interval: &Interval, end: End, known: Known, now: Micros) -> Due {
    match end.requeue {
        Some(Requeue::AwaitChange) => return Due::NEVER,
        Some(Requeue::After(delay)) if !delay.is_zero() => {
            let at = Some(now + micros(delay).clamp(1000, LONGEST));
            return Due {
                earliest: at,
                latest: at,
            };
        }
        _ => {}
    }
    let dues = known.remembered.map(|remembered| {
        let elapsed = elapsed(end.phase, known.in_status, remembered, now);
        by_interval(interval, elapsed, now)
    });
    let mut due = Due {
        earliest: dues.iter().filter_map(|due| due.earliest).min(),
        latest: if dues.iter().any(|due| due.latest.is_none()) {
            None
        } else {
            dues.iter().filter_map(|due| due.latest).max()
        },
    };
    // A failure inside the backoff adds nothing to it.
    if let Some(before) = known
        .backoff
        .filter(|_| end.requeue.is_none() && due.earliest.is_some())
    {
        let is_ahead = |at: Option<Micros>, tolerance| at.is_some_and(|at| at > now + tolerance);
        if is_ahead(before.latest.or(before.earliest), -TOLERANCE) {
            due.earliest = either(due.earliest, before.earliest.map(|at| at.max(now)), Micros::min);
        }
        if is_ahead(before.earliest, TOLERANCE) && !known.may_be_forgotten {
            // Past the deadline it gives up all the same.
            due.latest = due.latest.map(|at| before.latest.map_or(at, |before| at.min(before)));
        }
    }
    due
}

fn either(one: Option<Micros>, other: Option<Micros>, choose: fn(Micros, Micros) -> Micros) -> Option<Micros> {
    match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    }
}

fn elapsed(phase: Phase, in_status: Option<Micros>, remembered: Option<Micros>, now: Micros) -> Micros {
    let since = match (phase, in_status, remembered) {
        (Phase::Failed, Some(in_status), Some(remembered)) => in_status.min(remembered),
        (_, Some(in_status), _) => in_status,
        (_, None, remembered) => remembered.unwrap_or(now),
    };
    (now - since).max(0)
}

fn by_interval(interval: &Interval, elapsed: Micros, now: Micros) -> Due {
    let deadline = interval.deadline().map(micros);
    if deadline.is_some_and(|deadline| elapsed >= deadline + TOLERANCE) {
        return Due::NEVER;
    }
    let initial = micros(interval.initial()) as f64;
    let delay = if interval.factor() > 1.0 {
        let max = interval.max().map_or(LONGEST as f64, |max| micros(max) as f64);
        (initial + (interval.factor() - 1.0) * elapsed as f64).min(max)
    } else {
        initial
    };
    let shortest = delay * (1.0 - interval.jitter());
    let may_end = deadline.is_some_and(|deadline| elapsed >= deadline - TOLERANCE);
    Due {
        earliest: Some(now + shortest as Micros),
        latest: (!may_end).then_some(now + delay.ceil() as Micros),
    }
}
