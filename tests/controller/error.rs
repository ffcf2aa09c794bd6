//! What follows from errors.

use crate::world::{Answer, Oops, Thing, World, patch_status, policy, requeuer, wall_clock, write_status};
use kube::{Api, ResourceExt};
use requeue_policy::{
    Phase, Requeue, RequeueConfig,
    kube::{Outcome, Retry},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

const BACKOFF: &str = "{ error: { initial: 10s, factor: 2, max: 5m } }";

/// Fails in every run; the status tells nothing.
async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

/// Writes a status that differs in every run, and then fails.
async fn writes_and_fails(thing: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Oops> {
    write_status(&thing, &things, Phase::Failed).await;
    Err(Oops("no quota"))
}

/// Fails while the flag is up.
fn fails_while(broken: &Arc<AtomicBool>) -> impl Fn(Arc<Thing>, Api<Thing>) -> futures::future::Ready<Answer> + use<> {
    let broken = broken.clone();
    move |_, _| {
        let broken = broken.load(Ordering::SeqCst);
        futures::future::ready(if broken {
            Err(Oops("no quota"))
        } else {
            Ok(Phase::Ready.into())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_error_starts_the_failing_clock_and_the_backoff_grows_with_it() {
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 150.0, 310.0, 610.0, 910.0]);
}

#[tokio::test(start_paused = true)]
async fn a_success_stops_the_failing_clock() {
    let broken = Arc::new(AtomicBool::new(true));
    let world = World::new(fails_while(&broken));
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(60.0).await;
    broken.store(false, Ordering::SeqCst);
    world.until(90.0).await;
    broken.store(true, Ordering::SeqCst);
    world.until(135.0).await;
    // Recovered at 70 s, ready for 30 s, and from 100 s on a new outage with a first delay of 10 s.
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 100.0, 110.0, 130.0]);
}

#[tokio::test(start_paused = true)]
async fn an_ok_that_reports_failed_backs_off_as_an_error_does() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        write_status(&thing, &things, Phase::Failed).await;
        Ok(Phase::Failed)
    });
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(400.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 150.0, 310.0]);
}

#[tokio::test(start_paused = true)]
async fn a_status_write_inside_the_backoff_does_not_run_early() {
    let world = World::new(writes_and_fails);
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(15.0).await;
    patch_status(&world.things, "a", json!({ "message": "another controller's" })).await;
    world.until(400.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 150.0, 310.0]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_by_an_event_inside_the_backoff_adds_nothing_to_it() {
    // kubernetes/kubernetes#132805: a count of failures would be 25 ahead.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy(
        "{ error: { initial: 10s, factor: 2, max: 5m }, rate_limit: off }",
    ));
    for change in 0..25 {
        world.until(35.0 + f64::from(change)).await;
        world.set_value(change.into()).await;
        world.set_value((100 + change).into()).await;
    }
    world.until(400.0).await;
    let by_timer: Vec<_> = world
        .times()
        .into_iter()
        .filter(|at| *at < 35.0 || *at > 60.0)
        .collect();
    assert_eq!(by_timer, [0.0, 10.0, 30.0, 70.0, 150.0, 310.0]);
    assert!(world.times().len() >= 25 + by_timer.len(), "the events did not run");
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_backoff_that_the_status_carries() {
    let world = World::new(fails);
    world.create("a").await;
    world
        .patch_status(json!({ "phase": "Failed", "since": wall_clock() }))
        .await;
    // The controller starts 100 s into the outage, with an empty memory.
    world.until(100.0).await;
    world.start(policy(BACKOFF));
    world.until(1000.0).await;
    let times = world.times();
    assert_eq!(times[0], 100.0);
    // 10 s + 100 s, give or take the milliseconds between a test's reading of the clock and the crate's.
    assert!((times[1] - 210.0).abs() < 0.1, "{times:?}");
    assert!((times[2] - times[1] - 220.0).abs() < 0.1, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn all_requeuers_of_a_process_agree_on_the_time_and_it_is_tokios() {
    let first = requeuer(RequeueConfig::default());
    let start = first.now();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let second = requeuer(RequeueConfig::default());
    assert_eq!(
        first.now().duration_since(start).expect("time goes on"),
        Duration::from_secs(1000)
    );
    let (first, second) = (first.now(), second.now());
    let apart = first.max(second).duration_since(first.min(second)).expect("sorted");
    assert!(apart < Duration::from_millis(1), "{apart:?}");
}

#[tokio::test(start_paused = true)]
async fn the_older_of_the_memory_and_the_status_counts_while_failed() {
    // The status says that the failure began just now, in every run: a common mistake, which must not reset the backoff.
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        patch_status(
            &things,
            &thing.name_any(),
            json!({ "phase": "Failed", "since": wall_clock() }),
        )
        .await;
        Err::<Phase, _>(Oops("no quota"))
    });
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(400.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 150.0, 310.0]);
}

