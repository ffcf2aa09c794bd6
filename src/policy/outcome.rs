//! What a reconcile returns.

use super::{interval::Interval, phase::Phase, requeue::Requeue};
use std::time::Duration;

/// What a successful reconcile says about its object. The reconciler returns anything that converts into one.
///
/// Most reconcilers return a [`Phase`]. Where the arms of a `match` differ, [`Phase::after`], [`Phase::within`] and
/// [`Phase::await_change`] give all of them one type:
///
/// ```
/// use requeue_policy::{Outcome, Phase, Requeue};
/// use std::time::Duration;
///
/// fn outcome(state: &str) -> Outcome {
///     match state {
///         "creating" => Phase::Initializing.after(Duration::from_secs(2)),
///         "leased" => Phase::Ready.within(Duration::from_secs(720)),
///         "paused" => Phase::Ready.await_change(),
///         _ => Phase::Ready.into(),
///     }
/// }
///
/// assert_eq!(outcome("paused"), Outcome::PhaseAndRequeue(Phase::Ready, Requeue::AwaitChange));
/// ```
///
/// An explicit delay is exact, unless it has a jitter of its own: neither the policy's interval nor its jitter changes it.
/// Zero means again at once. The [`RateLimit`](crate::RateLimit) applies to zero and to any delay shorter than its pace. A
/// delay above 180 days counts as 180 days. A change still triggers a reconcile at once.
///
/// kube's `Action` does not convert into an outcome, because its delay cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The object is in this phase. Requeue by the phase's interval.
    Phase(Phase),
    /// The object is in this phase. Requeue by this, and not by the phase's interval.
    PhaseAndRequeue(Phase, Requeue),
    /// The object is in this phase. Requeue by this interval, in place of the policy's.
    PhaseAndInterval(Phase, Interval),
    /// The object is in this phase. Requeue by the phase's interval, but after this delay at the latest, also past the
    /// interval's deadline, and also where the interval never comes.
    PhaseWithin(Phase, Duration),
    /// Requeue by this, whatever the policy says. The reconcile reports no phase.
    Requeue(Requeue),
    /// Requeue by the interval of the phase that the object's status shows. The reconcile reports no phase.
    Unchanged,
}

impl Phase {
    /// Returns the outcome: in this phase, and requeued after this delay, in place of the policy's interval.
    ///
    /// A `Duration` is exact, for a known time: a certificate that must be renewed in twelve minutes, say. An [`Interval`]
    /// serves where many objects have the same delay, such as one from their specs: its jitter spreads them by their
    /// slots, as it does in a policy, and only shortens. If it grows or has a deadline, both count from when the object
    /// entered this phase.
    ///
    /// ```
    /// use requeue_policy::{Interval, Outcome, Phase, Requeue};
    /// use std::time::Duration;
    ///
    /// let delay = Duration::from_secs(600);
    /// assert_eq!(Phase::Ready.after(delay), Outcome::PhaseAndRequeue(Phase::Ready, Requeue::After(delay)));
    ///
    /// let spread = Interval::constant(delay).with_jitter(0.2);
    /// assert_eq!(Phase::Ready.after(spread), Outcome::PhaseAndInterval(Phase::Ready, spread));
    /// ```
    #[must_use]
    pub fn after(self, delay: impl Into<Interval>) -> Outcome {
        let interval = delay.into();
        if interval == Interval::constant(interval.initial()) {
            Outcome::PhaseAndRequeue(self, Requeue::After(interval.initial()))
        } else if interval.is_never() {
            self.await_change()
        } else {
            Outcome::PhaseAndInterval(self, interval)
        }
    }

    /// Returns the outcome: in this phase, and requeued by its interval, but after this delay at the latest.
    ///
    /// Where the interval sets no timer, because its deadline has passed or because it [never](Interval::never) comes, the
    /// object is requeued after exactly this delay. So it is not given up. The delay itself has no jitter.
    #[must_use]
    pub const fn within(self, delay: Duration) -> Outcome {
        Outcome::PhaseWithin(self, delay)
    }

    /// Returns the outcome: in this phase, and not reconciled again before something changes.
    #[must_use]
    pub const fn await_change(self) -> Outcome {
        Outcome::PhaseAndRequeue(self, Requeue::AwaitChange)
    }
}

impl From<Phase> for Outcome {
    fn from(phase: Phase) -> Self {
        Self::Phase(phase)
    }
}

impl From<(Phase, Requeue)> for Outcome {
    fn from((phase, requeue): (Phase, Requeue)) -> Self {
        Self::PhaseAndRequeue(phase, requeue)
    }
}

impl From<Requeue> for Outcome {
    fn from(requeue: Requeue) -> Self {
        Self::Requeue(requeue)
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Unchanged
    }
}

/// What to do after an error: the answer of an error policy.
///
/// An explicit delay is exact. Zero means again at once. The [`RateLimit`](crate::RateLimit) applies to zero and to any
/// delay shorter than its pace. A delay above 180 days counts as 180 days. What these cannot say an [`Outcome`] can:
///
/// ```
/// use requeue_policy::{Interval, Phase, Retry};
/// use std::time::Duration;
///
/// let seconds = Duration::from_secs;
/// // No failure: the object waits for something else, and is to be reported as Initializing.
/// let waits = Retry::As(Phase::Initializing.after(seconds(5)));
/// // A failure that is retried after a delay with jitter.
/// let spread = Retry::As(Phase::Failed.after(Interval::constant(seconds(60)).with_jitter(0.2)));
/// # assert_ne!(waits, spread);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Retry by the policy's error interval. This is the default for every error.
    Backoff,
    /// Retry after this delay: the error itself says when, as a 429 with Retry-After or a lease does.
    After(Duration),
    /// Reconcile again after this delay. The error is not a failure: a write conflict, say, or work that is under way
    /// elsewhere. The object stays in its phase: no outage begins, and a present one goes on.
    Later(Duration),
    /// Do not retry before something changes: no retry cures the error.
    Never,
    /// Take the error for this outcome, as if the reconcile had returned it.
    ///
    /// [`Phase::Failed`] is a failure, with this delay or interval. Any other phase is none, and ends a present outage. The
    /// log has the error at DEBUG then.
    As(Outcome),
}

impl From<Outcome> for Retry {
    fn from(outcome: Outcome) -> Self {
        Self::As(outcome)
    }
}
