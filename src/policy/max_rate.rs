//! A rate for the whole fleet: what timers cost stays flat, however many objects there are.

use super::config::ConfigError;
use serde::Serialize;

/// How many reconciles per second timers may cause, all objects of a controller together.
///
/// A timer that finds the rate used up waits for the next free turn. Turns go to timers in the order in which they fire,
/// and the turn of one that a change made needless goes to the next that asks. So delays stretch smoothly as the fleet
/// grows, every object gets its turn, and an object's longest gap is its delay plus the time in which the rate serves
/// all others once. It never delays a change.
///
/// `burst` is how many unused turns may be used at once, as in a token bucket. client-go's default for a controller is
/// 10 per second with a burst of 100.
///
/// As text it is the number per second, and `burst` if it is not 1: `50`, `50:burst=100`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaxRate {
    per_second: f64,
    burst: u32,
}

/// From one reconcile in about three hours to one per microsecond, which is the resolution of the clock.
pub(crate) const SLOWEST: f64 = 1e-4;
pub(crate) const FASTEST: f64 = 1e6;
pub(crate) const LARGEST_BURST: u32 = 1_000_000;

impl MaxRate {
    /// Returns a rate of this many reconciles per second, evenly spread: a burst of 1.
    #[must_use]
    pub const fn new(per_second: f64) -> Self {
        Self { per_second, burst: 1 }
    }

    /// Sets how many unused turns may be used at once.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// Returns the number of reconciles per second.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Returns how many unused turns may be used at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Checks both fields.
    ///
    /// # Errors
    ///
    /// `per_second` outside 0.0001 to 1000000, or NaN; `burst` outside 1 to 1000000.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(SLOWEST..=FASTEST).contains(&self.per_second) {
            return Err(ConfigError::new(
                "per_second",
                self.per_second,
                "must be from 0.0001 to 1000000",
            ));
        }
        if !(1..=LARGEST_BURST).contains(&self.burst) {
            return Err(ConfigError::new("burst", self.burst, "must be from 1 to 1000000"));
        }
        Ok(())
    }
}
