//! An object's place in the interval: a herd flattens without dice.

use crate::digest::Digest;

/// An object's own place in every interval, a hash of its UID.
///
/// Slots divide the interval's longest delay, counted from when the object entered its phase, or from 1970 where that is
/// unknown. With `y` in `[0, 1)` the fraction of it by which `now` lies past the slot, a delay `d` becomes
/// `d × (1 − jitter × y)`: never later than the interval, never as early as `d × (1 − jitter)`.
///
/// So objects that were started together spread at their first run and drift to their slots, after a restart just the
/// same; and as `y` shrinks by the factor `1 − jitter` with every run, the long-run rate stays exactly one run per
/// interval.
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

    /// The slot as a fraction of the interval, in 64 binary digits; being a hash of the uid, also the memory's key.
    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}
