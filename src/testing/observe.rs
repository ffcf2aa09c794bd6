//! The mistakes in an `Observe` that a status write brings to light.

use super::{kube_core::Resource, steps};
use crate::{Observe, Outcome, Phase, Retry};
use humantime_serde::re::humantime::format_rfc3339_millis;
use std::time::SystemTime;

/// Checks that a status write of the reconciler would not look like a change if someone else made it.
///
/// `before` is the object as the reconcile found it, `after` the same with the status that the reconcile wrote. Another phase
/// is fine: the reconcile returns it.
///
/// # Panics
///
/// With a message that names the mistake:
///
/// - The fingerprint or `since` is not the same for the same object: the order of a `HashMap`, the clock.
/// - The fingerprint changes with the write: it hashes a message, a time or a counter that the reconciler itself writes.
/// - Labels, annotations or something else that triggers the controller changes with the write.
/// - `since` changes though the phase stays: a restart then forgets how long an outage has lasted.
///
/// It cannot see a phase that depends on the time of day, nor a text that happened to be the same in both.
///
/// # Examples
///
#[doc = major!(example should_panic)]
/// # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
/// # struct AppSpec {}
/// # #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct AppStatus { message: String }
#[doc = major!(module "use requeue_policy::{Observe, Observed, Phase, " "::testing::assert_status_write_is_no_change};")]
///
/// impl Observe for App {
///     fn observe(&self) -> Observed {
///         let message = self.status.as_ref().map(|status| &status.message);
///         Observed::new(Phase::Ready).fingerprint(&message) // written in every reconcile
///     }
/// }
///
/// let before = App::new("a", AppSpec {});
/// let mut after = before.clone();
/// after.status = Some(AppStatus { message: "reconciled 3 times".into() });
/// assert_status_write_is_no_change(&before, &after); // panics: the fingerprint changes
/// ```
#[track_caller]
pub fn assert_status_write_is_no_change<K: Resource + Observe>(before: &K, after: &K) {
    if let Some(mistake) = mistake(before, after) {
        panic!("{mistake}");
    }
}

fn mistake<K: Resource + Observe>(before: &K, after: &K) -> Option<String> {
    for object in [before, after] {
        let (one, again) = (object.observe(), object.observe());
        if one.fingerprint_value() != again.fingerprint_value() {
            return Some(
                "the fingerprint is another each time the same object is observed: hash in a fixed order, and without the \
                 time"
                    .to_owned(),
            );
        }
        if one.last_transition() != again.last_transition() {
            return Some(
                "`since` is another each time the same object is observed: take the time that the status has, not the \
                 present one"
                    .to_owned(),
            );
        }
    }
    let (was, is) = (before.observe(), after.observe());
    if was.fingerprint_value() != is.fingerprint_value() {
        return Some(
            "the fingerprint changes with the reconciler's own status write: hash what another controller writes, and \
             nothing that this one does"
                .to_owned(),
        );
    }
    if steps::differ(before, after) {
        return Some(
            "the write also changes the generation, labels, annotations, finalizers, owner references or the deletion \
             timestamp: write the status only"
                .to_owned(),
        );
    }
    let phase = is.phase();
    let moved = was.last_transition().is_some() && was.last_transition() != is.last_transition();
    (was.phase() == phase && moved).then(|| {
        format!(
            "`since` changes though the phase stays {phase}: keep lastTransitionTime while the condition's status stays, \
             or a restart starts the backoff anew"
        )
    })
}

/// The mistake in a status that says a time that is yet to come: it would count as no time at all, until the clock is there.
pub(super) fn stamped_later<K: Observe>(before: Option<&K>, after: &K, now: SystemTime) -> Option<String> {
    let since = after.observe().last_transition();
    let before = before.and_then(|before| before.observe().last_transition());
    let later = since.filter(|since| *since > now && before != Some(*since))?;
    Some(format!(
        "the status says since {}, which is later than the time, {}: stamp it with `Reconcile::now`, and in your reconciler \
         with `Requeuer::now`, which follow the clock of a test; the system's clock does not",
        format_rfc3339_millis(later),
        format_rfc3339_millis(now)
    ))
}

/// The mistake in a reconcile that writes one phase and returns another.
pub(super) fn disagrees<K: Observe>(before: &K, after: &K, end: Result<Outcome, Retry>) -> Option<String> {
    let (was, written) = (before.observe().phase(), after.observe().phase());
    let returned = match end {
        Ok(outcome) | Err(Retry::As(outcome)) => phase(outcome)?,
        Err(Retry::Later(_)) => return None,
        // A status without a word for failures shows one as not initialized.
        Err(_) if written == Phase::Initializing => return None,
        Err(_) => Phase::Failed,
    };
    (written != was && written != returned).then(|| {
        format!(
            "the reconcile writes a status that says {written}, and ends with {returned}: what is returned counts until a \
             restart, and then the status does; write the status once, at the end, by what is returned"
        )
    })
}

fn phase(outcome: Outcome) -> Option<Phase> {
    match outcome {
        Outcome::Phase(phase)
        | Outcome::PhaseAndRequeue(phase, _)
        | Outcome::PhaseAndInterval(phase, _)
        | Outcome::PhaseWithin(phase, _) => Some(phase),
        Outcome::Requeue(_) | Outcome::Unchanged => None,
    }
}
