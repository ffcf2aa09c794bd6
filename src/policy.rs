//! The decision.

use crate::{
    Interval, MaxRate, Observed, Phase, RateLimit,
    interval::{humantime, nanos},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// When an object is to be reconciled next: the answer of a policy.
///
/// The earlier is the less, so that the earliest of several is their `min`:
///
/// ```
/// use requeue_policy::Requeue;
/// use std::time::Duration;
///
/// let (renewal, poll) = (Requeue::After(Duration::from_secs(720)), Requeue::After(Duration::from_secs(30)));
/// assert_eq!(renewal.min(poll), poll);
/// assert_eq!(poll.max(Requeue::AwaitChange), Requeue::AwaitChange);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requeue {
    /// After this long at the latest; a change starts a run before that.
    After(Duration),
    /// Not by a timer, only when something changes.
    AwaitChange,
}

impl fmt::Display for Requeue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(delay) => write!(f, "after {}", humantime(*delay)),
            Self::AwaitChange => f.write_str("await change"),
        }
    }
}

/// Decides when an object's next run is due.
///
/// Every method has a default, so `impl RequeuePolicy for MyPolicy {}` is the policy of the proposal CAPTEP-0016: 30
/// s, 10 s while failed, 5 s until initialized. A policy is pure: it reads no clock and keeps no state. The adapter
/// calls [`requeue`](Self::requeue) at the end of every run.
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

    /// Returns how often changes may start a run of one object, 10 times within 10 s by default; `None` is no limit.
    fn rate_limit(&self) -> Option<RateLimit> {
        Some(RateLimit::DEFAULT)
    }

    /// Returns how many runs per second timers may cause, all objects together; no limit by default.
    fn max_rate(&self) -> Option<MaxRate> {
        None
    }

    /// Returns when the object is due: the proposal's `determineRequeueInterval`.
    ///
    /// The delay of the phase's interval, shortened by its jitter; `AwaitChange` from its deadline on. Never panics,
    /// never returns a delay of zero, and never one above the interval's [`longest`](Interval::longest).
    #[inline]
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        let interval = self.interval(object.phase);
        if let Some(delay) = interval.always() {
            return Requeue::After(Duration::from_nanos(delay));
        }
        let elapsed = object.since.and_then(|since| now.duration_since(since).ok()).map(nanos);
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
        Requeue::After(Duration::from_nanos(interval.shorten(delay, object.slot, past)))
    }

    /// Returns whether the last transition lies more than the phase's first delay back: the proposal's `shouldRequeue`.
    ///
    /// True where the last transition is unknown, false where it is in the future. Never panics.
    fn should_requeue(&self, object: &Observed, now: SystemTime) -> bool {
        object.since.is_none() || object.elapsed(now) > self.interval(object.phase).initial()
    }
}

/// Apart from the decision, which it would slow down if it stood in its midst.
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