#[tokio::test(start_paused = true)]
async fn a_phase_change_starts_the_new_phases_clock_at_zero() {
    // Initializing for 100 s, then failing.
    let world = World::new(|thing: Arc<Thing>, _| async move {
        if thing.spec.value == 0 {
            Ok(Phase::Initializing)
        } else {
            Err(Oops("no quota"))
        }
    });
    world.create("a").await;
    world.start(policy(
        "{ initialization: { initial: 5s, factor: 2, max: 10m }, error: { initial: 10s, factor: 2, max: 5m } }",
    ));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 15.0, 35.0, 75.0]);
    world.set_value(1).await;
    world.until(180.0).await;
    assert_eq!(world.times()[5..], [100.0, 110.0, 130.0, 170.0]);
    // And back.
    world.set_value(0).await;
    world.until(200.0).await;
    assert_eq!(world.times()[9..], [180.0, 185.0, 195.0]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed() {
    let world = World::new(fails);
    world.create("a").await;
    let requeue = requeuer(policy(BACKOFF)).on_error(|_: &Oops| Retry::After(Duration::from_secs(7)));
    world.start_with(&requeue);
    world.until(30.0).await;
    assert_eq!(world.times(), [0.0, 7.0, 14.0, 21.0, 28.0]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_zero_is_held_to_the_rate_limit() {
    let world = World::new(fails);
    world.create("a").await;
    let requeue = requeuer(RequeueConfig::default()).on_error(|_: &Oops| Retry::After(Duration::ZERO));
    world.start_with(&requeue);
    world.until(60.0).await;
    assert!(
        world.times().len() >= 59 && world.times().len() <= 61,
        "{} runs",
        world.times().len()
    );
}

#[tokio::test(start_paused = true)]
async fn retry_never_awaits_a_change() {
    let world = World::new(writes_and_fails);
    world.create("a").await;
    let requeue = requeuer(policy(BACKOFF)).on_error(|_: &Oops| Retry::Never);
    world.start_with(&requeue);
    world.until(86_400.0).await;
    assert_eq!(world.times(), [0.0]);
    world.set_value(1).await;
    world.until(90_000.0).await;
    assert_eq!(world.times(), [0.0, 86_400.0]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_apart() {
    let calls = Arc::new(AtomicUsize::new(0));
    let world = World::new(move |_, _| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        async move { Err::<Phase, _>(Oops(if call < 2 { "throttled" } else { "no quota" })) }
    });
    world.create("a").await;
    let requeue = requeuer(policy(BACKOFF)).on_error(|error: &Oops| match error.0 {
        "throttled" => Retry::After(Duration::from_secs(3)),
        _ => Retry::Backoff,
    });
    world.start_with(&requeue);
    world.until(30.0).await;
    // The third failure comes 6 s into the outage: 10 s + 6 s.
    assert_eq!(world.times(), [0.0, 3.0, 6.0, 22.0]);
}

#[tokio::test(start_paused = true)]
async fn past_deadline_only_a_change_starts_a_run_and_at_once() {
    let world = World::new(writes_and_fails);
    world.create("a").await;
    world.start(policy("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 1m } }"));
    world.until(5000.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0]);
    world.set_value(1).await;
    world.until(5001.0).await;
    assert_eq!(world.times()[4..], [5000.0]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_may_carry_its_own_requeue_and_unit_reads_the_phase_from_the_object() {
    let world = World::new(|_, _| async { Ok(Requeue::After(Duration::from_secs(90))) });
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(5.0).await;
    // A status write does not shorten the wish.
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 90.0, 180.0]);

    // With a phase it is a report, too: what comes back is no news.
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        write_status(&thing, &things, Phase::Ready).await;
        Ok((Phase::Ready, Requeue::After(Duration::from_secs(90))))
    });
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 90.0, 180.0]);

    let world = World::new(|_, _| async { Ok(Requeue::AwaitChange) });
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(20_000.0).await;
    assert_eq!(world.times(), [0.0]);

    let world = World::new(|_, _| async { Ok(()) });
    world.create("a").await;
    world.patch_status(json!({ "phase": "Ready" })).await;
    world.start(RequeueConfig::default());
    world.until(70.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_refused_never_starts() {
    let refused = RequeueConfig {
        error: requeue_policy::Interval::constant(Duration::ZERO),
        ..RequeueConfig::default()
    };
    let error = requeue_policy::kube::Requeuer::new(refused).expect_err("a zero interval");
    assert_eq!(
        error.to_string(),
        "error.initial: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit"
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_inside_the_backoff_too() {
    let world = World::new(|thing: Arc<Thing>, _| async move {
        Err::<Phase, _>(Oops(if thing.spec.value == 1 { "throttled" } else { "no quota" }))
    });
    world.create("a").await;
    let requeue = requeuer(policy("{ error: 100s }")).on_error(|error: &Oops| match error.0 {
        "throttled" => Retry::After(Duration::from_secs(200)),
        _ => Retry::Backoff,
    });
    world.start_with(&requeue);
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(300.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 205.0]);
}

#[tokio::test(start_paused = true)]
async fn again_at_once_is_not_lost_to_the_own_status_write() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        write_status(&thing, &things, Phase::Ready).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(Requeue::After(Duration::ZERO))
    });
    world.create("a").await;
    world.start(policy("{ rate_limit: { max: 3, within: 1h } }"));
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 0.01, 0.02]);
}

