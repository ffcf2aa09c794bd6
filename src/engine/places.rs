//! The places of a `MaxRate`: which timers may reconcile, and when.

use crate::{
    MaxRate,
    engine::memory::Tick,
    policy::max_rate::{FASTEST, LARGEST_BURST, SLOWEST},
    sync::{Mutex, MutexGuard, PoisonError},
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Where the adapter's clock starts, in nanoseconds: far enough from zero that a burst is whole from the start.
const START: u64 = 1 << 62;

/// The places of a fleet.
#[derive(Debug, Default)]
pub(crate) struct Places(pub(crate) Mutex<Taken>);

/// Which places are taken, in nanoseconds: all before `free` but those that were given back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    /// By which rate.
    pub(crate) rate: Option<MaxRate>,
    free: u64,
    /// At most as many as there are objects: a new place is taken only where none of these is left.
    given_back: BinaryHeap<Reverse<u64>>,
    /// Before this, another rate than the present one has given places.
    older: u64,
}

impl Taken {
    /// Nobody waits behind what another rate has given away; what has its place keeps it.
    fn go_by(&mut self, rate: Option<MaxRate>) -> &mut Self {
        if self.rate != rate {
            *self = Self {
                rate,
                older: self.older.max(self.free),
                ..Self::default()
            };
        }
        self
    }

    /// The earliest that was given back and is not over.
    fn earliest(&mut self, now: u64) -> Option<u64> {
        while self.given_back.peek().is_some_and(|Reverse(place)| *place < now) {
            self.pop();
        }
        self.given_back.peek().map(|Reverse(place)| *place)
    }

    fn pop(&mut self) {
        self.given_back.pop();
        if self.given_back.is_empty() {
            self.given_back.shrink_to_fit();
        }
    }
}

impl Places {
    /// Takes the next free place, and returns when it is: `now` or later.
    pub(crate) fn take(&self, rate: MaxRate, now: Tick) -> Tick {
        let (pace, now) = (rate.pace(), nanos(now));
        // Places that nobody used stay free for as many as may be used at once.
        let oldest = now.saturating_sub(pace.saturating_mul(u64::from(rate.burst().clamp(1, LARGEST_BURST)) - 1));
        let mut taken = self.lock();
        let taken = taken.go_by(Some(rate));
        let next = taken.free.max(oldest);
        let place = match taken.earliest(now) {
            Some(place) if place < next => {
                taken.pop();
                place
            }
            _ => {
                taken.free = next.saturating_add(pace);
                next.max(now)
            }
        };
        (place - START).div_ceil(1000)
    }

    /// Gives one back that was taken and is not needed, for whoever comes next.
    pub(crate) fn give_back(&self, place: Tick) {
        let (mut taken, place) = (self.lock(), nanos(place));
        // One that an older rate may have given would be one more than the present rate allows.
        if place >= taken.older {
            taken.given_back.push(Reverse(place));
        }
    }

    /// How long a timer that fires now has to wait, in microseconds.
    pub(crate) fn wait(&self, rate: MaxRate, now: Tick) -> Tick {
        let mut taken = self.lock();
        let taken = taken.go_by(Some(rate));
        let earliest = taken.earliest(nanos(now)).unwrap_or(u64::MAX);
        let free = taken.free.min(earliest).saturating_sub(START);
        free.div_ceil(1000).saturating_sub(now)
    }

    /// Goes on by this rate, or by none, and returns whether it is another.
    pub(crate) fn go_by(&self, rate: Option<MaxRate>) -> bool {
        let mut taken = self.lock();
        let is_another = taken.rate != rate;
        taken.go_by(rate);
        is_another
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(at: Tick) -> u64 {
    START.saturating_add(at.saturating_mul(1000))
}

impl MaxRate {
    /// From one place to the next, in nanoseconds.
    fn pace(self) -> u64 {
        // A rate that was never validated must not divide by zero.
        let per_second = if self.per_second().is_nan() {
            FASTEST
        } else {
            self.per_second()
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
    fn a_burst_is_whole_from_the_start() {
        let places = taken(MaxRate::new(1.0).with_burst(100), &[SECOND; 102]);
        assert_eq!(places[99..], [SECOND, 2 * SECOND, 3 * SECOND]);
    }

    #[test]
    fn a_place_that_is_given_back_serves_the_next() {
        let (places, rate) = (Places::default(), MaxRate::new(1.0));
        let take = |now| places.take(rate, now * SECOND) / SECOND;
        assert_eq!([take(1), take(1), take(1), take(1)], [1, 2, 3, 4]);
        places.give_back(3 * SECOND);
        places.give_back(2 * SECOND);
        assert_eq!(places.wait(rate, SECOND), SECOND);
        assert_eq!([take(1), take(1), take(1)], [2, 3, 5]);
        // One that nobody took in time is gone.
        places.give_back(3 * SECOND);
        assert_eq!([take(4), take(4)], [6, 7]);
        assert_eq!(places.wait(rate, 4 * SECOND), 4 * SECOND);
    }

    #[test]
    fn another_rate_starts_with_no_place_taken() {
        let (places, rate) = (Places::default(), MaxRate::new(0.1));
        assert_eq!([SECOND; 3].map(|now| places.take(rate, now) / SECOND), [1, 11, 21]);
        let fast = MaxRate::new(10.0);
        assert_eq!(places.wait(fast, SECOND), 0);
        assert_eq!(places.take(fast, 2 * SECOND), 2 * SECOND);
        // A decision that had begun by the old one delays nobody.
        places.go_by(Some(fast));
        assert_eq!(places.take(rate, 3 * SECOND), 3 * SECOND);
        assert_eq!(places.take(fast, 4 * SECOND), 4 * SECOND);
        // Nor does the same rate, after a time without one.
        assert_eq!(places.take(rate, 5 * SECOND), 5 * SECOND);
        places.go_by(None);
        assert_eq!(places.take(rate, 6 * SECOND), 6 * SECOND);
    }

    #[test]
    fn a_place_of_an_older_rate_serves_nobody() {
        let (places, slow) = (Places::default(), MaxRate::new(0.1));
        let fast = [SECOND; 5].map(|now| places.take(MaxRate::new(1.0), now));
        assert_eq!(places.take(slow, SECOND), SECOND);
        fast.into_iter().for_each(|place| places.give_back(place));
        assert_eq!([SECOND; 2].map(|now| places.take(slow, now) / SECOND), [11, 21]);
        // Its own are given on.
        places.give_back(11 * SECOND);
        assert_eq!(places.take(slow, 2 * SECOND), 11 * SECOND);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_the_burst(
            per_second in 0.5_f64..1000.0,
            burst in 1_u32..50,
            steps in prop::collection::vec((0_u64..2_000_000, any::<bool>(), any::<prop::sample::Index>()), 1..300),
        ) {
            let (places, rate) = (Places::default(), MaxRate::new(per_second).with_burst(burst));
            let (mut now, mut taken) = (0, vec![]);
            for (gap, gives_back, which) in steps {
                now += gap;
                let place = places.take(rate, now);
                prop_assert!(place >= now);
                taken.push(place);
                let which = which.index(taken.len());
                if gives_back && taken[which] > now {
                    places.give_back(taken.swap_remove(which));
                }
            }
            taken.sort_unstable();
            // In any span: a burst, and what the rate makes of it.
            for first in 0..taken.len() {
                let span = (taken[taken.len() - 1] - taken[first]) as f64 / 1e6;
                let most = f64::from(burst) + span * per_second + 1.0;
                prop_assert!((taken.len() - first) as f64 <= most, "{} > {most}", taken.len() - first);
            }
        }
    }
}
