//! The world outside the cluster, which sends no events: the controller has to poll it.

use std::{ops::Range, time::Duration};

/// The Terraform workspace behind a control plane: it takes a while to apply, later it fails for a while. Someone deletes
/// it, and it is applied again, at first without one of its outputs.
///
/// Its state is a pure function of the time, so both controllers meet the same world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workspace {
    /// When it is applied for the first time.
    pub(crate) initialized: Duration,
    /// When it starts to fail.
    pub(crate) fails: Duration,
    /// When it is deleted.
    pub(crate) gone: Duration,
    /// When it is there again, without a certificate authority.
    pub(crate) without_ca: Duration,
    /// When it is well again.
    pub(crate) recovers: Duration,
}

/// A workspace as someone who looks finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// How often it has changed.
    pub(crate) revision: u64,
    /// What it has changed to.
    pub(crate) state: State,
}

/// What `terraform apply` is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The first run is not through.
    Creating,
    /// All is as the template says.
    Applied,
    /// The last run failed.
    Failed(Failure),
    /// There is no workspace, though there was one.
    Gone,
    /// All is as the template says, but the outputs lack the certificate authority.
    WithoutCa,
}

/// Why a control plane is not ready, though it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// In a word.
    pub(crate) reason: &'static str,
    /// As an operator reads it.
    pub(crate) message: &'static str,
}

impl Snapshot {
    /// Nothing has been made yet.
    pub(crate) const NONE: Self = Self {
        revision: 0,
        state: State::Creating,
    };
}

const THROTTLED: Failure = Failure {
    reason: "TerraformApplyFailed",
    message: "terraform apply failed: creating EKS Node Group: ThrottlingException: Rate exceeded",
};

impl Workspace {
    /// Returns what the workspace is at a time of the scenario.
    pub(crate) fn at(&self, elapsed: Duration) -> Snapshot {
        let changes = self.changes();
        let revision = changes.iter().filter(|(at, _)| *at <= elapsed).count();
        let state = changes[..revision].last().map_or(State::Creating, |(_, state)| *state);
        Snapshot {
            revision: revision as u64,
            state,
        }
    }

    /// Returns when the workspace changes, and to what.
    pub(crate) fn changes(&self) -> [(Duration, State); 5] {
        [
            (self.initialized, State::Applied),
            (self.fails, State::Failed(THROTTLED)),
            (self.gone, State::Gone),
            (self.without_ca, State::WithoutCa),
            (self.recovers, State::Applied),
        ]
    }

    /// Returns from when to when the workspace is in a state for the first time; empty if it never leaves it.
    pub(crate) fn span(&self, state: State) -> Range<Duration> {
        let changes = self.changes();
        let mut ended = changes.windows(2).map(|pair| (pair[0].1, pair[0].0..pair[1].0));
        ended
            .find_map(|(ended, span)| (ended == state).then_some(span))
            .unwrap_or_default()
    }
}
