//! The interval, sentence by sentence, and what holds for any of them.

use proptest::prelude::*;
use requeue_policy::{Interval, Observe, Observed, Outcome, Phase, Requeue, RequeueConfig, RequeuePolicy, Retry};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SIX_MONTHS: Duration = Duration::from_secs(180 * 24 * 60 * 60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 2026-01-01.
fn now() -> SystemTime {
    UNIX_EPOCH + seconds(1_767_225_600)
}

/// A policy whose error interval is this.
fn on_error(interval: Interval) -> RequeueConfig {
    RequeueConfig::default().with_error(interval)
}

fn backoff() -> Interval {
    Interval::constant(seconds(10)).with_factor(2.0).with_max(seconds(300))
}

fn failed_for(elapsed: Duration) -> Observed {
    Observed::new(Phase::Failed).since(now() - elapsed)
}

fn delay(requeue: Requeue) -> Duration {
    match requeue {
        Requeue::After(delay) => delay,
        Requeue::AwaitChange => panic!("gave up"),
    }
}

/// An object whose status says whether it is initialized and why it failed.
struct ControlPlane {
    initialized: bool,
    failure_message: Option<&'static str>,
}

impl Observe for ControlPlane {
    fn observe(&self) -> Observed {
        Observed::new(if !self.initialized {
            Phase::Initializing
        } else if self.failure_message.is_some() {
            Phase::Failed
        } else {
            Phase::Ready
        })
    }
}

#[test]
fn initializing_comes_before_failed_failed_before_ready() {
    let table = [
        // initialized, failure message, interval
        (false, None, 5),
        (false, Some("quota"), 5),
        (true, Some("quota"), 10),
        (true, None, 30),
    ];
    for (initialized, failure_message, expected) in table {
        let object = ControlPlane {
            initialized,
            failure_message,
        };
        let requeue = RequeueConfig::default().requeue(&object.observe(), now());
        assert_eq!(
            requeue,
            Requeue::After(seconds(expected)),
            "{initialized} {failure_message:?}"
        );
    }
}

#[test]
fn since_missing_or_in_the_future_counts_as_elapsed_zero() {
    let policy = on_error(backoff());
    let missing = Observed::new(Phase::Failed);
    let future = Observed::new(Phase::Failed).since(now() + seconds(3600));
    for object in [missing, future] {
        assert_eq!(object.elapsed(now()), Duration::ZERO);
        assert_eq!(policy.requeue(&object, now()), Requeue::After(seconds(10)));
    }
}

#[test]
fn time_that_jumps_never_panics_never_yields_more_than_the_cap() {
    let policy = on_error(backoff().with_jitter(0.5));
    let times = [
        UNIX_EPOCH,
        UNIX_EPOCH - seconds(1 << 33),
        UNIX_EPOCH + seconds(1 << 36),
        now(),
        now() + seconds(7200),
        now() - seconds(7200),
    ];
    for since in times {
        for now in times {
            let requeue = policy.requeue(&Observed::new(Phase::Failed).since(since).uid("a"), now);
            assert!(delay(requeue) <= seconds(300), "{since:?} {now:?}: {requeue}");
            assert!(delay(requeue) > seconds(5), "{since:?} {now:?}: {requeue}");
        }
    }
}

#[test]
fn the_first_delay_of_a_phase_is_initial() {
    assert_eq!(
        on_error(backoff()).requeue(&failed_for(Duration::ZERO), now()),
        Requeue::After(seconds(10))
    );
}

#[test]
fn the_delay_grows_with_the_time_in_the_phase() {
    let expected = [10, 20, 40, 80, 160, 300, 300];
    let mut elapsed = Duration::ZERO;
    for expected in expected {
        let next = delay(on_error(backoff()).requeue(&failed_for(elapsed), now()));
        assert_eq!(next, seconds(expected));
        elapsed += next;
    }
    assert!(backoff().delays().take(7).eq(expected.map(seconds)));
}

#[test]
fn a_recovery_is_noticed_within_the_outage_times_factor_less_one_plus_initial() {
    let interval = Interval::constant(seconds(10))
        .with_factor(1.5)
        .with_max(seconds(86_400));
    for outage in [0, 1, 7, 60, 3600, 40_000] {
        let runs = interval.delays().scan(Duration::ZERO, |at, delay| {
            *at += delay;
            Some(*at)
        });
        let noticed = runs
            .into_iter()
            .find(|at| *at >= seconds(outage))
            .expect("there is no deadline");
        let late = noticed - seconds(outage);
        assert!(
            late <= seconds(outage).mul_f64(0.5) + seconds(10),
            "{outage} s: {late:?} late"
        );
    }
}

#[test]
fn max_caps_growth_before_jitter() {
    let object = failed_for(seconds(86_400));
    assert_eq!(
        on_error(backoff()).requeue(&object, now()),
        Requeue::After(seconds(300))
    );
    let jittered = on_error(backoff().with_jitter(0.2));
    let delays: Vec<_> = (0..1000)
        .map(|n| delay(jittered.requeue(&object.uid(&n.to_string()), now())))
        .collect();
    assert!(
        delays
            .iter()
            .all(|delay| *delay > seconds(240) && *delay <= seconds(300))
    );
    assert!(
        delays.iter().any(|delay| *delay < seconds(242)),
        "capped after jitter, not before"
    );
    assert!(delays.iter().any(|delay| *delay > seconds(298)));
}

#[test]
fn jitter_only_shortens() {
    // Without a uid the slot is the start of the interval, and 2026-01-01 is a multiple of 100 s.
    let policy = on_error(Interval::constant(seconds(100)).with_jitter(0.5));
    let at = |second| delay(policy.requeue(&Observed::new(Phase::Failed), now() + seconds(second)));
    for (second, expected) in [(0, 100), (50, 75), (98, 51)] {
        let off = seconds(expected).abs_diff(at(second));
        assert!(
            off < Duration::from_micros(1),
            "{second} s past the slot: {:?}",
            at(second)
        );
    }
}

#[test]
fn an_object_in_its_slot_stays_there() {
    let policy = on_error(Interval::constant(seconds(7)).with_jitter(0.5));
    for interval in 1..10_000 {
        let next = delay(policy.requeue(&failed_for(seconds(7 * interval)), now()));
        assert!(
            seconds(7) - next < Duration::from_millis(1),
            "{next:?} after {interval} intervals"
        );
    }
}

#[test]
fn should_requeue_is_true_once_the_last_transition_lies_more_than_initial_back() {
    let policy = on_error(backoff());
    assert!(!policy.should_requeue(&failed_for(seconds(10)), now()));
    assert!(policy.should_requeue(&failed_for(seconds(10) + Duration::from_nanos(1)), now()));
    assert!(!policy.should_requeue(&Observed::new(Phase::Failed).since(now() + seconds(60)), now()));
    // By the interval of the phase, not by the default one.
    assert!(policy.should_requeue(&Observed::new(Phase::Ready).since(now() - seconds(31)), now()));
    assert!(!policy.should_requeue(&Observed::new(Phase::Ready).since(now() - seconds(29)), now()));
}

#[test]
fn should_requeue_is_true_where_the_last_transition_is_unknown() {
    assert!(RequeueConfig::default().should_requeue(&Observed::new(Phase::Ready), now()));
}

#[test]
fn past_deadline_the_answer_is_await_change() {
    let policy = on_error(backoff().with_deadline(seconds(3600)));
    assert_eq!(
        policy.requeue(&failed_for(seconds(3599)), now()),
        Requeue::After(seconds(300))
    );
    assert_eq!(policy.requeue(&failed_for(seconds(3600)), now()), Requeue::AwaitChange);
    assert_eq!(
        policy.requeue(&failed_for(seconds(1 << 30)), now()),
        Requeue::AwaitChange
    );
}

#[test]
fn an_interval_that_never_comes_has_no_delay_at_any_time() {
    const NEVER: Interval = Interval::never();
    let policy = on_error(NEVER);
    for object in [
        Observed::new(Phase::Failed).uid("a"),
        failed_for(seconds(0)),
        failed_for(seconds(1 << 30)),
    ] {
        assert_eq!(policy.requeue(&object, now()), Requeue::AwaitChange);
        assert!(!policy.should_requeue(&object, now()));
    }
    assert_eq!(NEVER.delay(Duration::ZERO), None);
    assert_eq!(NEVER.delays().count(), 0);
    assert_eq!(NEVER.attempts(Duration::MAX), 0);
    assert_eq!(
        (NEVER.initial(), NEVER.max(), NEVER.deadline()),
        (Duration::MAX, None, None)
    );
    assert_eq!(NEVER.longest(), SIX_MONTHS);
    assert!(NEVER.validate().is_ok());
    // Nor does any setter make it another.
    let set = NEVER
        .with_factor(2.0)
        .with_max(seconds(1))
        .with_jitter(0.5)
        .with_deadline(seconds(9));
    assert_eq!(set, NEVER);
    assert_eq!(format!("{NEVER:?} {NEVER}"), "Interval::never() never");
    // A delay that is too long to be counted is a mistake and none of these.
    assert_ne!(Interval::constant(Duration::MAX), NEVER);
    assert!(Interval::constant(Duration::MAX).validate().is_err());
}

#[test]
fn delays_end_at_the_deadline() {
    let delays = backoff().with_deadline(seconds(700)).delays();
    assert!(delays.eq([10, 20, 40, 80, 160, 300, 300].map(seconds)));
}

#[test]
fn the_earlier_of_two_answers_is_the_less() {
    let (soon, late) = (Requeue::After(seconds(5)), Requeue::After(seconds(30)));
    assert!(soon < late && late < Requeue::AwaitChange);
}

#[test]
fn requeue_tells_what_it_is() {
    assert_eq!(Requeue::After(seconds(90)).to_string(), "after 1m 30s");
    assert_eq!(Requeue::AwaitChange.to_string(), "await change");
    assert_eq!(
        Phase::ALL.map(|phase| phase.to_string()),
        ["Initializing", "Failed", "Ready"]
    );
}

#[test]
fn slots_flatten_a_herd() {
    /// Peak to mean of the starts per 250 ms in the first, second, fourth and tenth interval after 10,000 objects
    /// started within half a second.
    fn peaks(jitter: f64) -> [f64; 4] {
        const OBJECTS: u32 = 10_000;
        let interval = Duration::from_secs(30);
        let policy = RequeueConfig::default().with_default(Interval::constant(interval).with_jitter(jitter));
        let mut bins = [0_u32; 11 * 120];
        for n in 0..OBJECTS {
            let object = Observed::new(Phase::Ready).uid(&format!("7e1c4a52-9d3e-4b1e-8f00-{n:012}"));
            let mut at = Duration::from_micros(u64::from(n) * 490_000 / u64::from(OBJECTS));
            while let Some(bin) = bins.get_mut((at.as_millis() / 250) as usize) {
                *bin += 1;
                at += delay(policy.requeue(&object, now() + seconds(11) + at));
            }
        }
        [1, 2, 4, 10].map(|interval| {
            let bins = &bins[interval * 120..(interval + 1) * 120];
            let peak = bins.iter().max().copied().unwrap_or_default();
            f64::from(peak) * 120.0 / f64::from(bins.iter().sum::<u32>())
        })
    }
    let (none, some, much) = (peaks(0.0), peaks(0.2), peaks(0.5));
    println!("peak to mean: none {none:.1?}, jitter 0.2 {some:.1?}, jitter 0.5 {much:.1?}");
    assert!(none.iter().all(|peak| *peak > 55.0), "{none:?}");
    for (peak, at_most) in some.into_iter().zip([4.5, 3.0, 2.1, 1.6]) {
        assert!(peak <= at_most, "{some:?}");
    }
    for (peak, at_most) in much.into_iter().zip([2.1, 1.8, 1.6, 1.5]) {
        assert!(peak <= at_most, "{much:?}");
    }
}

#[test]
fn types_are_copy_const_and_shareable() {
    const INTERVAL: Interval = Interval::constant(Duration::from_secs(1))
        .with_factor(2.0)
        .with_max(Duration::from_secs(9))
        .with_jitter(0.1)
        .with_deadline(Duration::from_secs(99));
    assert!(INTERVAL.validate().is_ok());
    fn shareable<T: Copy + Send + Sync + 'static>() {}
    shareable::<Interval>();
    shareable::<Observed>();
    shareable::<RequeueConfig>();
    shareable::<Requeue>();
    shareable::<Outcome>();
    shareable::<Retry>();
}

#[test]
fn a_policy_works_behind_every_pointer() {
    fn asks(policy: impl RequeuePolicy) -> Requeue {
        policy.requeue(&Observed::new(Phase::Failed), now())
    }
    struct Odd;
    impl RequeuePolicy for Odd {
        fn requeue(&self, _: &Observed, _: SystemTime) -> Requeue {
            Requeue::AwaitChange
        }
    }
    let object: Box<dyn RequeuePolicy> = Box::new(Odd);
    assert_eq!(asks(&object), Requeue::AwaitChange);
    assert_eq!(asks(object), Requeue::AwaitChange);
    assert_eq!(asks(Arc::new(Odd)), Requeue::AwaitChange);
    let reference = &Odd;
    assert_eq!(asks(reference), Requeue::AwaitChange);
}

/// Any interval that `validate` lets through, and its jitter.
fn valid_interval() -> impl Strategy<Value = (Interval, f64)> {
    let millis = 1_u64..SIX_MONTHS.as_millis() as u64;
    (
        millis.clone(),
        millis.clone(),
        1.0..10.0_f64,
        0.0..=0.5_f64,
        prop::option::of(millis),
    )
        .prop_map(|(initial, max, factor, jitter, deadline)| {
            let interval = Interval::constant(Duration::from_millis(initial.min(max)))
                .with_factor(factor)
                .with_max(Duration::from_millis(max.max(initial)))
                .with_jitter(jitter);
            let deadline = deadline.map(Duration::from_millis);
            (
                deadline.map_or(interval, |deadline| interval.with_deadline(deadline)),
                jitter,
            )
        })
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        Just(Duration::from_nanos(1)),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        (0_u64..100_000_000).prop_map(Duration::from_micros),
    ]
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        prop::num::f64::ANY,
        0.0..4.0_f64,
        prop::sample::select(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            f64::MAX,
            f64::MIN_POSITIVE
        ]),
    ]
}

