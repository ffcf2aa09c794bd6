//! An object's place in the interval: a herd flattens without dice.

use crate::digest::Digest;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An object's own place in every interval, a hash of its UID.
///
/// Objects that were started together drift to their slots and stay spread from then on, across restarts too. With
/// `y` in `[0, 1)` the fraction of the interval by which `now` lies past the slot, a delay `d` becomes
/// `d × (1 − jitter × y)`: never later than the interval, never as early as `d × (1 − jitter)`, and as `y` shrinks by the factor
/// `1 − jitter` with every run, the long-run rate stays exactly one run per interval.
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

    /// Shortens `delay` by `jitter` times what `now` lies past the slot. The result is in `(delay × (1 − jitter), delay]`.
    ///
    /// Never panics; jitter outside `0.0..=0.5` counts as the nearer bound, NaN as 0, and a time before 1970 as 1970.
    pub(crate) fn shorten(self, delay: Duration, jitter: f64, now: SystemTime) -> Duration {
        // 32 binary digits, rounded down: enough for any jitter that a person writes, and exact from there on.
        let jitter = ((jitter * 4_294_967_296.0) as u64).min(1 << 31);
        let period = nanos(delay);
        if jitter == 0 || period == 0 {
            return delay;
        }
        let now = nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default()) % period;
        let slot = ((u128::from(self.0) * u128::from(period)) >> 64) as u64;
        let past = if now >= slot { now - slot } else { now + (period - slot) };
        let early = ((u128::from(past) * u128::from(jitter)) >> 32) as u64;
        Duration::from_nanos(period - early)
    }
}

/// A duration in nanoseconds, saturating after 584 years.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(duration.subsec_nanos() as u64)
}
