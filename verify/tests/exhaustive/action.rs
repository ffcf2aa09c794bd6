//! What may happen.

use crate::{Outcome, Phase, Requeue, Retry};
use std::{fmt, time::Duration};

/// One thing that happens; each is atomic for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Someone else, or a fault; how many there may be is bounded.
    Disturb(Disturbance),
    /// The object is created again under its name.
    Create,
    /// The watch of the object delivers its next event.
    Deliver,
    /// The watch of the child delivers its next event.
    DeliverChild,
    /// The list of the object is complete.
    Listed,
    /// The list of the children is complete.
    ListedChild,
    /// The runner dispatches the object, and a reconcile starts or does not.
    Dispatch,
    /// The same for the second owner, whose reconcile does nothing and awaits a change.
    DispatchSecond,
    /// The reconcile sends a write, and the server does it.
    Write(Write),
    /// The answer to that write arrives.
    Answer,
    /// The reconcile ends.
    End(End),
    /// A second passes.
    Second,
    /// Time passes until the next timer.
    Timer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Disturbance {
    /// Someone else changes the spec.
    Spec,
    /// Someone else writes the status with another phase.
    OtherPhase,
    /// Someone else writes the status and leaves the phase.
    OtherStatus,
    /// Someone else changes the child.
    OtherChild,
    /// Someone else changes the status of the child, which the application does not want to hear of.
    ChildStatus,
    /// Someone else takes the object out of the child's owners, or puts it in.
    Disown,
    /// Someone deletes the child.
    DeleteChild,
    /// Someone deletes the object.
    Delete,
    /// An annotation pauses the object, or no longer does.
    Pause,
    /// The application asks for a reconcile.
    Nudge,
    /// The application asks for a reconcile of all objects.
    NudgeAll,
    /// The application replaces its policy.
    Policy,
    /// The watch of the object breaks, and the next one begins with a list; its first page is read.
    Relist,
    /// The same for the watch of the child.
    RelistChild,
    /// The answer to a write never arrives.
    Lose,
    /// The reconcile ends before the answer to its write arrives: a task that it spawned waits for it.
    Leave(End),
    /// The reconcile is dropped.
    CutOff,
    /// The controller ends and starts again with the same `Requeuer`.
    Restart,
    /// The process ends and starts again.
    Crash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    /// Its status, which differs from any before, with this phase.
    Status(Phase),
    /// A patch of its status with the phase that it read: it changes nothing where that is there.
    Same,
    /// Its own spec, as a finalizer.
    Spec,
    /// Its own labels.
    Label,
    /// Its child, which is created if it does not exist.
    Child,
    /// A patch of its status that the server only tries.
    Dry,
}

/// How a reconcile ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Phase(Phase),
    Unit,
    Await,
    /// Ready after a second.
    After,
    /// Ready, at most a second.
    Within,
    /// A second, and no phase.
    Requeue,
    Backoff,
    /// An error with a delay of a second.
    RetryAfter,
    Later,
    Never,
}

const DELAY: Duration = Duration::from_secs(1);

impl End {
    pub(crate) fn outcome(self) -> Result<Outcome, Retry> {
        Ok(match self {
            Self::Phase(phase) => phase.into(),
            Self::Unit => ().into(),
            Self::Await => Phase::Ready.await_change(),
            Self::After => Phase::Ready.after(DELAY),
            Self::Within => Phase::Ready.within(DELAY),
            Self::Requeue => Requeue::After(DELAY).into(),
            Self::Backoff => return Err(Retry::Backoff),
            Self::RetryAfter => return Err(Retry::After(DELAY)),
            Self::Later => return Err(Retry::Later(DELAY)),
            Self::Never => return Err(Retry::Never),
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disturb(disturbance) => disturbance.fmt(f),
            Self::Create => f.write_str("created again"),
            Self::Deliver => f.write_str("the watch delivers an event"),
            Self::DeliverChild => f.write_str("the watch of the child delivers an event"),
            Self::Listed => f.write_str("the list is complete"),
            Self::ListedChild => f.write_str("the list of children is complete"),
            Self::Dispatch => f.write_str("dispatched"),
            Self::DispatchSecond => f.write_str("the second owner is dispatched"),
            Self::Write(write) => write.fmt(f),
            Self::Answer => f.write_str("the answer arrives"),
            Self::End(end) => write!(f, "ends: {end:?}"),
            Self::Second => f.write_str("a second passes"),
            Self::Timer => f.write_str("the timer fires"),
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spec => "someone else changes the spec",
            Self::OtherPhase => "someone else writes another phase",
            Self::OtherStatus => "someone else writes the status, and not the phase",
            Self::OtherChild => "someone else changes the child",
            Self::ChildStatus => "someone else changes the status of the child",
            Self::Disown => "someone else changes the owners of the child",
            Self::DeleteChild => "someone deletes the child",
            Self::Delete => "deleted",
            Self::Pause => "someone sets or removes the annotation that pauses it",
            Self::Nudge => "requested",
            Self::NudgeAll => "requested for all",
            Self::Policy => "another policy",
            Self::Relist => "the watch breaks and lists",
            Self::RelistChild => "the watch of the child breaks and lists",
            Self::Lose => "the answer is lost",
            Self::Leave(end) => return write!(f, "ends before the answer arrives: {end:?}"),
            Self::CutOff => "the reconcile is cut off",
            Self::Restart => "the controller starts again",
            Self::Crash => "the process starts again",
        })
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(phase) => write!(f, "writes its status, {phase}"),
            Self::Same => f.write_str("patches its status with the phase that it read"),
            Self::Spec => f.write_str("writes its spec"),
            Self::Label => f.write_str("writes its labels"),
            Self::Child => f.write_str("writes the child"),
            Self::Dry => f.write_str("patches its status in a dry run"),
        }
    }
}
