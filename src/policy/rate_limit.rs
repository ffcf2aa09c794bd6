//! The safety limit: how often one object is reconciled.

use super::config::{ConfigError, check_duration};
use serde::Serialize;
use std::time::Duration;

/// How often one object is reconciled, whatever triggers it: `burst` times at once, then once per `every`.
///
/// A token bucket per object. It holds `burst` tokens and gains one per `every`. A reconcile takes a token, and a trigger
/// that finds none waits for the next one. A reconcile that is due takes a token too, but never waits for one, so an
/// interval shorter than `every` works. An explicit delay shorter than `every` counts as a trigger.
///
/// As text it is the burst and then `every`: `30:every=1s`.
///
/// # Defaults
///
/// A burst of 30, then one per second: a healthy controller does not notice it, and a hot loop costs one reconcile per
/// second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    burst: u32,
    #[serde(serialize_with = "super::config::duration::serialize")]
    every: Duration,
}

impl RateLimit {
    pub(crate) const DEFAULT: Self = Self::new(30, Duration::from_secs(1));

    /// Returns a limit of `burst` reconciles at once, then one per `every`.
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// Returns how many reconciles of one object there may be at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Returns the time from one reconcile to the next once the burst is used up.
    #[must_use]
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// Checks both fields.
    ///
    /// # Errors
    ///
    /// `burst` outside 1 to 65535; `every` outside 1 ms to 180 days.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=LARGEST_BURST).contains(&self.burst) {
            return Err(ConfigError::new("burst", self.burst, "must be from 1 to 65535"));
        }
        check_duration("every", self.every)
    }
}

pub(crate) const LARGEST_BURST: u32 = 65_535;
