//! Where users of other systems find something else, and what belongs to no single one of them.

use crate::world::{Answer, Oops, Thing, World, policy};
use kube::Api;
use requeue_policy::{Interval, Outcome, Phase, Requeue};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_counts_one_object_only() {
    let world = World::new(crate::world::ready);
    for name in ["a", "b", "c"] {
        world.create(name).await;
    }
    world.start(policy("{ default: 10m, rate_limit: { burst: 2, every: 60s } }"));
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    world.set_value(2).await;
    // "a" has used up its own; the others have not.
    for name in ["b", "c"] {
        let patch = kube::api::Patch::Merge(json!({ "spec": { "value": 1 } }));
        let patched = world.things.patch(name, &Default::default(), &patch).await;
        patched.expect("a thing is patched");
    }
    world.until(70.0).await;
    assert_eq!(world.times_of("a"), [0.0, 1.0, 60.0]);
    assert_eq!(world.times_of("b"), [0.0, 2.0]);
    assert_eq!(world.times_of("c"), [0.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn a_number_of_attempts_is_a_deadline_at_the_sum_of_their_delays() {
    let backoff = Interval::constant(Duration::from_secs(2))
        .with_factor(1.5)
        .with_max(Duration::from_secs(60));
    for retries in 1..=10 {
        let deadline = backoff.delays().take(retries).sum();
        assert_eq!(backoff.with_deadline(deadline).delays().take(100).count(), retries);

        let world = World::new(fails);
        world.create("a").await;
        world.start(policy("{}").with_error(backoff.with_deadline(deadline)));
        world.until(10_000.0).await;
        assert_eq!(world.times().len(), 1 + retries);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_labels_or_annotations_runs_at_once_too() {
    // Flux: reconcile.fluxcd.io/requestedAt; Crossplane: crossplane.io/reconcile-requested-at
    let world = World::new(crate::world::ready);
    world.create("a").await;
    world.start(policy("{ default: 10m }"));
    for (at, metadata) in [
        (
            5.0,
            json!({ "annotations": { "reconcile.fluxcd.io/requestedAt": "1" } }),
        ),
        (
            7.0,
            json!({ "annotations": { "reconcile.fluxcd.io/requestedAt": "2" } }),
        ),
        (9.0, json!({ "labels": { "team": "storage" } })),
    ] {
        world.until(at).await;
        world.patch(json!({ "metadata": metadata })).await;
    }
    // What is there already is no change.
    world.until(11.0).await;
    world
        .patch(json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "2" } } }))
        .await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 7.0, 9.0]);
}

#[tokio::test(start_paused = true)]
async fn the_delay_counts_from_the_end_of_the_run() {
    // kopf's timers, sharp=False; a sharp one would run at 0, 10, 20, 30.
    let world = World::new(|_, _| async {
        sleep(Duration::from_secs(3)).await;
        Ok(Phase::Ready)
    });
    world.create("a").await;
    world.start(policy("{ default: 10s }"));
    world.until(30.0).await;
    assert_eq!(world.times(), [0.0, 13.0, 26.0]);
    // Of any run, also of one that an event started.
    world.set_value(1).await;
    world.until(50.0).await;
    assert_eq!(world.times(), [0.0, 13.0, 26.0, 30.0, 43.0]);
}

#[tokio::test(start_paused = true)]
async fn a_wish_is_not_jittered() {
    // Flux: spec.interval belongs to the object, and its jitter to the controller.
    let world = World::new(|_, _| async { Ok(Phase::Ready.after(Duration::from_secs(60))) });
    world.create("a").await;
    world.start(policy("{ default: { initial: 60s, jitter: 0.5 } }"));
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 60.0, 120.0, 180.0]);

    let world = World::new(crate::world::ready);
    world.create("a").await;
    world.start(policy("{ default: { initial: 60s, jitter: 0.5 } }"));
    world.until(200.0).await;
    assert_ne!(world.times()[..4], [0.0, 60.0, 120.0, 180.0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_suspended_by_awaiting_a_change() {
    // Flux: spec.suspend, here a value below zero; Crossplane: crossplane.io/paused
    let world = World::new(|thing: Arc<Thing>, _| async move {
        let outcome: Answer = match thing.spec.value {
            ..0 => Ok(Outcome::from(Requeue::AwaitChange)),
            _ => Ok(Outcome::from(Phase::Ready)),
        };
        outcome
    });
    world.create("a").await;
    world.start(policy("{}"));
    world.until(45.0).await;
    world.set_value(-1).await;
    // A status write does not wake it, nor does time.
    world.until(1000.0).await;
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.until(100_000.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 45.0]);
    world.set_value(0).await;
    world.until(100_040.0).await;
    assert_eq!(world.times()[3..], [100_000.0, 100_030.0]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_interval_of_the_objects_own_is_a_wish() {
    // Flux: spec.retryInterval, by an Ok as Flux does it; controller-runtime: RequeueAfter next to a failure that it
    // does not return
    let world = World::new(|_, _| async { Ok(Phase::Failed.after(Duration::from_secs(120))) });
    world.create("a").await;
    world.start(policy("{ error: { initial: 10s, factor: 2, max: 5m } }"));
    world.until(400.0).await;
    assert_eq!(world.times(), [0.0, 120.0, 240.0, 360.0]);
    // It is an outage all the same, logged once.
    assert_eq!(world.lines.visible().len(), 1, "{:?}", world.lines.visible());
}
