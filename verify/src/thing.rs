//! The kind that the controllers reconcile.

use kube::CustomResource;
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};
use std::{
    cell::{Cell, RefCell},
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

    /// The phase that [`Observe`] reads, without the panic that a test has planned.
    pub fn phase_in_status(&self) -> Phase {
        let status = self.status.as_ref();
        status.and_then(|status| status.phase).unwrap_or(Phase::Initializing)
    }
}

thread_local! {
    /// What the wall clock says at 0 of this thread's virtual time.
    static START: Cell<SystemTime> = const { Cell::new(SystemTime::UNIX_EPOCH) };
    /// The object of which `Observe` panics once, and how many calls that spares.
    static PANICS: RefCell<Option<(String, u64)>> = const { RefCell::new(None) };
}

/// Sets what the wall clock says at 0 of this thread's virtual time.
pub fn starts_at(start: SystemTime) {
    START.set(start);
}

/// What the wall clock says at this point of virtual time.
pub fn wall(at: Micros) -> SystemTime {
    let (start, span) = (START.get(), Duration::from_micros(at.unsigned_abs()));
    let wall = if at < 0 {
        start.checked_sub(span)
    } else {
        start.checked_add(span)
    };
    wall.expect("300,000 years are within a SystemTime")
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
    fn observe(&self) -> Observed {
        if panics(self.metadata.name.as_ref()) {
            std::panic::resume_unwind(Box::new("Observe panics"));
        }
        let status = self.status.as_ref();
        Observed::new(self.phase_in_status())
            .since(status.and_then(|status| status.since).map(wall))
            .fingerprint(&status.and_then(|status| status.token))
    }
}
