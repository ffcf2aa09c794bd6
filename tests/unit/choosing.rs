//! The guide's chapter on choosing intervals, rule by rule: what an interval costs, how late it notices, and what
//! growth, jitter and a deadline do to both.

use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    iter,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const CHAPTER: &str = include_str!("../../src/guide/choosing_intervals.rs");
const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 2026-01-01.
fn now() -> SystemTime {
    UNIX_EPOCH + seconds(1_767_225_600)
}

fn uid(object: u32) -> String {
    format!("7e1c4a52-9d3e-4b1e-8f00-{object:012}")
}

/// From 10 s to 5 min, the error interval of the guide's example.
fn backoff() -> Interval {
    Interval::constant(seconds(10)).with_factor(2.0).with_max(seconds(300))
}

/// When timers run an object that enters its phase at zero and stays there, if runs take no time.
fn runs(interval: Interval, object: u32) -> impl Iterator<Item = Duration> {
    let policy = RequeueConfig::default().with_default(interval);
    let object = Observed::new(Phase::Ready).since(now()).uid(&uid(object));
    let mut at = Duration::ZERO;
    iter::from_fn(move || match policy.requeue(&object, now() + at) {
        Requeue::After(delay) => {
            at += delay;
            Some(at)
        }
        Requeue::AwaitChange => None,
    })
}

fn runs_within(interval: Interval, object: u32, end: Duration) -> usize {
    runs(interval, object).take_while(|at| *at <= end).count()
}

/// How late a run notices what changed at `change`.
fn late(interval: Interval, object: u32, change: Duration) -> Duration {
    let noticed = runs(interval, object).find(|at| *at >= change);
    noticed.expect("there is no deadline") - change
}

#[track_caller]
fn chapter_says(text: &str) {
    let words = |text: &str| {
        let lines = text.lines().map(|line| line.trim_start_matches("//!"));
        lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    };
    assert!(
        words(CHAPTER).contains(&words(text)),
        "the chapter does not say {text:?}"
    );
}

