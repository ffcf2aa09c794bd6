//! What a reconciler says at the end of a run.

use crate::{Phase, Requeue, adapter::conclusion::End};
use std::time::Duration;

/// What a successful run says of the object; the reconciler returns anything that becomes one.
///
/// There is no conversion from kube's `Action`: it is opaque, so its delay could not be kept when a status write wakes
/// the object.
///
/// A delay of zero is "again, at once", which the rate limit governs; a delay is at most 180 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The object is in this phase: requeue by the phase's interval. When the status write that says so comes back, it
    /// is no news.
    Phase(Phase),
    /// The object is in this phase, but requeue by this: a certificate is to be renewed in twelve minutes.
    PhaseAndRequeue(Phase, Requeue),
    /// Requeue by this, whatever the policy says; the object stays in the phase that it had when the run started.
    Requeue(Requeue),
    /// Requeue by the interval of the phase that the object had when the run started.
    Unchanged,
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

impl Outcome {
    /// The end of a run on an object that was in `phase`.
    pub(crate) const fn end(self, phase: Phase) -> End {
        let (phase, reported, wish) = match self {
            Self::Phase(phase) => (phase, true, None),
            Self::PhaseAndRequeue(phase, requeue) => (phase, true, Some(requeue)),
            Self::Requeue(requeue) => (phase, false, Some(requeue)),
            Self::Unchanged => (phase, true, None),
        };
        End { phase, reported, wish }
    }
}

/// What to do after an error: the answer of an error classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// By the policy's error interval; the default for every error.
    Backoff,
    /// After exactly this long, for an error that says so: a 429 with Retry-After, a lease. Zero is "again, at once",
    /// which the rate limit governs; at most 180 days.
    After(Duration),
    /// After this long, because it is no failure: a write that came too late, work that is under way elsewhere. The object
    /// stays in the phase that it had: no outage begins, and one that is there goes on. Zero as in `After`.
    NoFailure(Duration),
    /// Not before something changes: an error that no retry cures.
    Never,
}

impl Retry {
    /// The end of a run that returned an error, on an object that was in phase `before`.
    pub(crate) const fn end(self, before: Phase) -> End {
        let (phase, reported, wish) = match self {
            Self::Backoff => (Phase::Failed, true, None),
            Self::After(delay) => (Phase::Failed, true, Some(Requeue::After(delay))),
            Self::NoFailure(delay) => (before, false, Some(Requeue::After(delay))),
            Self::Never => (Phase::Failed, true, Some(Requeue::AwaitChange)),
        };
        End { phase, reported, wish }
    }
}
