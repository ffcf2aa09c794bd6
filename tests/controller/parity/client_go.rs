//! client-go v0.37.2, `util/workqueue/default_rate_limiters_test.go`.
//!
//! There a delay follows from a count of failures, here from the time in the phase. Runs that take no time make the
//! two the same, which is what these rows show; that they are the same for any base, cap and schedule is what
//! `verify/tests/differential` shows.

use super::{
    policies::{FastSlow, Later, MaxWait, Steps, delays, exponential},
    script::delays_after_failures,
};
use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use std::time::{Duration, SystemTime};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn first(interval: Interval, number: usize) -> Vec<Duration> {
    interval.delays().take(number).collect()
}

/// What follows each failure of objects that fail so many times, succeed, and fail once more, through a controller.
async fn one_and_two_then_forget_one(policy: impl RequeuePolicy + Send + Sync + 'static) -> [Vec<Duration>; 2] {
    let one = vec![true, true, true, true, true, false, true];
    let two = vec![true, true];
    let delays = delays_after_failures(policy, &[one, two]).await;
    delays.try_into().expect("two scripts were played")
}

#[tokio::test(start_paused = true)]
async fn with_factor_2_the_delays_are_those_of_client_go() {
    // TestItemExponentialFailureRateLimiter: 1 ms, 1 s
    // | item | When                | NumRequeues |
    // | one  | 1, 2, 4, 8, 16 ms   | 5           |
    // | two  | 1, 2 ms             | 2           |
    // | one  | Forget, then 1 ms   | 0           |
    let backoff = exponential(MS, SECOND);
    assert_eq!(first(backoff, 5), [MS, 2 * MS, 4 * MS, 8 * MS, 16 * MS]);

    let policy = RequeueConfig::default().with_error(backoff);
    let [one, two] = one_and_two_then_forget_one(policy).await;
    assert_eq!(one, [MS, 2 * MS, 4 * MS, 8 * MS, 16 * MS, MS]);
    assert_eq!(two, [MS, 2 * MS]);
}

