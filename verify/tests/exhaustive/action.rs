//! What may happen.

use std::fmt;

/// One thing that happens; each is atomic for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Someone else changes the spec.
    Spec,
    /// Someone else writes the status with another phase.
    OtherPhase,
    /// Someone else writes the status and leaves the phase.
    OtherStatus,
    /// Someone else changes the child.
    OtherChild,
    /// Someone deletes the object and creates it again under its name.
    Recreate,
    /// The application asks for a reconcile.
    Nudge,
    /// The watch of the object delivers its next event.
    Deliver,
    /// The watch of the child delivers its next event.
    DeliverChild,
    /// The watch of the object breaks, and the next begins with a list.
    Relist,
    /// The watch of the child breaks, and the next begins with a list.
    RelistChild,
    /// The runner dispatches the object, and if a reconcile starts, it does this.
    Dispatch(Script),
    /// The reconcile sends its next write, and the server does it.
    Send,
    /// The answer to that write arrives.
    Answer,
    /// It never does.
    Lose,
    /// The reconcile ends.
    End,
    /// A second passes.
    Second,
}

/// What a reconcile writes, and how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Script {
    pub(crate) writes: &'static [Write],
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    /// Its status, which differs from any before, with this phase: Ready or Failed.
    Ready,
    Failed,
    /// A patch of its status that changes nothing if the phase is Ready already.
    Same,
    /// Its child.
    Child,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Ready,
    Await,
    Error,
    Unit,
}

/// All scripts.
pub(crate) const SCRIPTS: [Script; 8] = [
    Script {
        writes: &[],
        end: End::Ready,
    },
    Script {
        writes: &[Write::Ready],
        end: End::Ready,
    },
    Script {
        writes: &[Write::Same],
        end: End::Await,
    },
    Script {
        writes: &[Write::Ready, Write::Failed],
        end: End::Error,
    },
    Script {
        writes: &[Write::Child],
        end: End::Await,
    },
    Script {
        writes: &[Write::Child, Write::Ready],
        end: End::Await,
    },
    Script {
        writes: &[],
        end: End::Await,
    },
    Script {
        writes: &[Write::Ready],
        end: End::Unit,
    },
];

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dispatch(script) => write!(
                f,
                "dispatched; if it is reconciled: writes {:?}, ends {:?}",
                script.writes, script.end
            ),
            action => write!(f, "{action:?}"),
        }
    }
}