/// A reconciler for which "busy" is due every second, so that the memory is swept.
fn beside_a_busy_object<F: Future<Output = Result<Outcome, Oops>> + Send + 'static>(
    reconcile: impl Fn(Arc<Thing>, Api<Thing>) -> F + Send + Sync + 'static,
) -> impl Fn(Arc<Thing>, Api<Thing>) -> futures::future::BoxFuture<'static, Answer> + Send + Sync + 'static {
    move |thing, things| {
        if thing.name_any() == "busy" {
            return Box::pin(async { Ok(Requeue::After(Duration::from_secs(1)).into()) });
        }
        Box::pin(reconcile(thing, things))
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_longer_than_the_memorys_patience_is_remembered_when_it_ends() {
    let world = World::new(beside_a_busy_object(
        |thing: Arc<Thing>, things: Api<Thing>| async move {
            tokio::time::sleep(Duration::from_secs(600)).await;
            write_status(&thing, &things, Phase::Ready).await;
            Ok(Phase::Ready.into())
        },
    ));
    world.create("a").await;
    world.create("busy").await;
    world.start(RequeueConfig::default());
    world.until(1300.0).await;
    assert_eq!(world.times(), [0.0, 630.0, 1260.0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_awaits_a_change_is_remembered_while_it_is_heard_of() {
    let world = World::new(beside_a_busy_object(|_, _| async { Ok(Requeue::AwaitChange.into()) }));
    world.create("a").await;
    world.create("busy").await;
    world.start(RequeueConfig::default());
    for write in 1..=60 {
        world.until(f64::from(write) * 50.0).await;
        world.patch_status(json!({ "message": format!("{write}") })).await;
    }
    assert_eq!(world.times(), [0.0]);
}
