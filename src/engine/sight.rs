//! An object as a trigger finds it.

use super::{reason::Changes, version::Version};
use crate::{Observed, Phase};
use std::time::{Duration, SystemTime};

/// What of an object is compared with what the last reconcile saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    /// `None` where the API server counts none for this kind, so that any write may have changed the spec.
    pub(crate) generation: Option<i64>,
    // Hashes of what the names say.
    pub(crate) labels: u64,
    pub(crate) annotations: u64,
    pub(crate) finalizers: u64,
    pub(crate) owners: u64,
    pub(crate) fingerprint: u64,
    pub(crate) is_deleted: bool,
}

impl Content {
    /// What differs, the phase aside.
    pub(crate) fn changes(&self, seen: &Self) -> Changes {
        Changes::GENERATION
            .when(self.generation != seen.generation)
            .and(Changes::LABELS.when(self.labels != seen.labels))
            .and(Changes::ANNOTATIONS.when(self.annotations != seen.annotations))
            .and(Changes::FINALIZERS.when(self.finalizers != seen.finalizers))
            .and(Changes::OWNERS.when(self.owners != seen.owners))
            .and(Changes::DELETION.when(self.is_deleted != seen.is_deleted))
            .and(Changes::FINGERPRINT.when(self.fingerprint != seen.fingerprint))
    }

    /// Takes over what an echo of the controller's own write shows and is no change.
    pub(crate) fn take_echo(&mut self, echo: &Self, of_status: bool) {
        self.fingerprint = echo.fingerprint;
        if !of_status {
            self.labels = echo.labels;
            self.annotations = echo.annotations;
        }
    }
}

/// An object as a trigger finds it in the controller's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sight {
    pub(crate) version: Version,
    pub(crate) content: Content,
    pub(crate) phase: Phase,
    /// When the object entered its phase, as its status says.
    pub(crate) since: Option<SystemTime>,
    /// When it was deleted, if it waits for its finalizers.
    pub(crate) deleted: Option<SystemTime>,
    /// Whether an annotation pauses it.
    pub(crate) is_paused: bool,
    /// The interval that an annotation gives it while it is settled.
    pub(crate) interval: Option<Duration>,
}

impl Sight {
    /// What was observed, as the engine remembers it; `content` has the fingerprint.
    pub(crate) fn new(version: Version, content: Content, observed: &Observed) -> Self {
        Self {
            version,
            content,
            phase: observed.phase(),
            since: observed.last_transition(),
            deleted: None,
            is_paused: false,
            interval: None,
        }
    }
}
