//! The policies that the guide writes down for users of client-go.

use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use std::time::{Duration, SystemTime};

/// One delay for a number of attempts, another from then on: `NewTypedItemFastSlowRateLimiter`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastSlow {
    pub(crate) fast: Duration,
    pub(crate) slow: Duration,
    pub(crate) attempts: u32,
}

impl RequeuePolicy for FastSlow {
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        match object.phase() {
            Phase::Failed if object.elapsed(now) < self.fast.saturating_mul(self.attempts) => Requeue::After(self.fast),
            Phase::Failed => Requeue::After(self.slow),
            _ => RequeueConfig::default().requeue(object, now),
        }
    }
}

/// Delays one after the other, the last one for good.
#[derive(Clone, Debug)]
pub(crate) struct Steps(Vec<Duration>);

impl Steps {
    pub(crate) fn new(delays: impl IntoIterator<Item = Duration>) -> Self {
        Self(delays.into_iter().collect())
    }
}

impl RequeuePolicy for Steps {
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        let mut left = object.elapsed(now);
        let is_current = |delay: &&Duration| {
            let is_current = left < **delay;
            left = left.saturating_sub(**delay);
            is_current
        };
        match self.0.iter().find(is_current).or(self.0.last()) {
            Some(delay) if object.phase() == Phase::Failed => Requeue::After(*delay),
            _ => RequeueConfig::default().requeue(object, now),
        }
    }
}

/// The later of two: `NewTypedMaxOfRateLimiter`, but for when it counts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Later<A, B>(pub(crate) A, pub(crate) B);

impl<A: RequeuePolicy, B: RequeuePolicy> RequeuePolicy for Later<A, B> {
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        self.0.requeue(object, now).max(self.1.requeue(object, now))
    }
}

/// No later than this, and never giving up: `NewTypedWithMaxWaitRateLimiter`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxWait<P>(pub(crate) P, pub(crate) Duration);

impl<P: RequeuePolicy> RequeuePolicy for MaxWait<P> {
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        self.0.requeue(object, now).min(Requeue::After(self.1))
    }
}

/// A backoff while failed, as `NewTypedItemExponentialFailureRateLimiter` has it.
pub(crate) fn exponential(base: Duration, cap: Duration) -> Interval {
    Interval::constant(base).with_factor(2.0).with_max(cap)
}

/// The delays of an object that fails again and again, in runs that take no time.
pub(crate) fn delays(policy: &impl RequeuePolicy) -> impl Iterator<Item = Duration> {
    let since = SystemTime::UNIX_EPOCH;
    let mut now = since;
    std::iter::from_fn(move || {
        let Requeue::After(delay) = policy.requeue(&Observed::new(Phase::Failed).since(since), now) else {
            return None;
        };
        now += delay;
        Some(delay)
    })
}
