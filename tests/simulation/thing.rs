//! The type that the simulated controllers reconcile.

use kube::{CustomResource, Resource as _};
use requeue_policy::{Observe, Phase};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime},
};

/// Microseconds of virtual time since the start of a simulation; as a point of time or as a span.
pub(crate) type Micros = i64;

pub(crate) const SECOND: Micros = 1_000_000;

#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThingSpec {
    pub(crate) value: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThingStatus {
    pub(crate) phase: Option<Phase>,
    /// The lastTransitionTime: a number, so that it does not depend on the time of day at which the simulation runs.
    pub(crate) since: Option<Micros>,
    /// The fingerprint.
    pub(crate) token: Option<u64>,
    /// Part of nothing.
    pub(crate) message: Option<String>,
}

thread_local! {
    /// The object of which `Observe` panics once, and how many calls that spares.
    static PANICS: RefCell<Option<(String, u64)>> = const { RefCell::new(None) };
}

/// The wall clock at this time of a simulation: all of them begin on 1 January 2026.
pub(crate) fn wall(at: Micros) -> SystemTime {
    let (start, span) = (
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
        Duration::from_micros(at.unsigned_abs()),
    );
    if at < 0 { start - span } else { start + span }
}

pub(crate) fn observe_panics(name: Option<(String, u64)>) {
    PANICS.set(name);
}

/// Whether this is the call that panics.
fn panics(name: Option<&String>) -> bool {
    PANICS.with_borrow_mut(|planned| match planned {
        Some((of, spared)) if Some(&*of) == name && *spared > 0 => {
            *spared -= 1;
            false
        }
        Some((of, _)) if Some(&*of) == name => planned.take().is_some(),
        _ => false,
    })
}

impl Observe for Thing {
    fn phase(&self) -> Phase {
        if panics(self.metadata.name.as_ref()) {
            std::panic::resume_unwind(Box::new("Observe panics"));
        }
        phase(self)
    }

    fn last_transition(&self) -> Option<SystemTime> {
        self.status.as_ref()?.since.map(wall)
    }

    fn fingerprint(&self) -> u64 {
        self.status.as_ref().and_then(|status| status.token).unwrap_or_default()
    }
}

/// The same for the model, which must not set off the panic.
pub(crate) fn phase(thing: &Thing) -> Phase {
    let status = thing.status.as_ref();
    status.and_then(|status| status.phase).unwrap_or(Phase::Initializing)
}

pub(crate) fn since(thing: &Thing) -> Option<Micros> {
    thing.status.as_ref()?.since
}

pub(crate) fn version(thing: &Thing) -> u64 {
    let version = thing.meta().resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// What may be meant for the reconciler, of the object alone, as the guide lists it.
pub(crate) fn content(thing: &Thing) -> u64 {
    let meta = thing.meta();
    let mut hasher = DefaultHasher::new();
    meta.generation.hash(&mut hasher);
    meta.labels.hash(&mut hasher);
    meta.annotations.hash(&mut hasher);
    meta.finalizers.hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    for owner in meta.owner_references.iter().flatten() {
        owner.uid.hash(&mut hasher);
    }
    thing.status.as_ref().and_then(|status| status.token).hash(&mut hasher);
    hasher.finish()
}
