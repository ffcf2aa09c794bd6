//! When an object is due, from the guide's sentences and not from the crate's code.

use crate::behaviour::{SECOND, micros};
use requeue_policy::{Interval, Phase, Requeue};
use std::time::Duration;
use verify::Micros;

/// Timers have milliseconds, and one that fires a millisecond early is let through.
pub(crate) const TOLERANCE: Micros = 5_000;

const LONGEST: Micros = 180 * 86_400 * SECOND;

/// From when on a timer may start a reconcile, and by when it has to; `None` is never.
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

    /// Either of two.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            earliest: either(self.earliest, other.earliest, Micros::min),
            latest: self.latest.zip(other.latest).map(|(one, other)| one.max(other)),
        }
    }

    /// At the latest then.
    fn within(self, at: Micros) -> Self {
        Self {
            earliest: Some(self.earliest.map_or(at, |earliest| earliest.min(at))),
            latest: Some(self.latest.map_or(at, |latest| latest.min(at))),
        }
    }
}

/// An explicit delay in place of the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explicit {
    Exactly(Requeue),
    Within(Duration),
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// The phase that it reported; `None` leaves it to the status.
    pub(crate) phase: Option<Phase>,
    pub(crate) explicit: Option<Explicit>,
    /// An error that is no failure.
    pub(crate) is_later: bool,
}

/// What is known of an object at the end of a reconcile.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Since when it is in the phase; each of these may be so.
    pub(crate) since: Vec<Micros>,
    /// From when on its backoff grows, if later; each of these may be so.
    pub(crate) grows_from: Vec<Option<Micros>>,
    /// When it was due before, if it was failing then, too; `true` if that is certain.
    pub(crate) backoff: Option<(Due, bool)>,
}

/// When the object is due after a reconcile that ends now in a phase with this interval.
pub(crate) fn due(interval: &Interval, explicit: Option<Explicit>, known: &Known, now: Micros) -> Due {
    let after = |delay| now + micros(delay).clamp(1000, LONGEST);
    match explicit {
        Some(Explicit::Exactly(Requeue::AwaitChange)) => return Due::NEVER,
        Some(Explicit::Exactly(Requeue::After(delay))) => return Due::NEVER.within(after(delay)),
        _ => {}
    }
    let grows_from = |since| known.grows_from.iter().map(move |from| (since, *from));
    let alternatives = known.since.iter().flat_map(|since| grows_from(*since));
    let mut due = alternatives
        .map(|(since, from)| {
            by_interval(
                interval,
                now - since,
                now - from.map_or(since, |from| from.max(since)),
                now,
            )
        })
        .reduce(Due::or)
        .unwrap_or(Due::NEVER);
    if let Some(Explicit::Within(delay)) = explicit {
        return due.within(after(delay));
    }
    // A failure inside the backoff adds nothing to it.
    if let Some((before, certain)) = known.backoff.filter(|_| due.earliest.is_some()) {
        if before.earliest.is_some() && before.latest.is_none_or(|at| at > now - TOLERANCE) {
            due.earliest = either(due.earliest, before.earliest.map(|at| at.max(now)), Micros::min);
        }
        if certain && before.earliest.is_some_and(|at| at > now + TOLERANCE) {
            // Past the deadline it gives up all the same.
            due.latest = due.latest.map(|at| before.latest.map_or(at, |before| at.min(before)));
        }
    }
    due
}

/// The same for an object that is being deleted and is not failing.
pub(crate) fn while_deleted(
    initialization: &Interval,
    explicit: Option<Explicit>,
    deleted: Micros,
    now: Micros,
) -> Due {
    let known = Known {
        since: vec![deleted],
        grows_from: vec![None],
        backoff: None,
    };
    let mut due = due(initialization, None, &known, now);
    if due.latest.is_none() {
        // There is no deadline for it.
        let at = now + micros(initialization.longest());
        due.earliest = Some(due.earliest.map_or(at, |earliest| earliest.min(at)));
        due.latest = Some(at);
    }
    match explicit {
        Some(Explicit::Within(delay)) => due.within(now + micros(delay).clamp(1000, LONGEST)),
        _ => due,
    }
}

fn either(one: Option<Micros>, other: Option<Micros>, choose: fn(Micros, Micros) -> Micros) -> Option<Micros> {
    match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    }
}

/// By the time in the phase, and the time in which the delay has grown.
fn by_interval(interval: &Interval, elapsed: Micros, grown: Micros, now: Micros) -> Due {
    let (elapsed, grown) = (elapsed.max(0), grown.max(0));
    let deadline = interval.deadline().map(micros);
    if deadline.is_some_and(|deadline| elapsed >= deadline + TOLERANCE) {
        return Due::NEVER;
    }
    let initial = micros(interval.initial()) as f64;
    let delay = if interval.factor() > 1.0 {
        let max = interval.max().map_or(LONGEST as f64, |max| micros(max) as f64);
        (initial + (interval.factor() - 1.0) * grown as f64).min(max)
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
