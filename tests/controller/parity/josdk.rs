//! Java Operator SDK v5.5.1: its documentation (`error-handling-retries.md`, `rate-limiting.md`, `eventing.md`) and its
//! tests (`GenericRetryExecutionTest`, `EventProcessorTest`, `LinearRateLimiterTest`).

use crate::world::{Answer, Oops, Thing, World, policy};
use kube::Api;
use requeue_policy::{Interval, Outcome, Phase, Requeue, Retry};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// What a thing with this value does: it fails below zero.
async fn by_value(thing: Arc<Thing>, _: Api<Thing>) -> Answer {
    if thing.spec.value < 0 {
        Err(Oops("no quota"))
    } else {
        Ok(Outcome::from(Phase::Ready))
    }
}

async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

/// In milliseconds, as it has them.
fn millis(interval: Interval) -> Vec<u64> {
    // Not without an end, should the deadline be no such.
    let delays = interval.delays().take(100);
    delays.map(|delay| delay.as_millis() as u64).collect()
}

fn interval(yaml: &str) -> Interval {
    serde_saphyr::from_str(yaml).expect("a test's interval is valid")
}

#[test]
fn josdk_generic_retry_configurations() {
    // GenericRetry, in milliseconds
    // | configuration                                     | nextDelay                        |
    // | defaultLimitedExponentialRetry                    | 2000, 2000, 3000, 4500, 6750     |
    // | initial 5000, multiplier 1.5, 5 attempts          | 5000, 5000, 7500, 11250, 16875   |
    // | every10second10TimesRetry                         | 10000, ten times                 |
    // | setMaxAttempts(3) (noNextDelayIfMaxAttemptLimitReached) | three, and then none       |
    // Ours grows from the second on; a deadline at the sum of the delays ends them after as many.
    assert_eq!(
        millis(interval(
            "{ initial: 2s, factor: 1.5, max: 15187ms, deadline: 26375ms }"
        )),
        [2000, 3000, 4500, 6750, 10125]
    );
    assert_eq!(
        millis(interval("{ initial: 5s, factor: 1.5, max: 60s, deadline: 65937ms }")),
        [5000, 7500, 11250, 16875, 25312]
    );
    assert_eq!(millis(interval("{ initial: 10s, deadline: 100s }")), [10_000; 10]);
    assert_eq!(
        millis(interval("{ initial: 2s, factor: 1.5, max: 1m, deadline: 9500ms }")).len(),
        3
    );
}

#[test]
fn the_second_delay_has_grown_already() {
    // GenericRetryExecution multiplies from its third delay on: canLimitMaxIntervalLength, 2000 ms, multiplier 2, at
    // most 4500 ms
    // | nextDelay  | 1    | 2    | 3    | 4    | 5    |
    // | in its code| 2000 | 2000 | 4000 | 4500 | 4500 |
    let delays = interval("{ initial: 2s, factor: 2, max: 4500ms }").delays();
    let delays: Vec<_> = delays.take(5).map(|delay| delay.as_millis()).collect();
    assert_eq!(delays, [2000, 4000, 4500, 4500, 4500]);
}

