//! Any uid, and how the slots of uids spread.

use crate::cases;
use proptest::prelude::*;
use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use verify::Random;

const BUCKETS: usize = 64;

fn object(uid: &str) -> Observed {
    Observed::new(Phase::Ready).since(UNIX_EPOCH).uid(uid)
}

/// When an object with this uid is due by an interval of a second, of which jitter takes up to a half.
fn delay(uid: &str, now: SystemTime) -> Duration {
    let interval = Interval::constant(Duration::from_secs(1)).with_jitter(0.5);
    let policy = RequeueConfig::default().with_default(interval);
    let Requeue::After(delay) = policy.requeue(&object(uid), now) else {
        panic!("there is no deadline");
    };
    delay
}

/// Which 64th of the interval the slot is in, as the decision shows it: an object that lies `y` of the interval past its
/// slot is shortened by `jitter × y`, and at 1970 it lies one whole less the slot past it.
fn bucket(uid: &str) -> usize {
    let past = 2.0 - delay(uid, UNIX_EPOCH).as_secs_f64() / 0.5;
    ((past * BUCKETS as f64) as usize).min(BUCKETS - 1)
}

/// Chi-square of the uids over the buckets: with 63 degrees of freedom, chance alone is above 120 once in 50,000 times.
fn chi_square(uids: impl Iterator<Item = String>) -> f64 {
    let mut counts = [0_u32; BUCKETS];
    uids.for_each(|uid| counts[bucket(&uid)] += 1);
    let expected = f64::from(counts.iter().sum::<u32>()) / BUCKETS as f64;
    let squares = counts.iter().map(|count| (f64::from(*count) - expected).powi(2));
    squares.sum::<f64>() / expected
}

fn v4(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

#[test]
fn uids_as_they_come_spread_evenly() {
    let mut random = Random::new(1);
    let flip = |n: u64| {
        let mut text = vec![b'a'; 1000];
        text[n as usize / 7 % 1000] ^= 1 << (n % 7);
        String::from_utf8(text).expect("seven bits are ASCII")
    };
    let spreads = |shape: &str, count: u64, uid: &mut dyn FnMut(u64) -> String| {
        let chi_square = chi_square((0..count).map(uid));
        assert!(chi_square < 120.0, "{shape}: {chi_square:.1}");
    };
    spreads("v4", 20_000, &mut |_| v4(random.next(), random.next()));
    spreads("v4 that differ at the end", 20_000, &mut |n| v4(7, n));
    spreads("v4 that differ at the start", 20_000, &mut |n| v4(n << 32, 7));
    spreads("v4 that differ in the middle", 20_000, &mut |n| v4(n & 0xfff, n << 36));
    spreads("names that count", 20_000, &mut |n| format!("app-{n}"));
    spreads("names that count, padded", 20_000, &mut |n| {
        format!("default/app-{n:08}")
    });
    spreads("numbers", 20_000, &mut |n| n.to_string());
    spreads("lengths", 2_000, &mut |n| "a".repeat(n as usize));
    spreads("one bit in a long text", 7_000, &mut |n| flip(n));
}

#[test]
fn no_two_of_many_uids_share_a_slot() {
    let mut slots: Vec<_> = (0..100_000).map(|n| format!("{:?}", object(&v4(3, n)))).collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 100_000);
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn equal_uids_have_equal_slots_and_others_have_others(
        uid in any::<String>(), at in any::<prop::sample::Index>(), other in any::<char>(),
    ) {
        prop_assert_eq!(object(&uid), object(&uid.clone()));
        let mut near: Vec<_> = uid.chars().collect();
        near.insert(at.index(near.len() + 1), other);
        let near: String = near.into_iter().collect();
        prop_assert_ne!(object(&uid), object(&near));
        let delay = delay(&uid, SystemTime::now());
        prop_assert!(delay > Duration::from_millis(500) && delay <= Duration::from_secs(1));
    }
}
