//! Conditions: a status whose backoff survives a restart.
//!
//! A Kubernetes condition carries the time of its last change, `lastTransitionTime`. A growing interval and a deadline
//! need no other state. So an object that reports its phase in conditions keeps both across restarts and leader changes:
//! [`observed`] reads the conditions, [`set`] writes one.
//!
//! # Examples
//!
#![doc = major!(example)]
//! use k8s_openapi::{apimachinery::pkg::apis::meta::v1::{Condition, Time}, jiff::Timestamp};
//! use requeue_policy::{Observe, Observed, Phase, conditions};
//!
//! struct Database {
//!     conditions: Vec<Condition>,
//! }
//!
//! impl Observe for Database {
//!     fn observe(&self) -> Observed {
//!         conditions::observed(&self.conditions, |condition| {
//!             match (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()) {
//!                 ("Ready", "True", _) => Some(Phase::Ready),
//!                 ("Ready", "False", "Creating") => Some(Phase::Initializing),
//!                 ("Ready", "False", _) => Some(Phase::Failed),
//!                 _ => None, // says nothing about the phase
//!             }
//!         })
//!     }
//! }
//!
//! let failed_at: Timestamp = "2026-01-01T00:00:00Z".parse()?;
//! let mut database = Database { conditions: vec![] };
//! assert_eq!(database.observe().phase(), Phase::Initializing);
//!
//! let no_disk = |at| Condition {
//!     type_: "Ready".into(),
//!     status: "False".into(),
//!     reason: "NoDisk".into(),
//!     message: "the volume is not there".into(),
//!     last_transition_time: Time(at),
//!     observed_generation: Some(1),
//! };
//! assert!(conditions::set(&mut database.conditions, no_disk(failed_at)));
//! // Set again an hour later: nothing changes, and the outage is an hour old.
//! assert!(!conditions::set(&mut database.conditions, no_disk("2026-01-01T01:00:00Z".parse()?)));
//! assert_eq!(database.observe().phase(), Phase::Failed);
//! assert_eq!(database.observe().last_transition(), Some(failed_at.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

major!(k8s_openapi);

use self::k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use crate::{Observed, Phase};
use std::time::SystemTime;

/// Returns the phase that the conditions report, and since when.
///
/// `phase_of` maps a condition to a phase, or to `None` if it says nothing about the phase. If the conditions report
/// several phases, Initializing takes precedence over Failed, and Failed over Ready. If they report none, the object is
/// Initializing since an unknown time.
///
/// Several conditions may report the same phase. Then an object is Initializing or Failed since the first of them
/// changed, and Ready since the last of them did. Times are the conditions' `lastTransitionTime`, which has whole seconds.
/// Never panics unless `phase_of` does.
#[must_use]
pub fn observed(conditions: &[Condition], phase_of: impl Fn(&Condition) -> Option<Phase>) -> Observed {
    let reported = |phase| {
        let times = conditions
            .iter()
            .filter(|condition| phase_of(condition) == Some(phase))
            .map(|condition| SystemTime::from(condition.last_transition_time.0));
        match phase {
            Phase::Ready => times.max(),
            Phase::Initializing | Phase::Failed => times.min(),
        }
        .map(|since| Observed::new(phase).since(since))
    };
    Phase::ALL
        .into_iter()
        .find_map(reported)
        .unwrap_or(Observed::new(Phase::Initializing))
}

/// Adds a condition to the list, or replaces the one of its type, and returns whether anything changed.
///
/// The new `lastTransitionTime` counts only if the status changed, or if there was no condition of this type. So always
/// set the present time. `SetStatusCondition` of Kubernetes' apimachinery does the same. Never panics.
pub fn set(conditions: &mut Vec<Condition>, mut new: Condition) -> bool {
    let Some(condition) = conditions.iter_mut().find(|condition| condition.type_ == new.type_) else {
        conditions.push(new);
        return true;
    };
    if condition.status == new.status {
        new.last_transition_time = condition.last_transition_time.clone();
    }
    let is_changed = *condition != new;
    *condition = new;
    is_changed
}
