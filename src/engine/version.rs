//! Resource versions, which say what a cache contains.

use crate::digest::Digest;

/// A resource version as the API server writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    /// A decimal number: a later write has a greater one.
    Number(u64),
    /// The hash of anything else, of which only equality is known.
    Other(u64),
}

impl Version {
    pub(crate) fn of(text: &str) -> Self {
        match text.parse() {
            Ok(number) if text.starts_with(|first: char| first.is_ascii_digit()) => Self::Number(number),
            _ => Self::Other(Digest::of(text)),
        }
    }

    /// Whether a cache that holds this version contains the write that made `other`.
    pub(crate) fn contains(self, other: Self) -> bool {
        match (self, other) {
            (Self::Number(this), Self::Number(other)) => this >= other,
            _ => self == other,
        }
    }

    /// Whether this version is known to be older than `other`.
    pub(crate) fn is_before(self, other: Self) -> bool {
        matches!((self, other), (Self::Number(this), Self::Number(other)) if this < other)
    }
}

impl Default for Version {
    /// An object that was never stored.
    fn default() -> Self {
        Self::Number(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers_and_anything_else_by_equality() {
        let of = Version::of;
        assert!(of("10").contains(of("9")));
        assert!(!of("9").contains(of("10")));
        assert!(of("9").is_before(of("10")));
        for other in ["", "abc", "+1", "-1", "1.0", "18446744073709551616"] {
            assert!(matches!(of(other), Version::Other(_)), "{other:?}");
            assert!(of(other).contains(of(other)));
            assert!(!of(other).contains(of("1")) && !of("1").contains(of(other)));
            assert!(!of("1").is_before(of(other)));
        }
    }
}
