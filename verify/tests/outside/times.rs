//! Any pair of times that the platform has, for any interval, validated or not.

use crate::cases;
use proptest::prelude::*;
use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Near the first time of the platform, near the last, near 1970, and anywhere.
fn time() -> impl Strategy<Value = SystemTime> {
    // Halving steps that end at a nanosecond.
    let steps = || {
        (0..=63)
            .rev()
            .map(|bits| Duration::from_secs(1 << bits))
            .chain((0..=30).rev().map(|bits| Duration::from_nanos(1 << bits)))
    };
    let last = steps().fold(UNIX_EPOCH, |time, by| time.checked_add(by).unwrap_or(time));
    let first = steps().fold(UNIX_EPOCH, |time, by| time.checked_sub(by).unwrap_or(time));
    let from = |time: SystemTime, later, by| {
        let other = if later {
            time.checked_add(by)
        } else {
            time.checked_sub(by)
        };
        other.unwrap_or(time)
    };
    let near = (
        prop::sample::select(vec![first, last, UNIX_EPOCH]),
        any::<bool>(),
        0_u64..3_000_000_000,
    );
    let anywhere = (any::<bool>(), any::<u64>(), 0_u32..64, 0_u32..1_000_000_000);
    prop_oneof![
        3 => near.prop_map(move |(time, later, nanos)| from(time, later, Duration::from_nanos(nanos))),
        1 => anywhere.prop_map(move |(later, secs, bits, nanos)| from(UNIX_EPOCH, later, Duration::new(secs >> bits, nanos))),
    ]
}

/// At the edges of what is allowed, of what a number holds, and anywhere.
fn duration() -> impl Strategy<Value = Duration> {
    let (second, longest) = (Duration::from_secs(1), Duration::from_secs(180 * 86_400));
    let nanos = [0, 1, 1000, 1_000_000, i64::MAX as u64, u64::MAX].map(Duration::from_nanos);
    let edges = [
        &nanos[..],
        &[second, longest, Duration::from_secs(u64::MAX), Duration::MAX],
    ]
    .concat();
    let edge = (prop::sample::select(edges), 0_u64..3, any::<bool>()).prop_map(|(edge, nanos, more)| {
        let by = Duration::from_nanos(nanos);
        if more {
            edge.saturating_add(by)
        } else {
            edge.saturating_sub(by)
        }
    });
    let any = (any::<u64>(), 0_u32..64, 0_u32..1_000_000_000);
    prop_oneof![
        edge,
        any.prop_map(|(secs, bits, nanos)| Duration::new(secs >> bits, nanos))
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::num::f64::ANY,
        1.0..3.0_f64,
        0.0..=0.5_f64,
        prop::sample::select(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1.0 + f64::EPSILON,
            65_537.0,
            -0.0,
            0.5
        ]),
    ]
}

fn interval() -> impl Strategy<Value = Interval> {
    let optional = || prop::option::of(duration());
    (duration(), float(), optional(), float(), optional()).prop_map(|(initial, factor, max, jitter, deadline)| {
        let interval = Interval::constant(initial).with_factor(factor).with_jitter(jitter);
        let interval = max.map_or(interval, |max| interval.with_max(max));
        deadline.map_or(interval, |deadline| interval.with_deadline(deadline))
    })
}

/// What the getters say, without rounding: the delay is `min(max, initial + (factor - 1) × elapsed)`.
fn expected(interval: &Interval, elapsed: Duration) -> Option<f64> {
    let nanos = |duration: Duration| duration.as_nanos() as f64;
    if interval.deadline().is_some_and(|deadline| elapsed >= deadline) {
        return None;
    }
    let growth = (interval.factor() - 1.0).max(0.0);
    let grown = if growth == 0.0 { 0.0 } else { growth * nanos(elapsed) };
    let delay = nanos(interval.initial()) + grown;
    let capped = interval.max().map_or(delay, |max| delay.min(nanos(max)));
    Some(capped.clamp(1e6, nanos(Duration::from_secs(180 * 86_400))))
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn any_two_times_are_decided_on(interval in interval(), since in prop::option::of(time()), now in time(), uid in any::<String>()) {
        let policy = RequeueConfig::default().with_error(interval);
        let object = Observed::new(Phase::Failed).since(since).uid(&uid);
        let elapsed = since.and_then(|since| now.duration_since(since).ok()).unwrap_or_default();
        prop_assert_eq!(object.elapsed(now), elapsed);
        prop_assert_eq!(policy.should_requeue(&object, now), since.is_none() || elapsed > interval.initial());
        match (policy.requeue(&object, now), interval.delay(elapsed)) {
            (Requeue::AwaitChange, None) => {}
            (Requeue::After(short), Some(delay)) => {
                prop_assert!(short <= delay && delay <= interval.longest(), "{:?} {:?}", short, delay);
                prop_assert!(short >= delay / 2 && short > Duration::ZERO, "{:?} {:?}", short, delay);
            }
            (requeue, delay) => prop_assert!(false, "{} but {:?}", requeue, delay),
        }
    }

    #[test]
    fn a_delay_is_what_the_formula_says(interval in interval(), elapsed in duration()) {
        let delay = interval.delay(elapsed).map(|delay| delay.as_nanos() as f64);
        // A factor is kept with 48 binary digits behind the point, and times with 64 bits.
        let is_finite = |time: Duration| time < Duration::from_nanos(u64::MAX - 1);
        let is_small = interval.factor().is_nan() || interval.factor() <= 65_536.0;
        if is_finite(elapsed) && is_small && interval.deadline().is_none_or(is_finite) {
            match (delay, expected(&interval, elapsed)) {
                (None, None) => {}
                (Some(delay), Some(expected)) => {
                    let rounding = 2.0 + elapsed.as_nanos() as f64 / 2_f64.powi(48) + expected * 1e-12;
                    prop_assert!((delay - expected).abs() <= rounding, "{} {} {:?}", delay, expected, interval);
                }
                other => prop_assert!(false, "{:?} {:?}", other, interval),
            }
        }
    }

    #[test]
    fn attempts_and_delays_agree_for_any_interval(interval in interval(), elapsed in duration()) {
        let all = interval.delays().take(200).collect::<Vec<_>>();
        prop_assert!(all.iter().all(|delay| *delay >= Duration::from_millis(1) && *delay <= interval.longest()));
        prop_assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        if interval.deadline().is_none() {
            prop_assert_eq!(all.len(), 200);
        }
        let attempts = interval.attempts(elapsed);
        let later = interval.attempts(elapsed.saturating_add(interval.longest()));
        prop_assert!(later >= attempts, "{} {}", attempts, later);
        if all.len() < 200 {
            prop_assert!(interval.attempts(Duration::MAX) <= all.len() as u64 + 1, "{:?}", interval);
        }
    }
}
