//! The phases of an object.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of an object, as far as it matters for the interval.
///
/// `Display` and serde write the variant's name, as Kubernetes writes phases: `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// Not initialized yet. What it waits for is polled often.
    Initializing,
    /// A failure is recorded. The next attempt is backed off.
    Failed,
    /// Settled. It is reconciled only to pick up what no event reports.
    Ready,
}

impl Phase {
    /// All phases in their order of precedence: the first one that applies to an object is its phase.
    pub const ALL: [Self; 3] = [Self::Initializing, Self::Failed, Self::Ready];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Initializing => "Initializing",
            Self::Failed => "Failed",
            Self::Ready => "Ready",
        })
    }
}
