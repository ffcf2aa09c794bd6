//! The mistakes in an `Observe` that a status write brings to light.

use super::{kube_core::Resource, steps};
use crate::Observe;

/// Checks that a status write of the controller's own run does not look like a change, which would start another run.
///
/// `before` is the object as the run found it, `after` the same with the status that the run wrote. Another phase is
/// fine: the run returns it.
///
/// # Panics
///
/// With a message that names the mistake:
///
/// - `fingerprint` or `last_transition` is not the same for the same object: a hasher with a random seed, the order of
///   a `HashMap`, the clock.
/// - `fingerprint` changes with the write: it hashes a message, a time or a counter that the run itself writes.
/// - Labels, annotations or something else that wakes the controller changes with the write.
/// - `last_transition` changes though the phase stays: a restart then forgets how long an outage has lasted.
///
/// It cannot see a phase that depends on the time of day, nor a text that happened to be the same in both.
///
/// # Examples
///
#[doc = major!(example should_panic)]
/// # use std::hash::{DefaultHasher, Hash, Hasher};
/// # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
/// # struct AppSpec {}
/// # #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct AppStatus { message: String }
/// use requeue_policy::{Observe, Phase, testing::assert_status_write_is_no_news};
///
/// impl Observe for App {
///     fn phase(&self) -> Phase {
///         Phase::Ready
///     }
///
///     fn fingerprint(&self) -> u64 {
///         let mut hasher = DefaultHasher::new();
///         self.status.as_ref().map(|status| &status.message).hash(&mut hasher); // written in every run
///         hasher.finish()
///     }
/// }
///
/// let before = App::new("a", AppSpec {});
/// let mut after = before.clone();
/// after.status = Some(AppStatus { message: "reconciled 3 times".into() });
/// assert_status_write_is_no_news(&before, &after); // panics: the fingerprint changes
/// ```
#[track_caller]
pub fn assert_status_write_is_no_news<K: Resource + Observe + Clone>(before: &K, after: &K) {
    if let Some(mistake) = mistake(before, after) {
        panic!("{mistake}");
    }
}

fn mistake<K: Resource + Observe + Clone>(before: &K, after: &K) -> Option<String> {
    for object in [before, after] {
        if object.fingerprint() != object.fingerprint() {
            return Some(
                "fingerprint is another each time it is asked of the same object: hash with a fixed seed \
                 (DefaultHasher::new()), in a fixed order, and without the time"
                    .to_owned(),
            );
        }
        if object.last_transition() != object.last_transition() {
            return Some(
                "last_transition is another each time it is asked of the same object: \
                 return the time that the status has, not the present one"
                    .to_owned(),
            );
        }
    }
    if before.fingerprint() != after.fingerprint() {
        return Some(
            "fingerprint changes with the run's own status write, which starts the next run: \
             hash what another controller writes, and nothing that this one does"
                .to_owned(),
        );
    }
    if steps::differ(before, after) {
        return Some(
            "the write also changes the generation, labels, annotations, finalizers, owner references or the deletion \
             mark, which starts the next run: write the status only"
                .to_owned(),
        );
    }
    let (phase, was, is) = (after.phase(), before.last_transition(), after.last_transition());
    (before.phase() == phase && was.is_some() && was != is).then(|| {
        format!(
            "last_transition changes though the phase stays {phase}: keep lastTransitionTime while the condition's \
             status stays, or a restart starts the backoff anew"
        )
    })
}
