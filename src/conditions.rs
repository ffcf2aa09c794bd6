//! Conditions: a status whose backoff survives a restart.
//!
//! A Kubernetes condition carries the time of its last change, `lastTransitionTime`. A growing interval and a deadline
//! need no other state. So an object that reports its phase in conditions keeps both across restarts and leader changes:
//! [`observed`] reads the conditions, [`set`] writes one.
//!
//! # Examples
//!
#![doc = major!(example)]
//! use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
#![doc = major!(conditions "use requeue_policy::{Observe, Observed, Phase, " "};")]
//!
//! struct Database {
//!     conditions: Vec<Condition>,
//! }
//!
//! impl Observe for Database {
//!     fn observe(&self) -> Observed {
//!         conditions::observed(&self.conditions, Phase::Initializing, |type_, status| match (type_, status) {
//!             ("Ready", "True") => Some(Phase::Ready),
//!             ("Ready", "False") => Some(Phase::Failed),
//!             _ => None, // says nothing about the phase
//!         })
//!     }
//! }
//!
//! let failed_at = Time("2026-01-01T00:00:00Z".parse()?);
//! let mut database = Database { conditions: vec![] };
//! assert_eq!(database.observe().phase(), Phase::Initializing);
//!
//! let no_disk = |at| Condition {
//!     type_: "Ready".into(),
//!     status: "False".into(),
//!     reason: "NoDisk".into(),
//!     message: "the volume is not there".into(),
//!     last_transition_time: at,
//!     observed_generation: Some(1),
//! };
//! assert!(conditions::set(&mut database.conditions, no_disk(failed_at.clone())));
//! // Set again an hour later: nothing changes, and the outage is an hour old.
//! assert!(!conditions::set(&mut database.conditions, no_disk(Time("2026-01-01T01:00:00Z".parse()?))));
//! assert_eq!(database.observe().phase(), Phase::Failed);
//! assert_eq!(database.observe().last_transition(), Some(failed_at.0.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A condition of a type of your own implements [`Condition`]. One that means trouble where it is true ("Failing", and
//! without it the object is healthy) needs no more than another phase to assume:
//!
#![doc = major!(example)]
#![doc = major!(conditions "use requeue_policy::{Observed, Phase, " "};")]
//! use std::time::SystemTime;
//!
//! #[derive(PartialEq)]
//! struct MyCondition {
//!     kind: String,
//!     status: bool,
//!     since: String,
//! }
//!
//! impl conditions::Condition for MyCondition {
//!     fn type_(&self) -> &str {
//!         &self.kind
//!     }
//!     fn status(&self) -> &str {
//!         if self.status { "True" } else { "False" }
//!     }
//!     fn reason(&self) -> &str {
//!         ""
//!     }
//!     fn last_transition_time(&self) -> Option<SystemTime> {
//!         conditions::time(&self.since)
//!     }
//!     fn keep_time(&mut self, before: &Self) {
//!         self.since = before.since.clone();
//!     }
//! }
//!
//! let phase = |conditions: &[MyCondition]| {
//!     conditions::observed(conditions, Phase::Ready, |type_, status| match (type_, status) {
//!         ("Failing", "True") => Some(Phase::Failed),
//!         _ => None,
//!     })
//! };
//! assert_eq!(phase(&[]).phase(), Phase::Ready);
//!
//! let failing = MyCondition { kind: "Failing".into(), status: true, since: "2026-01-01T00:00:00+00:00".into() };
//! let since = phase(&[failing]).last_transition();
//! assert_eq!(since, conditions::time("2026-01-01T00:00:00Z"));
//! assert!(since.is_some());
//! ```

major!(k8s_openapi);

use self::k8s_openapi::apimachinery::pkg::apis::meta::v1;
use crate::{Observed, Phase};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};
use std::time::SystemTime;

/// One condition of an object: `metav1.Condition`, or a type of your own.
pub trait Condition {
    /// Returns what it is about: "Ready".
    fn type_(&self) -> &str;

    /// Returns "True", "False" or "Unknown".
    fn status(&self) -> &str;

    /// Returns why the status is so, in a word; empty for a type without reasons.
    fn reason(&self) -> &str;

    /// Returns when the *status* last changed; `None` where that is unknown. [`time`] reads a string.
    fn last_transition_time(&self) -> Option<SystemTime>;

    /// Takes over the time of the condition that this one replaces, because the status is the same.
    fn keep_time(&mut self, before: &Self);
}

