//! When an object is reconciled next.

use super::interval::humantime;
use std::{fmt, time::Duration};

/// When an object is reconciled next: the answer of a policy.
///
/// The earlier one is the smaller, so the earliest of several is their `min`:
///
/// ```
/// use requeue_policy::Requeue;
/// use std::time::Duration;
///
/// let (renewal, poll) = (Requeue::After(Duration::from_secs(720)), Requeue::After(Duration::from_secs(30)));
/// assert_eq!(renewal.min(poll), poll);
/// assert_eq!(poll.max(Requeue::AwaitChange), Requeue::AwaitChange);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requeue {
    /// After this delay at the latest. A change triggers a reconcile before that.
    After(Duration),
    /// Not by a timer, only when something changes.
    AwaitChange,
}

impl From<Duration> for Requeue {
    fn from(delay: Duration) -> Self {
        Self::After(delay)
    }
}

impl fmt::Display for Requeue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(delay) => write!(f, "after {}", humantime(*delay)),
            Self::AwaitChange => f.write_str("await change"),
        }
    }
}