#[test]
fn client_go_overflow() {
    // TestItemExponentialFailureRateLimiterOverFlow: after so many failures, the next When is
    // | base  | max    | failures | When   |
    // | 1 ms  | 1000 s | 5        | 32 ms  |
    // | 1 ms  | 1000 s | 1000     | 1000 s |
    // | 1 min | 1000 h | 2        | 4 min  |
    // | 1 min | 1000 h | 1000     | 1000 h |
    let after = |base, max, failures| exponential(base, max).delays().nth(failures);
    assert_eq!(after(MS, 1000 * SECOND, 5), Some(32 * MS));
    assert_eq!(after(MS, 1000 * SECOND, 1000), Some(1000 * SECOND));
    assert_eq!(after(MINUTE, 1000 * HOUR, 2), Some(4 * MINUTE));
    assert_eq!(after(MINUTE, 1000 * HOUR, 1000), Some(1000 * HOUR));

    // Where its arithmetic would be at an end: 1 ms doubled 44 times is beyond an int64 of nanoseconds, doubled 64
    // times beyond 64 bits of anything. Never less than the delay before.
    let longest = 180 * 24 * HOUR;
    for max in [1000 * SECOND, longest] {
        let delays = first(exponential(MS, max), 2000);
        assert!(delays.is_sorted(), "wrapped around");
        for failures in [44, 55, 63, 64, 65, 1000, 1999] {
            assert_eq!(delays[failures], max, "after {failures} failures");
        }
    }
    // And neither base nor max, nor both, may be too much, though a config file may not have them.
    for (base, max) in [(longest, longest), (MS, Duration::MAX), (Duration::MAX, Duration::MAX)] {
        let delays = first(exponential(base, max), 2000);
        assert!(delays.is_sorted() && delays[1999] == longest, "{base:?} {max:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fast_and_then_a_slow_delay_is_a_policy_of_a_few_lines() {
    // TestItemFastSlowRateLimiter: 5 ms, 10 s, 3 attempts
    // | item | When                  | NumRequeues |
    // | one  | 5, 5, 5 ms, 10, 10 s  | 5           |
    // | two  | 5, 5 ms               | 2           |
    // | one  | Forget, then 5 ms     | 0           |
    let policy = FastSlow {
        fast: 5 * MS,
        slow: 10 * SECOND,
        attempts: 3,
    };
    let expected = [5 * MS, 5 * MS, 5 * MS, 10 * SECOND, 10 * SECOND];
    assert_eq!(delays(&policy).take(5).collect::<Vec<_>>(), expected);

    let [one, two] = one_and_two_then_forget_one(policy).await;
    assert_eq!(one[..5], expected);
    assert_eq!(one[5..], [5 * MS]);
    assert_eq!(two, [5 * MS, 5 * MS]);
}

#[tokio::test(start_paused = true)]
async fn the_later_delay_of_each_attempt_is_a_list_of_delays() {
    // TestMaxOfRateLimiter: of 5 ms, 3 s, 3 attempts and 1 ms, 1 s
    // | item | When                 | NumRequeues |
    // | one  | 5, 5, 5 ms, 3, 3 s   | 5           |
    // | two  | 5, 5 ms              | 2           |
    // | one  | Forget, then 5 ms    | 0           |
    let fast_slow = FastSlow {
        fast: 5 * MS,
        slow: 3 * SECOND,
        attempts: 3,
    };
    let backoff = exponential(MS, SECOND);
    let later_of_each_attempt = delays(&fast_slow).zip(backoff.delays()).map(|(a, b)| a.max(b));
    let policy = Steps::new(later_of_each_attempt.take(10));

    let [one, two] = one_and_two_then_forget_one(policy).await;
    assert_eq!(one, [5 * MS, 5 * MS, 5 * MS, 3 * SECOND, 3 * SECOND, 5 * MS]);
    assert_eq!(two, [5 * MS, 5 * MS]);
}

#[test]
fn a_longest_wait_is_the_sooner_of_two_answers() {
    // TestWithMaxWaitRateLimiter: of 100 times 5 ms and then 1000 s, no more than 500 s
    // | call       | When  |
    // | 1 to 100   | 5 ms  |
    // | 101 to 200 | 500 s |
    let policy = MaxWait(
        FastSlow {
            fast: 5 * MS,
            slow: 1000 * SECOND,
            attempts: 100,
        },
        500 * SECOND,
    );
    let delays: Vec<_> = delays(&policy).take(200).collect();
    assert_eq!(delays[..100], [5 * MS; 100]);
    assert_eq!(delays[100..], [500 * SECOND; 100]);

    // It never gives up, either.
    let gives_up = RequeueConfig::default().with_error(Interval::constant(SECOND).with_deadline(MINUTE));
    let since = SystemTime::UNIX_EPOCH;
    let failed = Observed::new(Phase::Failed).since(since);
    assert_eq!(gives_up.requeue(&failed, since + HOUR), Requeue::AwaitChange);
    let patient = MaxWait(gives_up, 500 * SECOND);
    assert_eq!(patient.requeue(&failed, since + HOUR), Requeue::After(500 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn client_go_default_rate_limiters() {
    // DefaultTypedItemBasedRateLimiter: 1 ms, 1000 s; the same of DefaultTypedControllerRateLimiter: 5 ms, 1000 s
    for base in [MS, 5 * MS] {
        let policy = RequeueConfig::default().with_error(exponential(base, 1000 * SECOND));
        // 1 ms doubled 20 times is more than 1000 s.
        let delays = delays_after_failures(policy, &[vec![true; 22]]).await;
        let expected: Vec<_> = (0..22)
            .map(|doublings| (base * (1 << doublings)).min(1000 * SECOND))
            .collect();
        assert_eq!(delays, [expected]);
    }
}

#[test]
fn the_later_of_two_answers_is_taken_at_the_same_time_in_the_phase() {
    // The rows of TestMaxOfRateLimiter again. The 5 ms of the one are time in the phase for the other, too, which
    // counts no attempts and so is ahead of client-go's in the second and third row.
    let later = Later(
        FastSlow {
            fast: 5 * MS,
            slow: 3 * SECOND,
            attempts: 3,
        },
        RequeueConfig::default().with_error(exponential(MS, SECOND)),
    );
    let delays: Vec<_> = delays(&later).take(5).collect();
    assert_eq!(delays, [5 * MS, 6 * MS, 12 * MS, 3 * SECOND, 3 * SECOND]);
}