#[tokio::test(start_paused = true)]
async fn josdk_supports_no_retry() {
    // GenericRetryExecutionTest.supportsNoRetry, GenericRetry.noRetry(), ErrorStatusUpdateControl.withNoRetry()
    let world = World::new(fails).classify(|_| Retry::Never);
    world.create("a").await;
    world.start(policy("{}"));
    world.until(86_400.0).await;
    assert_eq!(world.times(), [0.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_schedules_an_event_retry_on_exception() {
    // EventProcessorTest.schedulesAnEventRetryOnException,
    // firstFailureSchedulesUsingNextDelayWhenNoRemainingDuration: the first retry comes after the initial interval.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: { initial: 2s, factor: 1.5, max: 15187ms } }"));
    world.until(4.9).await;
    assert_eq!(world.times(), [0.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn an_event_during_a_failing_run_runs_when_it_ends() {
    // EventProcessorTest.executesTheControllerInstantlyAfterErrorIfNewEventsReceived,
    // ifExecutionInProgressWaitsUntilItsFinished: no retry is scheduled, the event runs at once.
    let world = World::new(|thing: Arc<Thing>, things| async move {
        sleep(Duration::from_secs(2)).await;
        by_value(thing, things).await
    });
    world.create("a").await;
    world.set_value(-1).await;
    world.start(policy("{ error: 60s }"));
    world.until(1.0).await;
    world.set_value(0).await;
    // The run of the event succeeds, so there is nothing left to retry at 62 s.
    world.until(31.9).await;
    assert_eq!(world.times(), [0.0, 2.0]);
    world.until(65.0).await;
    assert_eq!(world.times(), [0.0, 2.0, 34.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_successful_execution_resets_the_retry() {
    // EventProcessorTest.successfulExecutionResetsTheRetry: no attempt is counted after a success.
    let world = World::new(by_value);
    world.create("a").await;
    world.set_value(-1).await;
    world.start(policy("{ error: { initial: 2s, factor: 1.5, max: 15187ms } }"));
    world.until(6.0).await;
    world.set_value(0).await;
    world.until(7.0).await;
    world.set_value(-1).await;
    world.until(11.9).await;
    assert_eq!(world.times(), [0.0, 2.0, 5.0, 6.0, 7.0, 9.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_a_success_by_an_event_cancels_the_retry() {
    // EventProcessorTest.cancelScheduleOnceEventsOnSuccessfulExecution, and the documentation's first point on retries.
    let world = World::new(by_value);
    world.create("a").await;
    world.set_value(-1).await;
    world.start(policy("{ error: 10s }"));
    world.until(5.0).await;
    world.set_value(0).await;
    world.until(60.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 35.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_a_reschedule_is_the_latest_time_of_the_next_run() {
    // EventProcessorTest.scheduleTimedEventIfInstructedByPostExecutionControl,
    // reScheduleOnlyIfNotExecutedEventsReceivedMeanwhile: 10,000 ms after the last run, and not after the one before
    // it.
    let world = World::new(|_, _| async { Ok(Requeue::After(Duration::from_secs(10))) });
    world.create("a").await;
    world.start(policy("{}"));
    world.until(14.0).await;
    world.set_value(1).await;
    world.until(25.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 14.0, 24.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_preserves_the_retry_deadline() {
    // EventProcessorTest.preservesRetryDeadlineWhenRemainingDurationAboveThreshold: a failure by an event when 50 of
    // 60 s are left leaves them so.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: 60s }"));
    world.until(10.0).await;
    world.set_value(1).await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 60.0]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_imminent_is_kept_too() {
    // EventProcessorTest.consumesRetryAttemptWhenRemainingDurationAtOrBelowThreshold: when 2 of 60 s are left
    // (EventProcessor has a threshold of 5 s) the next retry comes 60 s later, at 118 s. Ours stays at 60 s.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: 60s }"));
    world.until(58.0).await;
    world.set_value(1).await;
    world.until(119.0).await;
    assert_eq!(world.times(), [0.0, 58.0, 60.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_an_event_after_the_last_attempt_runs_and_is_not_retried() {
    // error-handling-retries.md, the third point: it runs, the retry is not reset, a failure is not retried, a
    // success resets.
    let world = World::new(by_value);
    world.create("a").await;
    world.set_value(-1).await;
    world.start(policy("{ error: { initial: 10s, deadline: 20s } }"));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);
    world.set_value(-2).await;
    world.until(200.0).await;
    assert_eq!(world.times()[3..], [100.0]);
    world.set_value(0).await;
    world.until(201.0).await;
    world.set_value(-1).await;
    world.until(300.0).await;
    assert_eq!(world.times()[4..], [200.0, 201.0, 211.0, 221.0]);
}

#[tokio::test(start_paused = true)]
async fn after_giving_up_there_is_no_periodic_run() {
    // EventProcessorTest.schedulesRetryForMarReconciliationIntervalIfRetryExhausted: maxReconciliationInterval (10 h
    // by default) runs on. Ours: neither the default interval nor any other.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ default: 1h, error: { initial: 10s, deadline: 20s } }"));
    world.until(10.0 * 86_400.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);

    // What runs on is a backoff without a deadline, however long its cap is.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: { initial: 10s, factor: 100, max: 10h } }"));
    world.until(3.0 * 36_000.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 1010.0, 37_010.0, 73_010.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_max_reconciliation_interval_counts_from_the_last_run() {
    // EventProcessorTest.schedulesRetryForMarReconciliationInterval, eventing.md: after each run, not at a fixed rate.
    let world = World::new(by_value);
    world.create("a").await;
    world.start(policy("{ default: 10h }"));
    world.until(18_000.0).await;
    world.set_value(1).await;
    world.until(100_000.0).await;
    assert_eq!(world.times(), [0.0, 18_000.0, 54_000.0, 90_000.0]);
}

#[tokio::test(start_paused = true)]
async fn josdk_linear_rate_limiter() {
    // LinearRateLimiterTest: acquirePermissionForNewResource (2 in 300 ms, the third has to wait),
    // returnsMinimalDurationToAcquirePermission (1 in 300 ms, no longer than that), resetsPeriodAfterLimit (400 ms
    // later it need not wait), rateLimitCanBeTurnedOff rate-limiting.md,
    // EventProcessorTest.rateLimitsReconciliationSubmission: 2 in 3 s
    // As many at once; then there one more when the period is over, here one every so often.
    // | limit        | events at     | reconciles at      |
    let rows: [(&str, &[f64], &[f64]); 5] = [
        ("{ burst: 2, every: 300ms }", &[0.1, 0.2], &[0.0, 0.1, 0.3]),
        ("{ burst: 1, every: 300ms }", &[0.1], &[0.0, 0.3]),
        ("{ burst: 1, every: 300ms }", &[0.4], &[0.0, 0.4]),
        ("{ burst: 2, every: 3s }", &[1.0, 1.5], &[0.0, 1.0, 3.0]),
        ("off", &[0.1, 0.2, 0.3], &[0.0, 0.1, 0.2, 0.3]),
    ];
    for (limit, events, runs) in rows {
        let world = World::new(by_value);
        world.create("a").await;
        world.start(policy(&format!("{{ rate_limit: {limit} }}")));
        for (value, event) in events.iter().enumerate() {
            world.until(*event).await;
            world.set_value(value as i64 + 1).await;
        }
        world.until(10.0).await;
        assert_eq!(world.times(), runs, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_before_the_rate_limit() {
    // rate-limiting.md: the limit takes precedence, a retry beyond it is postponed. Ours throttles what changes start: 2
    // at once and then one every 3 s, and a retry every second.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: 1s, rate_limit: { burst: 2, every: 3s } }"));
    world.until(5.5).await;
    assert_eq!(world.times(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}
