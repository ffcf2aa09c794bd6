//! What one object has used of its rate limit: a token bucket.

use super::memory::Tick;
use crate::RateLimit;
use std::time::Duration;

/// The bucket of one object, as the time at which it is full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    full_at: Tick,
    /// By which limit; another one starts with a full bucket.
    limit: u32,
}

/// A limit in force, with its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) limit: RateLimit,
    pub(crate) number: u32,
}

impl Limit {
    fn every(self) -> Tick {
        micros(self.limit.every()).max(1)
    }

    fn burst(self) -> Tick {
        Tick::from(self.limit.burst().max(1))
    }
}

impl Bucket {
    fn full_at(self, limit: Limit, now: Tick) -> Tick {
        if self.limit == limit.number {
            self.full_at.max(now)
        } else {
            now
        }
    }

    /// Whether a token was left over: the bucket has been full for as long as one takes, or the limit is another one.
    pub(crate) fn is_rested(self, limit: Limit, now: Tick) -> bool {
        self.limit != limit.number || self.full_at.saturating_add(limit.every()) <= now
    }

    /// When the next token is there; `None` if one is there at `now`.
    pub(crate) fn next_token(self, limit: Limit, now: Tick) -> Option<Tick> {
        let spare = limit.every().saturating_mul(limit.burst() - 1);
        let at = self.full_at(limit, now).saturating_sub(spare);
        (at > now).then_some(at)
    }

    /// Takes a token; where there is none, the bucket stays empty and owes nothing.
    #[must_use]
    pub(crate) fn take(self, limit: Limit, now: Tick) -> Self {
        let every = limit.every();
        let emptied = now.saturating_add(every.saturating_mul(limit.burst()));
        Self {
            full_at: self.full_at(limit, now).saturating_add(every).min(emptied),
            limit: limit.number,
        }
    }
}

pub(crate) fn micros(duration: Duration) -> Tick {
    Tick::try_from(duration.as_micros()).unwrap_or(Tick::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Tick = 1_000_000;

    fn limit(burst: u32, every: Duration) -> Limit {
        Limit {
            limit: RateLimit::new(burst, every),
            number: 1,
        }
    }

    /// Reconciles at every time of `wanted` at which there is a token, and at the next token otherwise.
    fn reconciles(limit: Limit, wanted: impl IntoIterator<Item = Tick>) -> Vec<Tick> {
        let mut bucket = Bucket::default();
        let mut reconciles = Vec::new();
        for now in wanted {
            let now = now.max(reconciles.last().copied().unwrap_or_default());
            let at = bucket.next_token(limit, now).unwrap_or(now);
            assert_eq!(bucket.next_token(limit, at), None, "no token when it was to come");
            bucket = bucket.take(limit, at);
            reconciles.push(at);
        }
        reconciles
    }

    #[test]
    fn a_burst_is_free_and_what_follows_comes_evenly() {
        let seconds: Vec<_> = reconciles(limit(4, Duration::from_secs(2)), [0; 8])
            .iter()
            .map(|at| at / SECOND)
            .collect();
        assert_eq!(seconds, [0, 0, 0, 0, 2, 4, 6, 8]);
    }

    #[test]
    fn the_bucket_fills_again_one_token_at_a_time() {
        let later = 100 * SECOND;
        let wanted = [
            0,
            0,
            0,
            later,
            later,
            later,
            later,
            later + 2 * SECOND,
            later + 2 * SECOND,
        ];
        let seconds: Vec<_> = reconciles(limit(3, Duration::from_secs(1)), wanted)
            .iter()
            .map(|at| at / SECOND)
            .collect();
        assert_eq!(seconds, [0, 0, 0, 100, 100, 100, 101, 102, 103]);
    }

    #[test]
    fn a_new_limit_starts_with_a_full_bucket() {
        let slow = limit(1, Duration::from_secs(3600));
        let bucket = Bucket::default().take(slow, 0);
        assert_eq!(bucket.next_token(slow, SECOND), Some(3600 * SECOND));
        let fast = Limit {
            number: 2,
            ..limit(2, Duration::from_secs(10))
        };
        assert_eq!(bucket.next_token(fast, SECOND), None);
        let bucket = bucket.take(fast, SECOND).take(fast, SECOND);
        assert_eq!(bucket.next_token(fast, SECOND), Some(11 * SECOND));
        assert!(!bucket.is_rested(fast, 30 * SECOND) && bucket.is_rested(fast, 31 * SECOND));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_pace(
            burst in 1_u32..20,
            every in 1_u64..20_000,
            gaps in prop::collection::vec(0_u64..10_000_000, 1..200),
        ) {
            let limit = limit(burst, Duration::from_millis(every));
            let wanted = gaps.into_iter().scan(0, |at, gap| { *at += gap; Some(*at) });
            let reconciles = reconciles(limit, wanted);
            for (first, from) in reconciles.iter().enumerate() {
                for (last, to) in reconciles.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (to - from) / (every * 1000);
                    prop_assert!((last - first + 1) as u64 <= most, "{from} {to}");
                }
            }
        }

        #[test]
        fn reconciles_that_are_due_never_lock_the_object_out(gaps in prop::collection::vec(0_u64..100_000, 1..2000)) {
            let limit = limit(30, Duration::from_secs(1));
            let (mut bucket, mut now) = (Bucket::default(), 0);
            for gap in gaps {
                now += gap;
                bucket = bucket.take(limit, now);
            }
            let at = bucket.next_token(limit, now).unwrap_or(now);
            prop_assert!(at <= now + SECOND, "{at} {now}");
        }
    }
}
