//! What follows from errors.

use crate::world::{Oops, Thing, World, patch_status, policy, requeuer, wall_clock, write_status};
use kube::{Api, ResourceExt};
use requeue_policy::{Phase, Requeue, RequeueConfig, Retry};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const BACKOFF: &str = "{ error: { initial: 10s, factor: 2, max: 5m } }";

/// Fails in every run; the status tells nothing.
async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

#[tokio::test(start_paused = true)]
async fn twenty_five_events_inside_the_backoff_add_nothing_to_it() {
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
async fn time_is_tokios_clock_on_top_of_the_wall_clock_that_the_process_started_with() {
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
async fn the_older_of_the_memorys_clock_and_the_statuss_own_counts_while_failed() {
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
async fn errors_are_told_apart_by_the_reconcilers_own_type() {
    let calls = Arc::new(AtomicUsize::new(0));
    let world = World::new(move |_, _| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        async move { Err::<Phase, _>(Oops(if call < 2 { "throttled" } else { "no quota" })) }
    });
    world.create("a").await;
    let world = world.classify(|error| match error.0 {
        "throttled" => Retry::After(Duration::from_secs(3)),
        _ => Retry::Backoff,
    });
    world.start(policy(BACKOFF));
    world.until(50.0).await;
    // A failure with a delay of its own does not age the backoff: it starts from 10 s.
    assert_eq!(world.times(), [0.0, 3.0, 6.0, 16.0, 36.0]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_refused_never_starts() {
    let refused = RequeueConfig::default().with_error(Duration::ZERO);
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
    let world = world.classify(|error| match error.0 {
        "throttled" => Retry::After(Duration::from_secs(200)),
        _ => Retry::Backoff,
    });
    world.start(policy("{ error: 100s }"));
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
    world.start(policy("{ rate_limit: { burst: 3, every: 1h } }"));
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 0.01, 0.02]);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_is_known_to_the_reconciler() {
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 1m } }"));
    let outages = Arc::new(Mutex::new(vec![]));
    let world = World::new({
        let (requeue, outages) = (requeue.clone(), outages.clone());
        move |thing: Arc<Thing>, things: Api<Thing>| {
            let (requeue, outages) = (requeue.clone(), outages.clone());
            async move {
                if thing.spec.value == 1 {
                    return Ok(Phase::Ready);
                }
                let outage = requeue.outage(&*thing);
                let seen = (outage.elapsed.as_secs(), outage.attempts, outage.is_last);
                outages.lock().expect("no run panics").push(seen);
                write_status(&thing, &things, Phase::Failed).await;
                Err(Oops("no quota"))
            }
        }
    });
    world.create("a").await;
    world.start_with(&requeue);
    world.until(1000.0).await;
    world.set_value(1).await;
    world.until(1005.0).await;
    world.set_value(2).await;
    world.until(1016.0).await;
    // The last attempt patched the status, which may have hidden another's write: one more follows.
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 370.0, 1000.0, 1005.0, 1015.0]);
    let expected = [
        (0, 0, false),
        (10, 1, false),
        (30, 2, false),
        (70, 3, true),
        (370, 3, true),
        (0, 0, false),
        (10, 1, false),
    ];
    assert_eq!(*outages.lock().expect("no run panics"), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_the_status_tells_is_known_before_the_first_run() {
    let world = World::new(fails);
    world.create("a").await;
    world
        .patch_status(json!({ "phase": "Failed", "since": wall_clock() }))
        .await;
    world.until(100.5).await;
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 90s } }"));
    let thing = world.things.get("a").await.expect("it is there");
    let outage = requeue.outage(&thing);
    assert_eq!(
        (outage.elapsed.as_secs(), outage.attempts, outage.is_last),
        (100, 3, true)
    );
    assert_eq!(outage.since + outage.elapsed, requeue.now());
    assert_eq!(requeue.tracked(), 0, "asking leaves no trace");
}
