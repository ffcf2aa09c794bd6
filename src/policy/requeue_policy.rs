//! The decision.

use super::{
    interval::{Interval, nanos},
    max_rate::MaxRate,
    observe::Observed,
    phase::Phase,
    rate_limit::RateLimit,
    requeue::Requeue,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Decides when an object is reconciled next.
///
/// Every method has a default, so `impl RequeuePolicy for MyPolicy {}` is a policy: 30 s, 10 s while failed, 5 s until
/// initialized. A policy is pure: it MUST NOT read a clock and MUST NOT keep state. The controller calls
/// [`requeue`](Self::requeue) at the end of every reconcile.
///
/// # Examples
///
/// ```
/// use requeue_policy::{Interval, Observed, Phase, Requeue, RequeuePolicy};
/// use std::time::{Duration, SystemTime};
///
/// struct Patient;
///
/// impl RequeuePolicy for Patient {
///     fn default_interval(&self) -> Interval {
///         Interval::constant(Duration::from_secs(600))
///     }
/// }
///
/// let now = SystemTime::now();
/// assert_eq!(Patient.requeue(&Observed::new(Phase::Ready), now), Requeue::After(Duration::from_secs(600)));
/// assert_eq!(Patient.requeue(&Observed::new(Phase::Failed), now), Requeue::After(Duration::from_secs(10)));
/// ```
pub trait RequeuePolicy {
    /// Returns the interval of a settled object, 30 s by default.
    fn default_interval(&self) -> Interval {
        Interval::constant(Duration::from_secs(30))
    }

    /// Returns the interval of a failed object, 10 s by default.
    fn error_interval(&self) -> Interval {
        Interval::constant(Duration::from_secs(10))
    }

    /// Returns the interval of an object that is not initialized yet, 5 s by default.
    fn initialization_interval(&self) -> Interval {
        Interval::constant(Duration::from_secs(5))
    }

    /// Returns the interval of a phase.
    #[inline]
    fn interval(&self, phase: Phase) -> Interval {
        match phase {
            Phase::Initializing => self.initialization_interval(),
            Phase::Failed => self.error_interval(),
            Phase::Ready => self.default_interval(),
        }
    }

    /// Returns how often one object may be reconciled: by default 30 times at once, then once per second. `None` is no limit.
    fn rate_limit(&self) -> Option<RateLimit> {
        Some(RateLimit::DEFAULT)
    }

    /// Returns how many reconciles per second timers may cause, all objects together; no limit by default.
    fn max_rate(&self) -> Option<MaxRate> {
        None
    }

    /// Returns when the object is due.
    ///
    /// That is the delay of the phase's interval, shortened by its jitter, or `AwaitChange` past its deadline and for an
    /// interval that [never](Interval::never) comes. Never panics,
    /// never returns a delay of zero, and never one above the interval's [`longest`](Interval::longest).
    #[inline]
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        let interval = self.interval(object.phase());
        if let Some(delay) = interval.always() {
            return Requeue::After(Duration::from_nanos(delay));
        }
        let elapsed = object
            .last_transition()
            .and_then(|since| now.duration_since(since).ok())
            .map(nanos);
        let Some(delay) = interval.delay_nanos(elapsed.unwrap_or_default()) else {
            return Requeue::AwaitChange;
        };
        if !interval.is_jittered() {
            return Requeue::After(Duration::from_nanos(delay));
        }
        // Any fixed origin of the slots will do: the phase's start, or 1970 where that is unknown.
        let past = match elapsed {
            Some(elapsed) => elapsed,
            None => interval.within(since_1970(now)),
        };
        Requeue::After(Duration::from_nanos(interval.shorten(delay, object.slot(), past)))
    }

    /// Returns whether the last transition is more than the phase's first delay ago.
    ///
    /// True if the last transition is unknown, false if it is in the future, and false for an interval that
    /// [never](Interval::never) comes. Never panics.
    fn should_requeue(&self, object: &Observed, now: SystemTime) -> bool {
        let interval = self.interval(object.phase());
        let is_past = object.last_transition().is_none() || object.elapsed(now) > interval.initial();
        is_past && !interval.is_never()
    }
}

// Kept out of the decision, which it would slow down inline.
#[cold]
#[inline(never)]
fn since_1970(now: SystemTime) -> u64 {
    nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Forwards every method, so that a wrapped policy keeps what it overrides.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<P: RequeuePolicy + ?Sized> RequeuePolicy for $pointer {
            fn default_interval(&self) -> Interval {
                (**self).default_interval()
            }
            fn error_interval(&self) -> Interval {
                (**self).error_interval()
            }
            fn initialization_interval(&self) -> Interval {
                (**self).initialization_interval()
            }
            fn interval(&self, phase: Phase) -> Interval {
                (**self).interval(phase)
            }
            fn rate_limit(&self) -> Option<RateLimit> {
                (**self).rate_limit()
            }
            fn max_rate(&self) -> Option<MaxRate> {
                (**self).max_rate()
            }
            fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
                (**self).requeue(object, now)
            }
            fn should_requeue(&self, object: &Observed, now: SystemTime) -> bool {
                (**self).should_requeue(object, now)
            }
        }
    )*};
}

forward!(&P, Box<P>, Arc<P>);
