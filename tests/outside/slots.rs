//! Any uid as a slot, and how uids as they come spread.

use crate::cases;
use proptest::prelude::*;
use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy, Slot};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BUCKETS: usize = 64;

/// Which 64th of the interval the slot is in, as the decision shows it: an object that lies `y` of the interval past its
/// slot is shortened by `jitter × y`, and at 1970 it lies one whole less the slot past it.
fn bucket(uid: &str) -> usize {
    let second = Duration::from_secs(1);
    let policy = RequeueConfig {
        default: Interval::constant(second).with_jitter(0.5),
        ..RequeueConfig::default()
    };
    let object = Observed::new(Phase::Ready).since(UNIX_EPOCH).slot(Slot::of(uid));
    let Requeue::After(delay) = policy.requeue(&object, UNIX_EPOCH) else {
        panic!("there is no deadline");
    };
    let past = (second - delay).as_secs_f64() / 0.5;
    ((past * BUCKETS as f64) as usize).min(BUCKETS - 1)
}

/// Chi-square of the uids over the buckets: with 63 degrees of freedom, chance alone is above 120 once in 50,000 times.
fn chi_square(uids: impl Iterator<Item = String>) -> f64 {
    let mut counts = [0_u32; BUCKETS];
    uids.for_each(|uid| counts[bucket(&uid)] += 1);
    let expected = f64::from(counts.iter().sum::<u32>()) / BUCKETS as f64;
    counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum()
}

const CHANCE: f64 = 120.0;

/// A fixed sequence of random words.
fn words(mut state: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
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
    let number = 0..20_000_u64;
    let random: Vec<_> = words(1).take(40_000).collect();
    let shapes: [(&str, Box<dyn Iterator<Item = String>>); 9] = [
        ("v4", Box::new(random.chunks(2).map(|pair| v4(pair[0], pair[1])))),
        ("v4 that differ at the end", Box::new(number.clone().map(|n| v4(7, n)))),
        (
            "v4 that differ at the start",
            Box::new(number.clone().map(|n| v4(n << 32, 7))),
        ),
        (
            "v4 that differ in the middle",
            Box::new(number.clone().map(|n| v4(n & 0xfff, n << 36))),
        ),
        ("names that count", Box::new(number.clone().map(|n| format!("app-{n}")))),
        (
            "names that count, padded",
            Box::new(number.clone().map(|n| format!("default/app-{n:08}"))),
        ),
        ("numbers", Box::new(number.clone().map(|n| n.to_string()))),
        ("lengths", Box::new((0..2_000).map(|n| "a".repeat(n)))),
        (
            "one bit in a long text",
            Box::new((0..7_000_usize).map(|n| {
                let mut text = vec![b'a'; 1000];
                text[n / 7] ^= 1 << (n % 7);
                String::from_utf8(text).expect("seven bits are ASCII")
            })),
        ),
    ];
    for (shape, uids) in shapes {
        let chi_square = chi_square(uids);
        println!("{shape}: {chi_square:.1}");
        assert!(chi_square < CHANCE, "{shape}: {chi_square:.1}");
    }
}

#[test]
fn no_two_of_many_uids_share_a_slot() {
    let mut slots: Vec<_> = (0..100_000).map(|n| format!("{:?}", Slot::of(&v4(3, n)))).collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 100_000);
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn equal_uids_have_equal_slots_and_others_have_others(
        uid in any::<String>(), place in any::<prop::sample::Index>(), other in any::<char>(),
    ) {
        prop_assert_eq!(Slot::of(&uid), Slot::of(&uid.clone()));
        let mut near: Vec<_> = uid.chars().collect();
        near.insert(place.index(near.len() + 1), other);
        let near: String = near.into_iter().collect();
        prop_assert_ne!(Slot::of(&uid), Slot::of(&near));
        let object = Observed::new(Phase::Ready).slot(Slot::of(&uid));
        let config = RequeueConfig { default: Interval::constant(Duration::from_secs(1)).with_jitter(0.5), ..RequeueConfig::default() };
        let Requeue::After(delay) = config.requeue(&object, SystemTime::now()) else { panic!("there is no deadline") };
        prop_assert!(delay > Duration::from_millis(500) && delay <= Duration::from_secs(1));
    }
}