/// Whatever the setters take.
fn any_interval() -> impl Strategy<Value = Interval> {
    let max = prop::option::of(any_duration());
    let deadline = prop::option::of(any_duration());
    let any = (any_duration(), any_float(), max, any_float(), deadline).prop_map(
        |(initial, factor, max, jitter, deadline)| {
            let interval = Interval::constant(initial).with_factor(factor).with_jitter(jitter);
            let interval = max.map_or(interval, |max| interval.with_max(max));
            deadline.map_or(interval, |deadline| interval.with_deadline(deadline))
        },
    );
    prop_oneof![9 => any, 1 => Just(Interval::never())]
}

fn any_time() -> impl Strategy<Value = SystemTime> {
    (any_duration(), any::<bool>()).prop_map(|(duration, before)| {
        let time = if before {
            UNIX_EPOCH.checked_sub(duration)
        } else {
            UNIX_EPOCH.checked_add(duration)
        };
        time.unwrap_or(UNIX_EPOCH)
    })
}

proptest! {
    #[test]
    fn never_above_the_cap_and_never_below_initial_less_jitter(
        (interval, jitter) in valid_interval(), uid in ".*", since in any_time(), now in any_time(),
    ) {
        prop_assert!(interval.validate().is_ok());
        let object = Observed::new(Phase::Failed).since(since).uid(&uid);
        if let Requeue::After(delay) = on_error(interval).requeue(&object, now) {
            prop_assert!(delay <= interval.longest(), "{delay:?} {interval:?}");
            let full = interval.with_jitter(0.0);
            let Requeue::After(full) = on_error(full).requeue(&object, now) else { panic!("gave up without jitter") };
            prop_assert!(delay <= full);
            prop_assert!(full >= interval.initial());
            let taken_off = (full - delay).as_nanos() as f64;
            prop_assert!(taken_off <= full.as_nanos() as f64 * jitter, "{delay:?} {full:?} {jitter}");
        }
    }

    #[test]
    fn monotone_in_the_time_in_the_phase((interval, _) in valid_interval(), a in any_duration(), b in any_duration()) {
        let (shorter, longer) = (a.min(b), a.max(b));
        match (interval.delay(shorter), interval.delay(longer)) {
            (Some(shorter), Some(longer)) => prop_assert!(shorter <= longer),
            (None, Some(_)) => prop_assert!(false, "gave up and took it back"),
            _ => {}
        }
    }

    #[test]
    fn attempts_are_a_reading_of_the_time_in_the_phase((interval, _) in valid_interval()) {
        let mut elapsed = Duration::ZERO;
        for (attempt, delay) in interval.delays().take(300).enumerate() {
            prop_assert_eq!(interval.attempts(elapsed), attempt as u64, "at {:?}", elapsed);
            elapsed += delay;
            let shortly_before = elapsed - Duration::from_micros(700);
            prop_assert_eq!(interval.attempts(shortly_before), attempt as u64, "before {:?}", elapsed);
        }
        let all = interval.delays().take(300).count() as u64;
        prop_assert_eq!(interval.attempts(elapsed), all);
        if all < 300 {
            prop_assert_eq!(interval.attempts(Duration::MAX), all);
        }
    }

    #[test]
    fn no_panic_no_zero_and_no_more_than_six_months_for_any_input_whatsoever(
        interval in any_interval(), uid in ".*", since in prop::option::of(any_time()), now in any_time(),
    ) {
        let object = Observed::new(Phase::Failed).since(since).uid(&uid);
        if let Requeue::After(delay) = on_error(interval).requeue(&object, now) {
            prop_assert!(delay >= Duration::from_micros(500) && delay <= SIX_MONTHS, "{delay:?}");
            prop_assert!(delay <= interval.longest());
        }
        let _ = on_error(interval).should_requeue(&object, now);
        let _ = interval.validate();
        let _ = interval.delays().take(100).count();
        if let Some(since) = since {
            let _ = interval.attempts(now.duration_since(since).unwrap_or_default());
        }
    }

    #[test]
    fn the_long_run_rate_under_jitter_is_exactly_one_per_interval(
        initial in 1_u64..100_000, jitter in 0.0..=0.5_f64, uid in ".*", start in 0_u64..1_000_000_000,
    ) {
        let initial = Duration::from_millis(initial);
        let policy = on_error(Interval::constant(initial).with_jitter(jitter));
        let object = Observed::new(Phase::Failed).uid(&uid);
        let start = now() + Duration::from_micros(start);
        let mut at = start;
        for _ in 0..1000 {
            at += delay(policy.requeue(&object, at));
        }
        // All that jitter ever takes off is what the start lay past the slot: less than one interval in all.
        let ideal = start + initial * 1000;
        prop_assert!(at <= ideal && at > ideal - initial, "{:?}", ideal.duration_since(at));
    }
}
