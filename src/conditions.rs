//! Conditions: a status that carries its backoff through a restart.
//!
//! A Kubernetes condition says since when it is what it is, in `lastTransitionTime`. That is all the state that a
//! growing interval and a deadline need, so an object whose phase is told by conditions keeps both through restarts
//! and changes of the leader: [`observed`] reads them, [`set`] writes them.
//!
//! # Examples
//!
#![doc = major!(example)]
//! use k8s_openapi::{apimachinery::pkg::apis::meta::v1::{Condition, Time}, jiff::Timestamp};
//! use requeue_policy::{Observe, Observed, Phase, conditions};
//! use std::time::SystemTime;
//!
//! struct Database {
//!     conditions: Vec<Condition>,
//! }
//!
//! impl Database {
//!     fn observed(&self) -> Observed {
//!         conditions::observed(&self.conditions, |condition| {
//!             match (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()) {
//!                 ("Ready", "True", _) => Some(Phase::Ready),
//!                 ("Ready", "False", "Creating") => Some(Phase::Initializing),
//!                 ("Ready", "False", _) => Some(Phase::Failed),
//!                 _ => None, // says nothing of the phase
//!             }
//!         })
//!     }
//! }
//!
//! impl Observe for Database {
//!     fn phase(&self) -> Phase {
//!         self.observed().phase
//!     }
//!
//!     fn last_transition(&self) -> Option<SystemTime> {
//!         self.observed().since
//!     }
//! }
//!
//! let failed_at: Timestamp = "2026-01-01T00:00:00Z".parse()?;
//! let mut database = Database { conditions: vec![] };
//! assert_eq!(database.phase(), Phase::Initializing);
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
//! // Said again an hour later: nothing has changed, and the outage is an hour old.
//! assert!(!conditions::set(&mut database.conditions, no_disk("2026-01-01T01:00:00Z".parse()?)));
//! assert_eq!(database.phase(), Phase::Failed);
//! assert_eq!(database.last_transition(), Some(failed_at.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

major!(k8s_openapi);

use self::k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use crate::{Observed, Phase};
use std::time::SystemTime;

/// Returns the phase that the conditions tell, and since when.
///
/// `tells` says what a condition means: a phase, or `None` where it says nothing of the phase. If they tell more than
/// one, Initializing comes before Failed and Failed before Ready; if none tells any, the object is not initialized yet,
/// since an unknown time.
///
/// An object is Initializing or Failed since the first of the conditions that say so turned, and Ready since the last
/// did. Times are the conditions' `lastTransitionTime`, which has whole seconds. The slot is the default one; the
/// adapter takes it from the object's UID. Never panics unless `tells` does.
#[must_use]
pub fn observed(conditions: &[Condition], tells: impl Fn(&Condition) -> Option<Phase>) -> Observed {
    let told = |phase| {
        let times = conditions
            .iter()
            .filter(|condition| tells(condition) == Some(phase))
            .map(|condition| SystemTime::from(condition.last_transition_time.0));
        match phase {
            Phase::Ready => times.max(),
            Phase::Initializing | Phase::Failed => times.min(),
        }
        .map(|since| Observed::new(phase).since(since))
    };
    Phase::ALL
        .into_iter()
        .find_map(told)
        .unwrap_or(Observed::new(Phase::Initializing))
}

/// Puts a condition into the list, in the place of the one of its type, and returns whether that changed anything.
///
/// The time of the new condition, `lastTransitionTime`, is taken only if its status is not what it was, or if there was
/// no condition of its type: so give it the present time always. That, and nothing else, is what `SetStatusCondition`
/// of Kubernetes' apimachinery does. Never panics.
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
