//! The seat belt: how often one object may run, whatever wakes it.

use crate::{ConfigError, config::check_duration};
use serde::Serialize;
use std::time::Duration;

/// At most `max` runs of one object in any span of `within`, and once they are used up, spread evenly.
///
/// A run that a change asks for beyond that is postponed to the next free place. A run that is due is counted, but
/// never held back, so an interval shorter than the limit's pace works.
///
/// An object that runs all the time is charged a little early: one that keeps running every `within / 2` has half of
/// `max` left for a burst. After `within` of rest all of `max` is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    pub(crate) max: u32,
    #[serde(serialize_with = "crate::config::duration::serialize")]
    pub(crate) within: Duration,
}

impl RateLimit {
    /// 10 within 10 s: a healthy controller does not feel it, a loop costs one run per second.
    pub(crate) const DEFAULT: Self = Self::new(10, Duration::from_secs(10));

    /// Returns a limit of `max` runs of one object within `within`.
    #[must_use]
    pub const fn new(max: u32, within: Duration) -> Self {
        Self { max, within }
    }

    /// Returns how many runs of one object there may be in any span of [`within`](Self::within).
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// Returns the span in which there may be at most [`max`](Self::max) runs of one object.
    #[must_use]
    pub const fn within(&self) -> Duration {
        self.within
    }

    /// Checks both fields.
    ///
    /// # Errors
    ///
    /// `max` outside 1 to 65535; `within` outside 1 ms to 180 days.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.max == 0 || self.max > u32::from(u16::MAX) {
            return Err(ConfigError::new("max", self.max, "must be from 1 to 65535"));
        }
        check_duration("within", self.within)
    }
}

/// What one object has used of its limit, in microseconds of the adapter's clock.
///
/// Every run lends a place that comes back `within` later, but no sooner than one pace (`within / max`) after
/// the place before it. So two numbers tell everything: when the last place comes back, and how many are lent; the
/// others are taken to come back one pace apart before it, which is never too early.
#[cfg(feature = "_adapter")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    /// When the last place comes back.
    full: u64,
    /// How many places were lent when the last run started.
    lent: u16,
}

#[cfg(feature = "_adapter")]
impl Rate {
    /// How many places are lent at `now`.
    fn lent(self, limit: RateLimit, now: u64) -> u64 {
        self.full
            .saturating_sub(now)
            .div_ceil(limit.pace())
            .min(u64::from(self.lent))
    }

    /// Whether the object has rested for the limit's whole span.
    pub(crate) fn is_rested(self, now: u64) -> bool {
        self.full <= now
    }

    /// When the next place is free; `None` if one is free at `now`.
    pub(crate) fn next_place(self, limit: RateLimit, now: u64) -> Option<u64> {
        let spare = limit.places().saturating_sub(1);
        (self.lent(limit, now) > spare).then(|| self.full - spare * limit.pace())
    }

    /// Counts a run at `now`.
    #[must_use]
    pub(crate) fn run(self, limit: RateLimit, now: u64) -> Self {
        let lent = self.lent(limit, now);
        let back = now.saturating_add(limit.span());
        let full = if lent == 0 {
            back
        } else {
            back.max(self.full + limit.pace())
        };
        Self {
            // Runs that are due are not held back and would push this ahead without end.
            full: full.min(back.saturating_add(limit.span())),
            lent: (lent + 1).min(limit.places()) as u16,
        }
    }
}

#[cfg(feature = "_adapter")]
impl RateLimit {
    fn places(self) -> u64 {
        u64::from(self.max.clamp(1, u32::from(u16::MAX)))
    }

    fn span(self) -> u64 {
        u64::try_from(self.within.as_micros())
            .unwrap_or(u64::MAX)
            .clamp(1, 1 << 48)
    }

    fn pace(self) -> u64 {
        // Rounded up, or `max` of them would be shorter than `within`.
        self.span().div_ceil(self.places())
    }
}

#[cfg(all(test, feature = "_adapter"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000;

    /// Runs at every time of `wanted` that is free, and at the next free place otherwise.
    fn runs(limit: RateLimit, wanted: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut rate = Rate::default();
        let mut runs = Vec::new();
        for now in wanted {
            let now = now.max(runs.last().copied().unwrap_or_default());
            let at = rate.next_place(limit, now).unwrap_or(now);
            assert_eq!(
                rate.next_place(limit, at),
                None,
                "a place that is not free when it comes"
            );
            rate = rate.run(limit, at);
            runs.push(at);
        }
        runs
    }

    #[test]
    fn a_burst_up_to_max_is_free_and_what_follows_is_spread_evenly() {
        let limit = RateLimit::new(4, Duration::from_secs(8));
        let seconds: Vec<_> = runs(limit, [0; 9]).iter().map(|at| at / SECOND).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 8, 10, 12, 14, 16]);
    }

    #[test]
    fn all_of_max_is_free_again_after_a_rest() {
        let limit = RateLimit::new(3, Duration::from_secs(9));
        let rested = 100 * SECOND;
        assert_eq!(runs(limit, [0, 0, 0, rested, rested, rested])[3..], [rested; 3]);
    }

    #[test]
    fn a_pace_below_the_limit_is_never_held_back() {
        let wanted: Vec<_> = (0..500).map(|n| n * SECOND).collect();
        assert_eq!(runs(RateLimit::DEFAULT, wanted.clone()), wanted);
    }

    proptest! {
        #[test]
        fn never_more_than_max_runs_in_any_span(
            max in 1_u32..20,
            within in 1_u64..20_000,
            gaps in prop::collection::vec(0_u64..10_000_000, 1..200),
        ) {
            let limit = RateLimit::new(max, Duration::from_millis(within));
            let wanted = gaps.into_iter().scan(0, |at, gap| { *at += gap; Some(*at) });
            let runs = runs(limit, wanted);
            for span in runs.windows(max as usize + 1) {
                prop_assert!(span[max as usize] - span[0] >= within * 1000, "{span:?}");
            }
        }

        #[test]
        fn runs_that_are_due_do_not_lock_the_object_out(gaps in prop::collection::vec(0_u64..100_000, 1..2000)) {
            let (mut rate, mut now) = (Rate::default(), 0);
            for gap in gaps {
                now += gap;
                rate = rate.run(RateLimit::DEFAULT, now);
            }
            let place = rate.next_place(RateLimit::DEFAULT, now).unwrap_or(now);
            prop_assert!(place <= now + 11 * SECOND, "{place} {now}");
        }
    }
}
