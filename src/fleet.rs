//! A rate for the whole fleet: what timers cost stays flat, however many objects there are.

use crate::ConfigError;
use serde::Serialize;

/// How many runs per second timers may cause, all objects of a controller together.
///
/// A timer that finds the rate used up gets the next free place, and places are given in the order in which timers fire.
/// So delays stretch smoothly as the fleet grows, every object gets its turn, and an object's longest gap is its delay
/// and the time in which the rate serves all others once. A change is never delayed by it.
///
/// `burst` is how many places that nobody used may be used at once: the classic token bucket. client-go's default for a
/// controller is 10 per second and a burst of 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaxRate {
    pub(crate) per_second: f64,
    pub(crate) burst: u32,
}

/// From one run in some three hours to one in a microsecond, which is the clock's resolution.
pub(crate) const SLOWEST: f64 = 1e-4;
pub(crate) const FASTEST: f64 = 1e6;
pub(crate) const LARGEST_BURST: u32 = 1_000_000;

impl MaxRate {
    /// Returns a rate of so many runs per second, evenly spread: a burst of 1.
    #[must_use]
    pub const fn new(per_second: f64) -> Self {
        Self { per_second, burst: 1 }
    }

    /// Sets how many places that nobody used may be used at once.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// Returns the number of runs per second.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Returns how many runs there may be at once.
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

#[cfg(feature = "_adapter")]
pub(crate) use places::Places;

#[cfg(feature = "_adapter")]
mod places {
    use super::{FASTEST, LARGEST_BURST, MaxRate, SLOWEST};
    use crate::{
        memory::Tick,
        sync::{AtomicU64, Ordering},
    };

    /// The places of a fleet: only when the next is free has to be known, in nanoseconds of the adapter's clock.
    #[derive(Debug, Default)]
    pub(crate) struct Places(AtomicU64);

    impl Places {
        /// Takes the next free place, and returns when it is: `now` or later.
        pub(crate) fn take(&self, rate: MaxRate, now: Tick) -> Tick {
            let (pace, now) = (rate.pace(), now.saturating_mul(1000));
            // Places that nobody used stay free for as many as may be used at once.
            let oldest = now.saturating_sub(pace.saturating_mul(u64::from(rate.burst.clamp(1, LARGEST_BURST)) - 1));
            let next = |free: u64| free.max(oldest).saturating_add(pace);
            let taken = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| Some(next(free)));
            let (Ok(free) | Err(free)) = taken;
            free.max(oldest).max(now).div_ceil(1000)
        }

        /// Gives one back that was taken and is not needed; whoever comes next is served the sooner.
        pub(crate) fn give_back(&self, rate: MaxRate) {
            let earlier = |free: u64| Some(free.saturating_sub(rate.pace()));
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earlier);
        }

        /// How long a timer that fires now has to wait, in microseconds.
        pub(crate) fn wait(&self, now: Tick) -> Tick {
            (self.0.load(Ordering::Relaxed) / 1000).saturating_sub(now)
        }
    }

    impl MaxRate {
        /// From one place to the next, in nanoseconds.
        fn pace(self) -> u64 {
            // A rate that was never validated must not divide by zero.
            let per_second = if self.per_second.is_nan() {
                FASTEST
            } else {
                self.per_second
            };
            (1e9 / per_second.clamp(SLOWEST, FASTEST)) as u64
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use proptest::prelude::*;

        const SECOND: Tick = 1_000_000;

        fn taken(rate: MaxRate, times: &[Tick]) -> Vec<Tick> {
            let places = Places::default();
            times.iter().map(|now| places.take(rate, *now)).collect()
        }

        #[test]
        fn a_rate_that_is_not_used_up_delays_nobody() {
            let times: Vec<_> = (10..100).map(|n| n * SECOND / 10).collect();
            assert_eq!(taken(MaxRate::new(10.0), &times), times);
        }

        #[test]
        fn what_comes_at_once_is_spread_evenly_in_the_order_in_which_it_came() {
            let places = taken(MaxRate::new(4.0), &[8 * SECOND; 5]);
            assert_eq!(places, [8_000_000, 8_250_000, 8_500_000, 8_750_000, 9_000_000]);
        }

        #[test]
        fn a_burst_uses_what_nobody_used() {
            let places = taken(MaxRate::new(1.0).with_burst(3), &[100 * SECOND; 5]);
            let seconds: Vec<_> = places.iter().map(|place| place / SECOND).collect();
            assert_eq!(seconds, [100, 100, 100, 101, 102]);
        }

        #[test]
        fn a_place_that_is_given_back_serves_the_next() {
            let (places, rate) = (Places::default(), MaxRate::new(1.0));
            assert_eq!(
                [places.take(rate, SECOND), places.take(rate, SECOND)],
                [SECOND, 2 * SECOND]
            );
            places.give_back(rate);
            assert_eq!(places.take(rate, SECOND), 2 * SECOND);
        }

        proptest! {
            #[test]
            fn never_more_than_the_rate_and_the_burst(
                per_second in 0.5_f64..1000.0,
                burst in 1_u32..50,
                gaps in prop::collection::vec(0_u64..2_000_000, 1..300),
            ) {
                let rate = MaxRate::new(per_second).with_burst(burst);
                let times: Vec<_> = gaps.into_iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
                let places = taken(rate, &times);
                for (now, place) in times.iter().zip(&places) {
                    prop_assert!(place >= now);
                }
                // In any span: a burst, and what the rate makes of it.
                for first in 0..places.len() {
                    let span = (places[places.len() - 1] - places[first]) as f64 / 1e6;
                    let most = f64::from(burst) + span * per_second + 1.0;
                    prop_assert!((places.len() - first) as f64 <= most, "{} > {most}", places.len() - first);
                }
            }
        }
    }
}