impl Condition for v1::Condition {
    fn type_(&self) -> &str {
        &self.type_
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn reason(&self) -> &str {
        &self.reason
    }

    fn last_transition_time(&self) -> Option<SystemTime> {
        Some(self.last_transition_time.0.into())
    }

    fn keep_time(&mut self, before: &Self) {
        self.last_transition_time = before.last_transition_time.clone();
    }
}

/// What a type and a status of a condition say about the phase; an `Option<Phase>` converts into it.
#[derive(Clone, Copy, Debug)]
pub enum Says {
    /// Nothing.
    Nothing,
    /// This phase, since the condition's last transition.
    Phase(Phase),
    /// A phase for each reason, since an unknown time.
    ///
    /// `lastTransitionTime` changes with the status and not with the reason, so it does not tell since when the reason is
    /// what it is. The controller remembers that itself, until it restarts.
    ByReason(fn(&str) -> Phase),
}

impl From<Option<Phase>> for Says {
    fn from(phase: Option<Phase>) -> Self {
        phase.map_or(Self::Nothing, Self::Phase)
    }
}

/// The statuses that Kubernetes knows.
const STATUSES: [&str; 3] = ["True", "False", "Unknown"];

/// Returns the phase that the conditions report, and since when.
///
/// `says` maps a condition's type and status to a phase, or to `None` if they say nothing about it. If the conditions report
/// several phases, Initializing takes precedence over Failed, and Failed over Ready. If they report none, the object is in
/// the phase `otherwise`, since an unknown time.
///
/// Several conditions may report the same phase. Then an object is Initializing or Failed since the first of them changed,
/// and Ready since the last of them did. But it was not in that phase while another condition, with another status, reported
/// one that takes precedence. So where a condition could have done so, the object is in the phase since that condition
/// changed, if that was later. Where a time is unknown there is none, and the controller remembers since when it has seen the
/// phase.
///
/// Times are the conditions' `lastTransitionTime`; those of `metav1.Condition` have whole seconds. Never panics unless `says`
/// does.
///
/// # Examples
///
/// Where one status has reasons of different phases, [`Says::ByReason`] tells them apart:
///
#[doc = major!(example)]
/// # use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
#[doc = major!(conditions "use requeue_policy::{Observed, Phase, " "::{self, Says}};")]
///
/// fn observed(conditions: &[Condition]) -> Observed {
///     conditions::observed(conditions, Phase::Initializing, |type_, status| match (type_, status) {
///         ("Ready", "True") => Says::Phase(Phase::Ready),
///         ("Ready", "False") => Says::ByReason(|reason| match reason {
///             "Creating" => Phase::Initializing,
///             _ => Phase::Failed,
///         }),
///         _ => Says::Nothing,
///     })
/// }
/// # assert_eq!(observed(&[]).phase(), Phase::Initializing);
/// ```
#[must_use]
pub fn observed<C: Condition, S: Into<Says>>(
    conditions: &[C],
    otherwise: Phase,
    says: impl Fn(&str, &str) -> S,
) -> Observed {
    let says = |condition: &C, status: &str| says(condition.type_(), status).into();
    let reports = |condition: &C| match says(condition, condition.status()) {
        Says::Nothing => None,
        Says::Phase(phase) => Some(phase),
        Says::ByReason(phase_of) => Some(phase_of(condition.reason())),
    };
    let is_reported = |phase: &Phase| conditions.iter().any(|condition| reports(condition) == Some(*phase));
    match Phase::ALL.into_iter().find(is_reported) {
        Some(phase) => Observed::new(phase).since(since(conditions, phase, says)),
        None => Observed::new(otherwise),
    }
}

/// Since when the conditions report this phase and none that takes precedence.
fn since<C: Condition>(conditions: &[C], phase: Phase, says: impl Fn(&C, &str) -> Says) -> Option<SystemTime> {
    let precedes = |other| match other {
        Says::Nothing => false,
        Says::Phase(other) => (other as u8) < phase as u8,
        // Of some reason or other, unless there is none that does.
        Says::ByReason(_) => phase != Phase::Initializing,
    };
    let (mut reported, mut free) = (None, None);
    for condition in conditions {
        let (status, time) = (condition.status(), condition.last_transition_time());
        let now = says(condition, status);
        if matches!(now, Says::ByReason(_)) && precedes(now) {
            return None;
        }
        let mut others = STATUSES.iter().filter(|other| **other != status);
        if others.any(|other| precedes(says(condition, other))) {
            free = free.max(Some(time?));
        }
        match (now, phase) {
            (Says::Phase(other), _) if other != phase => {}
            (Says::Phase(_), Phase::Ready) => reported = reported.max(Some(time?)),
            (Says::Phase(_), _) => reported = reported.into_iter().chain(time).min(),
            _ => {}
        }
    }
    reported.max(free.filter(|_| reported.is_some()))
}

/// Returns the time that a string says, as RFC 3339 has it with any offset: "2026-01-01T00:00:00Z", and what chrono and jiff
/// write; `None` for any other.
#[must_use]
pub fn time(text: &str) -> Option<SystemTime> {
    fn read<'a, T: Deserialize<'a> + Into<SystemTime>>(_: fn(T) -> v1::Time, text: &'a str) -> Option<SystemTime> {
        let text = IntoDeserializer::<value::Error>::into_deserializer(text);
        T::deserialize(text).ok().map(Into::into)
    }
    // Of which crate the time is differs from one kube to the next.
    read(v1::Time, text)
}

/// Adds a condition to the list, or replaces the one of its type, and returns whether anything changed.
///
/// The new `lastTransitionTime` counts only if the status changed, or if there was no condition of this type. So always
/// set the present time. `SetStatusCondition` of Kubernetes' apimachinery does the same. Never panics.
pub fn set<C: Condition + PartialEq>(conditions: &mut Vec<C>, mut new: C) -> bool {
    let Some(condition) = conditions.iter_mut().find(|condition| condition.type_() == new.type_()) else {
        conditions.push(new);
        return true;
    };
    if condition.status() == new.status() {
        new.keep_time(condition);
    }
    let is_changed = *condition != new;
    *condition = new;
    is_changed
}
