//! An object's slot in the interval: jitter without dice.

use crate::digest::Digest;

/// A hash of the object's uid, as a fraction of the interval in 64 binary digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u64);

impl Slot {
    /// The slot at the start of the interval, equal to the default.
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// The slot of the object with this uid: the same in every release and on every machine.
    pub(crate) fn of(uid: &str) -> Self {
        Self(Digest::of(uid))
    }

    /// The slot with these [`bits`](Self::bits).
    #[cfg(feature = "_adapter")]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_same_in_every_release() {
        let slots = ["", "a", "7e1c4a52-9d3e-4b1e-8f00-0123456789ab"].map(|uid| Slot::of(uid).bits());
        assert_eq!(
            slots,
            [
                8_124_031_753_199_901_965,
                5_405_954_944_528_627_366,
                17_876_640_263_519_359_743
            ]
        );
    }
}
