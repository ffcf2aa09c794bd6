//! How long an object has been failing, and whether it is about to be given up.

use crate::{
    Observed, Outcome, Phase, Requeue, RequeuePolicy, Retry,
    policy::{interval::nanos, slot::Slot},
};
use std::time::{Duration, SystemTime};

/// What a failure of an object, now, would be a part of; returned by [`Requeuer::outage`](crate::kube::Requeuer::outage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// When the first failure was; now, if the object was not failing.
    pub since: SystemTime,
    /// How long ago that is; zero, if the object was not failing.
    pub elapsed: Duration,
    /// How many retries that time makes by the error interval, events aside: [`Interval::attempts`](crate::Interval::attempts).
    pub attempts: u64,
    /// Whether this is the last attempt, because only a change then starts another.
    ///
    /// For an error that backs off; [`after`](Self::after) has it for any other. As of now: a reconcile that goes on past
    /// the deadline finds out when it has ended, so ask when it has failed.
    pub is_last: bool,
}

impl Outage {
    pub(crate) fn new(since: SystemTime, slot: Slot, policy: &dyn RequeuePolicy, now: SystemTime) -> Self {
        let failing = Observed::new(Phase::Failed).since(since).in_slot(slot);
        let elapsed = failing.elapsed(now);
        Self {
            since,
            elapsed,
            attempts: policy.interval(Phase::Failed).attempts(elapsed),
            is_last: policy.requeue(&failing, now) == Requeue::AwaitChange,
        }
    }

    /// Returns the same for an error that is classified so.
    ///
    /// A reconciler asks with what the classifier of [`Controller::run_with`](crate::kube::Controller::run_with) returns for
    /// the error at hand.
    #[must_use]
    pub const fn after(self, retry: Retry) -> Self {
        let is_last = match retry {
            Retry::Backoff => self.is_last,
            Retry::After(_) | Retry::Later(_) => false,
            Retry::Never => true,
            Retry::As(Outcome::Phase(Phase::Failed)) => self.is_last,
            Retry::As(Outcome::PhaseAndRequeue(Phase::Failed, requeue)) => matches!(requeue, Requeue::AwaitChange),
            Retry::As(Outcome::PhaseAndInterval(Phase::Failed, interval)) => {
                interval.delay_nanos(nanos(self.elapsed)).is_none()
            }
            // No failure, or tried again.
            Retry::As(_) => false,
        };
        Self { is_last, ..self }
    }
}
