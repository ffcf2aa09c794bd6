//! What an object's status says.

use super::{phase::Phase, slot::Slot};
use crate::digest::Digest;
use std::{
    hash::{Hash, Hasher},
    time::{Duration, SystemTime},
};

/// Says what the crate needs to know about an object. Implement it for your custom resource.
///
/// The controller calls it for every trigger, on the object in its cache. So it MUST be cheap, and its answer MUST
/// depend on the object alone.
///
/// # Examples
///
/// ```
/// use requeue_policy::{Observe, Observed, Phase};
///
/// struct Workspace {
///     initialized: bool,
///     failure_message: Option<String>,
/// }
///
/// impl Observe for Workspace {
///     fn observe(&self) -> Observed {
///         Observed::new(if !self.initialized {
///             Phase::Initializing
///         } else if self.failure_message.is_some() {
///             Phase::Failed
///         } else {
///             Phase::Ready
///         })
///     }
/// }
///
/// let new = Workspace { initialized: false, failure_message: Some("quota".into()) };
/// assert_eq!(new.observe().phase(), Phase::Initializing);
/// ```
pub trait Observe {
    /// Returns the object's phase, since when it is in it, and what else must trigger a reconcile at once.
    ///
    /// An object without a status is [`Phase::Initializing`].
    fn observe(&self) -> Observed;
}

/// An object as a policy sees it: the input of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    phase: Phase,
    since: Option<SystemTime>,
    slot: Slot,
    fingerprint: u64,
}

impl Observed {
    /// Returns an object in `phase`, since an unknown time, without a uid and without a fingerprint.
    #[must_use]
    pub const fn new(phase: Phase) -> Self {
        Self {
            phase,
            since: None,
            slot: Slot::new(),
            fingerprint: 0,
        }
    }

    /// Sets when the object entered its phase: the `lastTransitionTime` of the condition that says so.
    ///
    /// Takes a `SystemTime` or an `Option` of one. With it, a growing interval and a deadline survive a restart. Without
    /// it, the controller remembers the time itself, until it restarts.
    #[must_use]
    pub fn since(mut self, since: impl Into<Option<SystemTime>>) -> Self {
        self.since = since.into();
        self
    }

    /// Sets the object's uid, which spreads objects over a [jittered](crate::Interval::with_jitter) interval.
    ///
    /// For those who call a policy themselves: the controller sets it from the object's metadata.
    #[must_use]
    pub fn uid(mut self, uid: &str) -> Self {
        self.slot = Slot::of(uid);
        self
    }

    /// Adds a value to the object's fingerprint. A changed fingerprint triggers a reconcile at once.
    ///
    /// Add what another controller writes into the status and the reconciler must see at once: the outputs of a
    /// provider, say. Changes of the spec, the metadata and the phase trigger a reconcile anyway. Leave out what changes
    /// with every status write, such as a message or a time: it would bring the hot loop back, and only the
    /// [`RateLimit`](crate::RateLimit) would end it.
    ///
    /// A status without the value must have the same fingerprint as no status at all. Otherwise the first status write
    /// counts as a change:
    ///
    /// ```
    /// use requeue_policy::{Observe, Observed, Phase};
    ///
    /// struct Workspace {
    ///     status: Option<Status>,
    /// }
    ///
    /// struct Status {
    ///     outputs: Vec<String>, // written by a provider
    ///     message: String,      // written by every reconcile
    /// }
    ///
    /// impl Observe for Workspace {
    ///     fn observe(&self) -> Observed {
    ///         let outputs = self.status.as_ref().map_or(&[][..], |status| &status.outputs);
    ///         Observed::new(Phase::Ready).fingerprint(outputs)
    ///     }
    /// }
    ///
    /// let status = |outputs: &[&str], message: &str| Workspace {
    ///     status: Some(Status {
    ///         outputs: outputs.iter().map(|output| output.to_string()).collect(),
    ///         message: message.into(),
    ///     }),
    /// };
    /// let new = Workspace { status: None };
    /// assert_eq!(new.observe(), status(&[], "waiting").observe());
    /// assert_eq!(new.observe(), status(&[], "still waiting").observe());
    /// assert_ne!(new.observe(), status(&["endpoint"], "waiting").observe());
    /// # assert_eq!(status(&[], "waiting").status.unwrap().message, "waiting");
    /// ```
    ///
    /// Several calls combine, in their order. The same calls give the same fingerprint on every machine and in every
    /// release, as far as the values' `Hash` does the same there.
    #[must_use]
    pub fn fingerprint(mut self, value: &(impl Hash + ?Sized)) -> Self {
        let mut digest = Digest::new();
        digest.write_u64(self.fingerprint);
        value.hash(&mut digest);
        self.fingerprint = digest.finish();
        self
    }

    /// Returns the object's phase.
    #[must_use]
    #[inline]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns when the object entered its phase, if that is known.
    #[must_use]
    #[inline]
    pub const fn last_transition(&self) -> Option<SystemTime> {
        self.since
    }

    /// Returns how long the object has been in its phase: zero if its last transition is unknown or in the future.
    #[must_use]
    #[inline]
    pub fn elapsed(&self, now: SystemTime) -> Duration {
        self.since
            .and_then(|since| now.duration_since(since).ok())
            .unwrap_or_default()
    }

    /// The same with a slot that is known already.
    #[cfg(feature = "_adapter")]
    pub(crate) const fn in_slot(mut self, slot: Slot) -> Self {
        self.slot = slot;
        self
    }

    #[inline]
    pub(crate) const fn slot(&self) -> Slot {
        self.slot
    }

    /// What [`fingerprint`](Self::fingerprint) has made of its values; 0 if it was never called.
    #[cfg(any(test, feature = "_adapter"))]
    pub(crate) const fn fingerprint_value(&self) -> u64 {
        self.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u32]) -> u64 {
        let observed = values.iter().fold(Observed::new(Phase::Ready), |observed, value| {
            observed.fingerprint(value)
        });
        observed.fingerprint_value()
    }

    #[test]
    fn fingerprints_combine_in_their_order() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[1, 2]), of(&[1, 2]));
        let all = [
            of(&[]),
            of(&[1]),
            of(&[2]),
            of(&[1, 1]),
            of(&[1, 2]),
            of(&[2, 1]),
            of(&[0]),
            of(&[0, 0]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{all:?}");
        }
    }

    #[test]
    fn fingerprints_are_the_same_in_every_release() {
        let observed = Observed::new(Phase::Ready).fingerprint("endpoint").fingerprint(&7_u8);
        assert_eq!(observed.fingerprint_value(), 17_969_939_139_988_925_727);
    }
}
