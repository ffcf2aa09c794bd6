//! What an object's status says.

use crate::Slot;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// The three states of an object that call for different intervals.
///
/// `Display` and serde write the variant's name, as Kubernetes writes phases: `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Not initialized yet: whatever it waits for is polled often.
    Initializing,
    /// A failure is recorded: the next attempt is backed off.
    Failed,
    /// Settled: looked at again only to catch what no event tells.
    Ready,
}

impl Phase {
    /// All phases, in the order in which they take precedence: the first that applies to an object is its phase.
    pub const ALL: [Self; 3] = [Self::Initializing, Self::Failed, Self::Ready];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Initializing => "Initializing",
            Self::Failed => "Failed",
            Self::Ready => "Ready",
        })
    }
}

/// What the crate needs to know of an object; implemented by the operator's author for the object's type.
///
/// The adapter calls it on every trigger, on the object as the controller's cache has it, so it MUST be cheap
/// and MUST depend on the object alone.
///
/// # Examples
///
/// ```
/// use requeue_policy::{Observe, Phase};
///
/// struct Workspace {
///     initialized: bool,
///     failure_message: Option<String>,
/// }
///
/// impl Observe for Workspace {
///     fn phase(&self) -> Phase {
///         if !self.initialized {
///             Phase::Initializing
///         } else if self.failure_message.is_some() {
///             Phase::Failed
///         } else {
///             Phase::Ready
///         }
///     }
/// }
///
/// let new = Workspace { initialized: false, failure_message: Some("quota".into()) };
/// assert_eq!(new.phase(), Phase::Initializing);
/// ```
pub trait Observe {
    /// Returns the phase that the status tells; an object without a status is [`Phase::Initializing`].
    fn phase(&self) -> Phase;

    /// Returns when the object entered its phase, the `lastTransitionTime` of the condition that says so.
    ///
    /// With it a growing interval and a deadline survive a restart; `None`, the default, leaves the clock to the
    /// adapter's memory, which a restart clears.
    fn last_transition(&self) -> Option<SystemTime> {
        None
    }

    /// Returns a hash of whatever else in the object must wake the reconciler at once, 0 by default.
    ///
    /// Generation, labels, annotations, finalizers, owner references, the deletion mark and the phase are watched
    /// anyway. Only equality counts. A value that changes with every status write brings the hot loop back, which
    /// the [`RateLimit`](crate::RateLimit) then ends.
    ///
    /// Hash what another controller writes, with a fixed seed, and so that a status without it is the same as no status:
    ///
    /// ```
    /// use requeue_policy::{Observe, Phase};
    /// use std::hash::{DefaultHasher, Hash, Hasher};
    ///
    /// struct Workspace {
    ///     status: Option<Status>,
    /// }
    ///
    /// struct Status {
    ///     outputs: Vec<String>, // written by a provider
    ///     message: String,      // written in every run
    /// }
    ///
    /// impl Observe for Workspace {
    ///     fn phase(&self) -> Phase {
    ///         Phase::Ready
    ///     }
    ///
    ///     fn fingerprint(&self) -> u64 {
    ///         let outputs = self.status.as_ref().map_or(&[][..], |status| &status.outputs);
    ///         let mut hasher = DefaultHasher::new();
    ///         outputs.hash(&mut hasher);
    ///         hasher.finish()
    ///     }
    /// }
    ///
    /// let new = Workspace { status: None };
    /// let ran = Workspace { status: Some(Status { outputs: vec![], message: "waits".into() }) };
    /// assert_eq!(new.fingerprint(), ran.fingerprint());
    /// let ready = Workspace { status: Some(Status { outputs: vec!["endpoint".into()], message: "waits".into() }) };
    /// assert_ne!(ran.fingerprint(), ready.fingerprint());
    /// # assert_eq!(ready.status.unwrap().message, "waits");
    /// ```
    fn fingerprint(&self) -> u64 {
        0
    }
}

/// An object as a policy sees it: the input of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The object's phase.
    pub phase: Phase,
    /// When it entered the phase; `None` where that is unknown.
    pub since: Option<SystemTime>,
    /// Its place in the interval.
    pub slot: Slot,
}

impl Observed {
    /// Returns an object in `phase`, since an unknown time, in the default slot.
    #[must_use]
    pub const fn new(phase: Phase) -> Self {
        Self {
            phase,
            since: None,
            slot: Slot::new(),
        }
    }

    /// Sets when the object entered its phase; takes a `SystemTime` or an `Option` of one.
    #[must_use]
    pub fn since(mut self, since: impl Into<Option<SystemTime>>) -> Self {
        self.since = since.into();
        self
    }

    /// Sets the object's place in the interval.
    #[must_use]
    pub const fn slot(mut self, slot: Slot) -> Self {
        self.slot = slot;
        self
    }

    /// Returns how long the object has been in its phase: zero where `since` is unknown or in the future.
    #[must_use]
    #[inline]
    pub fn elapsed(&self, now: SystemTime) -> Duration {
        self.since
            .and_then(|since| now.duration_since(since).ok())
            .unwrap_or_default()
    }
}