/// A number with a comma between thousands; three digits that count below 100.
fn figure(number: f64) -> String {
    if number < 99.95 {
        let decimals = (2 - number.log10().floor() as i32).max(0) as usize;
        let text = format!("{number:.decimals$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn an_interval_costs_one_reconcile_per_object_and_interval() {
    for interval in [5, 10, 30, 300, 600, 3600] {
        let runs = runs_within(Interval::constant(seconds(interval)), 0, HOUR);
        assert_eq!(runs as u64, 3600 / interval);
    }
    for objects in [100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0] {
        let cells = [10.0, 30.0, 300.0, 600.0, 3600.0].map(|interval| figure(objects / interval));
        let row = format!(
            "[{}](#an-interval-costs-one-reconcile-per-object-and-interval)",
            figure(objects)
        );
        chapter_says(&format!("| {row} | {} |", cells.join(" | ")));
    }
}

/// Runs of `objects` in an hour that starts after an hour, if `at_a_time` workers take `length` for each, and the seconds in
/// which the workers worked.
fn worked(objects: u32, interval: Duration, at_a_time: usize, length: Duration) -> (f64, f64) {
    let policy = RequeueConfig::default().with_default(interval);
    let object = Observed::new(Phase::Ready).since(now());
    // When each worker is free, and when each object is due: at first all of them, evenly.
    let mut free: BinaryHeap<_> = (0..at_a_time).map(|_| Reverse(Duration::ZERO)).collect();
    let mut due: BinaryHeap<_> = (0..objects)
        .map(|n| Reverse(interval.mul_f64(f64::from(n) / f64::from(objects))))
        .collect();
    let mut runs = 0;
    while let (Some(Reverse(worker)), Some(Reverse(at))) = (free.pop(), due.pop()) {
        let end = worker.max(at) + length;
        if end > 2 * HOUR {
            break;
        }
        runs += u32::from(end > HOUR);
        free.push(Reverse(end));
        match policy.requeue(&object, now() + end) {
            Requeue::After(delay) => due.push(Reverse(end + delay)),
            Requeue::AwaitChange => panic!("there is no deadline"),
        }
    }
    (f64::from(runs), f64::from(runs) * length.as_secs_f64())
}

const AT_A_TIME: usize = 8;
const LENGTH: Duration = Duration::from_millis(50);

/// What the workers carry: each object is busy for a run, and then waits for its interval.
fn carried(interval: Duration) -> f64 {
    let most = AT_A_TIME as f64 / LENGTH.as_secs_f64();
    (interval + LENGTH).as_secs_f64() * most
}

fn is_about(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 0.01
}

#[test]
fn a_controller_carries_as_many_objects_as_its_runs_leave_time_for() {
    let [short, long, longest] = [30, 600, 3600].map(|interval| carried(seconds(interval)));
    chapter_says(&format!(
        "{} objects at 30 s, {} at 10 min and {} at an hour",
        figure(short),
        figure(long),
        figure(longest)
    ));
    for (interval, objects) in [(30, short), (600, long)] {
        let (runs, busy) = worked(objects as u32, seconds(interval), AT_A_TIME, LENGTH);
        // All of them at their interval, and no worker ever idle.
        assert!(is_about(runs, objects * 3600.0 / (interval as f64 + 0.05)), "{runs}");
        assert!(is_about(busy, 3600.0 * AT_A_TIME as f64), "{busy}");
    }
    chapter_says("8 runs at a time of 50 ms each that is 160");
}

#[test]
fn beyond_that_objects_run_later_and_the_rate_stays() {
    let most = carried(seconds(30));
    for (share, every, at_work) in [(0.5, 30.0, 0.5), (1.0, 30.0, 1.0), (2.0, 60.0, 1.0)] {
        let objects = (most * share) as u32;
        let (runs, busy) = worked(objects, seconds(30), AT_A_TIME, LENGTH);
        assert!(is_about(f64::from(objects) * 3600.0 / runs, every), "{share}: {runs}");
        assert!(is_about(busy, at_work * 3600.0 * AT_A_TIME as f64), "{share}: {busy}");
    }
    chapter_says("each is then looked at every 60 s in place of every 30 s");
}

/// Runs per second of objects at an interval, as the policy makes them.
fn per_second(objects: f64, interval: u64) -> f64 {
    objects * runs_within(Interval::constant(seconds(interval)), 0, HOUR) as f64 / 3600.0
}

#[test]
fn requests_per_second_are_runs_per_second_times_requests_per_run() {
    let requests = |objects, interval| figure(2.0 * per_second(objects, interval));
    chapter_says(&format!(
        "10,000 objects at 30 s are {} requests per second, at 10 min {}, and 1,000,000 objects at an hour {}",
        requests(10_000.0, 30),
        requests(10_000.0, 600),
        requests(1_000_000.0, 3600)
    ));
}

#[test]
fn a_limit_on_requests_limits_the_objects_at_an_interval() {
    let [short, long, longest] = [30, 600, 3600].map(|interval| figure(5.0 / 2.0 / per_second(1.0, interval)));
    chapter_says(&format!(
        "At 2 requests per run, 5 per second carry {short} objects at 30 s, {long} at 10 min and {longest} at an hour"
    ));
}

#[test]
fn requests_at_a_time_are_requests_per_second_times_their_length() {
    let per_second = 2.0 * per_second(10_000.0, 30);
    chapter_says(&format!(
        "{} requests per second that take 20 ms each are {} at a time",
        figure(per_second),
        figure(per_second * 0.02)
    ));
    // More workers than they need: no object waits, and these are at work on average.
    let (_, busy) = worked(10_000, seconds(30), 100, Duration::from_millis(40));
    assert!(is_about(busy / 3600.0, per_second * 0.02), "{busy}");
}

#[test]
fn jitter_does_not_change_what_an_interval_costs() {
    let (interval, day) = (seconds(30), 24 * HOUR);
    for object in 0..100 {
        let plain = runs_within(Interval::constant(interval), object, day);
        let jittered = runs_within(Interval::constant(interval).with_jitter(0.5), object, day);
        assert!(plain == 2880 && (plain..=plain + 1).contains(&jittered), "{jittered}");
    }
}

#[test]
fn a_growing_interval_costs_what_max_costs_after_its_first_hour() {
    let interval = backoff();
    let by_hour = (1..=6).map(|hour| runs_within(interval, 0, hour * HOUR));
    assert!(by_hour.eq([15, 27, 39, 51, 63, 75]));
    assert_eq!(runs_within(Interval::constant(seconds(10)), 0, HOUR), 360);
    chapter_says("15 retries in the first hour and 12 in each hour after it, where a constant 10 s makes 360");
}

#[test]
fn a_short_first_delay_costs_little_where_the_interval_grows() {
    let from = |initial| {
        let interval = Interval::constant(seconds(initial)).with_factor(2.0);
        runs_within(interval.with_max(seconds(300)), 0, HOUR)
    };
    assert_eq!([1, 5, 10].map(from), [19, 16, 15]);
    chapter_says("19 retries in the first hour from 1 s, 16 from 5 s and 15 from 10 s");
}

#[test]
fn a_change_that_no_event_tells_is_noticed_within_the_interval() {
    for jitter in [0.0, 0.2, 0.5] {
        let interval = Interval::constant(seconds(30)).with_jitter(jitter);
        let late: Vec<_> = (0..1000)
            .map(|n| late(interval, n, HOUR + seconds(30).mul_f64(f64::from(n) / 1000.0)))
            .collect();
        let mean = late.iter().sum::<Duration>() / 1000;
        assert!(late.iter().all(|late| *late <= seconds(30)), "{jitter}");
        assert!(mean > seconds(14) && mean < seconds(16), "{jitter}: {mean:?}");
    }
}

#[test]
fn a_recovery_is_noticed_later_the_longer_the_outage_was_up_to_max() {
    let table = [(60, 70), (120, 130), (290, 300), (600, 300), (3600, 300)];
    for (outage, worst) in table {
        let (outage, worst) = (seconds(outage), seconds(worst));
        assert_eq!(backoff().delay(outage), Some(worst));
        for jitter in [0.0, 0.2, 0.5] {
            let late = (0..1000).map(|object| late(backoff().with_jitter(jitter), object, outage));
            assert!(late.max() <= Some(worst), "{outage:?} {jitter}");
        }
    }
    let gentle = backoff().with_factor(1.5);
    assert!(gentle.delay(seconds(60)) < backoff().delay(seconds(60)));
    assert!(runs_within(gentle, 0, HOUR) > runs_within(backoff(), 0, HOUR));
    chapter_says("after an outage of 1 min 70 s later at most, after one of 10 min 5 min later");
}

#[test]
fn a_deadline_ends_what_an_object_costs_that_nobody_repairs() {
    let interval = backoff().with_deadline(6 * HOUR);
    assert_eq!(runs(interval, 0).take(1000).count(), 76);
    assert_eq!(interval.delays().take(1000).count(), 76);
    let week = 7 * 24 * HOUR;
    assert_eq!(runs_within(interval, 0, week), 76);
    assert_eq!(runs_within(backoff(), 0, week), 2019);
    chapter_says("76 retries in all, where without it they are 2,019 in a week");
}

#[test]
fn a_deadline_leaves_a_recovery_to_events() {
    let policy = RequeueConfig::default().with_error(backoff().with_deadline(6 * HOUR));
    let failed_for = |outage| Observed::new(Phase::Failed).since(now() - outage);
    assert_eq!(
        policy.requeue(&failed_for(6 * HOUR - seconds(1)), now()),
        Requeue::After(seconds(300))
    );
    assert_eq!(policy.requeue(&failed_for(6 * HOUR), now()), Requeue::AwaitChange);
}

#[test]
fn a_settled_object_may_be_looked_at_less_the_longer_it_is_settled() {
    let interval = Interval::constant(seconds(30)).with_factor(1.1).with_max(seconds(600));
    assert_eq!(
        interval.delay(seconds(5699)).map(|delay| delay < seconds(600)),
        Some(true)
    );
    assert_eq!(interval.delay(seconds(5700)), Some(seconds(600)));
    let day = 24 * HOUR;
    assert_eq!(runs_within(interval, 0, day + HOUR) - runs_within(interval, 0, day), 6);
    chapter_says("grows to 10 min within 95 min, and from then on costs 6 reconciles per hour in place of 120");
}

#[test]
fn an_interval_that_never_comes_costs_nothing_and_notices_nothing() {
    assert_eq!(runs(Interval::never(), 0).count(), 0);
    chapter_says("no reconcile, however many objects there are");
}

/// Peak to mean of the starts per 250 ms in the first, second, fourth and tenth interval of 30 s after a restart: all
/// start within half a second, each Ready since a second of its own, 30 to 31 days ago.
fn peaks(jitter: f64, objects: u32) -> [f64; 4] {
    let policy = RequeueConfig::default().with_default(Interval::constant(seconds(30)).with_jitter(jitter));
    let mut bins = [0_u32; 11 * 120];
    for n in 0..objects {
        let settled = seconds(30 * 86_400 + u64::from(n) * 7919 % 86_400);
        let object = Observed::new(Phase::Ready).since(now() - settled).uid(&uid(n));
        let mut at = Duration::from_millis(500).mul_f64(f64::from(n) / f64::from(objects));
        while let Some(bin) = bins.get_mut((at.as_millis() / 250) as usize) {
            *bin += 1;
            match policy.requeue(&object, now() + at) {
                Requeue::After(delay) => at += delay,
                Requeue::AwaitChange => panic!("there is no deadline"),
            }
        }
    }
    [1, 2, 4, 10].map(|interval| {
        let bins = &bins[interval * 120..(interval + 1) * 120];
        let peak = bins.iter().max().copied().unwrap_or_default();
        let times = f64::from(peak) * 120.0 / f64::from(bins.iter().sum::<u32>());
        (times * 10.0).round() / 10.0
    })
}

#[test]
fn objects_that_start_together_stay_together_without_jitter() {
    assert_eq!(peaks(0.0, 1000), [60.0; 4]);
    assert_eq!(peaks(0.0, 10_000), [60.0; 4]);
    chapter_says("60 times the mean");
}

#[test]
fn a_jitter_of_a_fifth_spreads_them_within_ten_intervals() {
    let (some, many) = (peaks(0.2, 1000), peaks(0.2, 10_000));
    println!("1,000 {some:?}, 10,000 {many:?}");
    for peaks in [some, many] {
        assert!(peaks[3] < 2.0, "{peaks:?}");
        let [first, second, fourth, tenth] = peaks;
        chapter_says(&format!(
            "{first:.1}, {second:.1}, {fourth:.1} and {tenth:.1} times the mean"
        ));
    }
}

#[test]
fn a_jitter_of_a_half_spreads_them_within_two() {
    let [first, second, ..] = peaks(0.5, 10_000);
    println!("{first} {second}");
    assert!(second < 1.5, "{second}");
    chapter_says(&format!(
        "{first:.1} times the mean in the first interval and {second:.1} in the second"
    ));
}
