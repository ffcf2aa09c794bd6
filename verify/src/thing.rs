//! The kind that the controllers reconcile.

use kube::CustomResource;
use requeue_policy::{Observe, Phase};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    time::{Duration, SystemTime},
};

/// Microseconds of virtual time since its start; a point of time or a span.
pub type Micros = i64;

/// What an object is to be.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus",
    schema = "disabled",
    doc = "The kind that the controllers reconcile."
)]
pub struct ThingSpec {
    /// Another one calls for a run.
    pub value: u64,
}

/// What `Observe` reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThingStatus {
    /// The phase; Initializing where there is none.
    pub phase: Option<Phase>,
    /// The lastTransitionTime: a number, so that it does not depend on the time of day.
    pub since: Option<Micros>,
    /// The fingerprint.
    pub token: Option<u64>,
    /// Part of nothing.
    pub message: Option<String>,
}

impl Thing {
    /// An object as the API server has it.
    pub fn stored(number: usize, version: u64, generation: i64) -> Self {
        let mut thing = Self::new(&format!("t{number}"), ThingSpec { value: number as u64 });
        thing.metadata.namespace = Some("default".to_owned());
        thing.metadata.uid = Some(format!("0b1e1e5c-7a0f-4a52-9d3e-{number:012}"));
        thing.metadata.resource_version = Some(version.to_string());
        thing.metadata.generation = Some(generation);
        thing
    }

    /// The same in this phase.
    #[must_use]
    pub fn in_phase(self, phase: Phase) -> Self {
        let status = Some(ThingStatus {
            phase: Some(phase),
            ..ThingStatus::default()
        });
        Self { status, ..self }
    }

    /// What [`Observe::phase`] reads, without the panic that a test has planned.
    pub fn phase_in_status(&self) -> Phase {
        let status = self.status.as_ref();
        status.and_then(|status| status.phase).unwrap_or(Phase::Initializing)
    }
}

/// The wall clock at this time: that of the API server in memory, which begins on 1 January 2030.
pub fn wall(at: Micros) -> SystemTime {
    let (start, span) = (
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000),
        Duration::from_micros(at.unsigned_abs()),
    );
    if at < 0 { start - span } else { start + span }
}

thread_local! {
    /// The object of which `Observe` panics once, and how many calls that spares.
    static PANICS: RefCell<Option<(String, u64)>> = const { RefCell::new(None) };
}

/// Lets `Observe` panic once in this thread, of the object with this name and after so many calls; `None` takes it back.
pub fn observe_panics(planned: Option<(String, u64)>) {
    PANICS.set(planned);
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
        self.phase_in_status()
    }

    fn last_transition(&self) -> Option<SystemTime> {
        self.status.as_ref()?.since.map(wall)
    }

    fn fingerprint(&self) -> u64 {
        self.status.as_ref().and_then(|status| status.token).unwrap_or_default()
    }
}
