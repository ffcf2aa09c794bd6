//! Which triggers run at once and which are postponed.

use crate::world::{Thing, World, policy, ready, requeuer, write_status, writes_status};
use kube::Api;
use requeue_policy::{Phase, RequeueConfig};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_hot_loop_by_status_dies() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0]);
    assert_eq!(world.server.status_writes(), 4);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn postponed_triggers_are_trace() {
    let world = World::new(ready);
    world.create("a").await;
    world.start(RequeueConfig::default());
    for second in 1..=20 {
        world.until(f64::from(second)).await;
        world.patch_status(json!({ "message": format!("{second}") })).await;
    }
    world.until(50.0).await;
    assert_eq!(world.times(), [0.0, 30.0]);
    assert_eq!(
        world
            .lines
            .of(Level::TRACE)
            .iter()
            .filter(|line| line.starts_with("postponed"))
            .count(),
        20
    );
}

#[tokio::test(start_paused = true)]
async fn whatever_else_changes_runs_at_once() {
    let changes = [
        ("generation", json!({ "spec": { "value": 1 } })),
        ("labels", json!({ "metadata": { "labels": { "a": "b" } } })),
        ("annotations", json!({ "metadata": { "annotations": { "a": "b" } } })),
        (
            "finalizers",
            json!({ "metadata": { "finalizers": ["example.com/finalizer"] } }),
        ),
        ("owner references", json!(null)),
        ("phase", json!({ "status": { "phase": "Failed" } })),
        ("fingerprint", json!({ "status": { "token": "new" } })),
    ];
    for (what, change) in changes {
        let world = World::new(writes_status);
        world.create("a").await;
        world.start(RequeueConfig::default());
        world.until(5.0).await;
        match change.get("status") {
            _ if change.is_null() => world.add_owner().await,
            Some(status) => world.patch_status(status.clone()).await,
            None => world.patch(change).await,
        }
        world.until(34.0).await;
        assert_eq!(world.times(), [0.0, 5.0], "{what}");
        // And a change that is no change does not.
        world.patch(json!({ "metadata": { "labels": {} } })).await;
        world.until(36.0).await;
        assert_eq!(world.times(), [0.0, 5.0, 35.0], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_has_used_its_burst_waits_for_the_next_token_and_one_line_says_that_it_loops() {
    let world = World::new(ready);
    world.create("a").await;
    world.start(policy("{ default: 60s, rate_limit: { burst: 4, every: 2s } }"));
    for change in 1..=900_i32 {
        world.until(f64::from(change) / 10.0).await;
        world.set_value(change.into()).await;
    }
    world.until(100.0).await;
    let times = world.times();
    assert_eq!(times[..8], [0.0, 0.1, 0.2, 0.3, 2.0, 4.0, 6.0, 8.0]);
    for pair in times[4..].windows(2) {
        assert!(pair[1] - pair[0] >= 2.0 - 0.01, "{pair:?}");
    }
    assert_eq!(
        world.runs().last().expect("it ran").value,
        900,
        "the last change was lost"
    );
    let warnings = world.lines.of(Level::WARN);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("reconcile loop detected, throttling kind=Thing object=default/a burst=4 every=2s"),
        "{warnings:?}"
    );

    // After a rest it is an object like any other, and a second loop is a second line.
    for change in 0..900 {
        world.until(150.0 + f64::from(change) / 10.0).await;
        world.set_value(1000 + i64::from(change)).await;
    }
    assert_eq!(world.lines.of(Level::WARN).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_rate_limit_holds_back_is_not_lost_when_a_status_write_follows() {
    let world = World::new(writes_status);
    let parent = world.create("a").await;
    world.create_child(&parent).await;
    let requeue = requeuer(policy("{ default: 10m, rate_limit: { burst: 2, every: 20s } }"));
    world.start_owning(&requeue);
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    world.change_child("one too many").await;
    world.until(3.0).await;
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 1.0, 20.0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_held_back_still_runs_when_it_is_due() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start(policy("{ default: 30s, rate_limit: { burst: 2, every: 100s } }"));
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    world.set_value(2).await;
    world.until(60.0).await;
    assert_eq!(world.times(), [0.0, 1.0, 31.0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_off_is_made_up_for_by_the_next_controller() {
    let hangs = Arc::new(AtomicBool::new(false));
    let world = World::new({
        let hangs = hangs.clone();
        move |thing: Arc<Thing>, things: Api<Thing>| {
            let hangs = hangs.load(Ordering::SeqCst);
            async move {
                if hangs {
                    sleep(Duration::from_secs(3600)).await;
                }
                write_status(&thing, &things, Phase::Ready).await;
                Ok(Phase::Ready)
            }
        }
    });
    world.create("a").await;
    // One requeuer for both controllers: the memory says that the change was seen.
    let requeue = requeuer(RequeueConfig::default());
    let first = world.start_with(&requeue);
    world.until(5.0).await;
    hangs.store(true, Ordering::SeqCst);
    world.set_value(1).await;
    world.until(6.0).await;
    first.abort();
    hangs.store(false, Ordering::SeqCst);
    // So that the cause does not look like a timer.
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.start_with(&requeue);
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 6.0]);
}

#[tokio::test(start_paused = true)]
async fn a_day_of_a_hundred_objects_costs_what_the_interval_says() {
    let world = World::new(writes_status);
    for n in 0..100 {
        world.create(&format!("n{n}")).await;
    }
    // Jittered, as a user would; the rate stays that of the interval.
    world.start(policy("{ default: { initial: 5m, jitter: 0.2 } }"));
    world.until(24.0 * 3600.0).await;
    let runs = world.runs().len();
    // 288 intervals, the start, and less than one more for the way to the slot.
    assert!((100 * 288..=100 * 290).contains(&runs), "{runs} runs");
    let requests = world.server.requests();
    assert_eq!(requests.patch_status, runs as u64);
    // One list, one watch, and a watch anew every 290 s.
    assert!(
        requests.total - requests.patch_status <= 2 + 24 * 3600 / 290 + 1,
        "{requests:?}"
    );
}
