//! An object's place in the interval: a herd flattens without dice.

use crate::digest::Digest;

/// An object's own place in every interval, a hash of its UID.
///
/// Objects that were started together drift to their slots and stay spread from then on, across restarts too. With `y`
/// in `[0, 1)` the fraction of the interval by which `now` lies past the slot, a delay `d` becomes `d × (1 − jitter ×
/// y)`: never later than the interval, never as early as `d × (1 − jitter)`, and as `y` shrinks by the factor `1 −
/// jitter` with every run, the long-run rate stays exactly one run per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slot(u64);

impl Slot {
    /// Returns the slot at the start of the interval, equal to `Slot::default()`.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Returns the slot of the object with this UID; the same in every release and on every machine.
    ///
    /// ```
    /// use requeue_policy::Slot;
    /// assert_eq!(Slot::of("7f3b"), Slot::of("7f3b"));
    /// assert_ne!(Slot::of("7f3b"), Slot::of("7f3c"));
    /// ```
    #[must_use]
    pub fn of(uid: &str) -> Self {
        Self(Digest::of(uid))
    }

    /// Returns the hash behind the slot; the memory's key.
    #[cfg(feature = "kube-runtime")]
    pub(crate) const fn key(self) -> u64 {
        self.0
    }

    /// The slot as a fraction of the interval, in 64 binary digits.
    #[inline]
    pub(crate) const fn fraction(self) -> u64 {
        self.0
    }
}
