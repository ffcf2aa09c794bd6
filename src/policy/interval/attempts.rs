//! The number of attempts, computed from the time in the phase.

use super::{Interval, NONE, SHORTEST, nanos};
use std::time::Duration;

impl Interval {
    /// Returns how many retries an object has made after `elapsed` in the phase, if reconciles take no time.
    ///
    /// For logs and for policies that count: 0 within the first delay, then 1, so `delays().nth(attempts)` is the current
    /// delay. Past the deadline it is the number of all delays; 0 for one that [never](Self::never) comes. Never panics;
    /// saturates.
    ///
    /// ```
    /// use requeue_policy::Interval;
    /// use std::time::Duration;
    ///
    /// let backoff = Interval::constant(Duration::from_secs(10))
    ///     .with_factor(2.0)
    ///     .with_max(Duration::from_secs(60))
    ///     .with_deadline(Duration::from_secs(180));
    /// let attempts = |seconds| backoff.attempts(Duration::from_secs(seconds));
    /// assert_eq!([0, 9, 10, 29, 30, 70].map(attempts), [0, 0, 1, 1, 2, 3]);
    /// assert_eq!(attempts(180), 4);
    /// assert_eq!(attempts(1_000_000), backoff.delays().count() as u64);
    /// ```
    #[must_use]
    pub fn attempts(&self, elapsed: Duration) -> u64 {
        let elapsed = nanos(elapsed);
        if self.is_never() {
            return 0;
        }
        if self.deadline == NONE || elapsed < self.deadline {
            return self.retries(elapsed);
        }
        // The last delay begins before the deadline and ends after it.
        let all = self.retries(self.deadline.saturating_sub(1)).saturating_add(1);
        self.retries(elapsed).min(all)
    }

    /// The number of delays that end within `elapsed`: a geometric series up to the cap, and constant delays after it.
    fn retries(&self, elapsed: u64) -> u64 {
        // Half of what a timer can tell apart: no rounding on the way makes it one less.
        let elapsed = elapsed as f64 + (SHORTEST / 2) as f64;
        let (initial, cap) = (self.initial.max(SHORTEST) as f64, self.cap as f64);
        let growth = self.growth as f64 / (1_u64 << 48) as f64;
        if growth == 0.0 || initial >= cap {
            return (elapsed / cap) as u64;
        }
        let log_factor = growth.ln_1p();
        let grown = ((cap / initial).ln() / log_factor).ceil();
        let growing = initial * (grown * log_factor).exp_m1() / growth;
        if elapsed < growing {
            ((elapsed * growth / initial).ln_1p() / log_factor) as u64
        } else {
            (grown + (elapsed - growing) / cap) as u64
        }
    }
}
