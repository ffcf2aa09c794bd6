//! What the phase of the status, annotations and pauses do together.

use crate::world::{Oops, Thing, World, patch_status, policy, requeuer, wall_clock};
use kube::{Api, ResourceExt};
use requeue_policy::{Outcome, Phase, kube::Overrides};
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_unit_never_starts_an_outage() {
    let world = World::new(async |thing: Arc<Thing>, _| match thing.spec.value {
        0 => Ok(()),
        _ => Err(Oops("no quota")),
    });
    world.create("a").await;
    patch_status(&world.things, "a", json!({ "phase": "Failed" })).await;
    let requeue = requeuer(policy("{ error: { initial: 10s, deadline: 55s } }"));
    world.start_with(&requeue);
    world.until(35.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0, 30.0]);
    assert_eq!(requeue.failing(), 0);
    assert_eq!(world.lines.visible(), [""; 0]);
    world.set_value(1).await;
    world.until(36.0).await;
    let failed = world.lines.of(Level::WARN);
    assert_eq!(failed.len(), 1, "the first error is said: {failed:?}");
    assert_eq!(requeue.failing(), 1);
    // Its outage is its own: the deadline counts from the first error.
    world.until(88.0).await;
    assert_eq!(world.times()[4..], [35.0, 45.0, 55.0, 65.0, 75.0, 85.0]);
}

/// Found by the exhaustive check.
#[tokio::test(start_paused = true)]
async fn what_its_status_alone_has_given_up_recovers() {
    let world = World::new(async |thing: Arc<Thing>, _| match thing.spec.value {
        0 => Ok(Outcome::from(())),
        1 => Err(Oops("no quota")),
        _ => Ok(Phase::Ready.into()),
    });
    world.create("a").await;
    let since = wall_clock();
    patch_status(&world.things, "a", json!({ "phase": "Failed", "since": since })).await;
    world.start(policy("{ error: { initial: 10s, deadline: 15s } }"));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);
    assert_eq!(world.lines.of(Level::ERROR).len(), 1, "given up by its status");
    world.set_value(1).await;
    world.until(101.0).await;
    assert_eq!(
        world.lines.visible().len(),
        1,
        "an error changes nothing in it: {:?}",
        world.lines.visible()
    );
    world.set_value(2).await;
    world.until(102.0).await;
    let recovered = world.lines.of(Level::INFO);
    assert_eq!(recovered.len(), 1, "{recovered:?}");
    assert!(recovered[0].starts_with("recovered"), "{recovered:?}");
}

/// Found by the exhaustive check: it was a WARN line and a timer.
#[tokio::test(start_paused = true)]
async fn an_error_of_what_is_gone_by_then_is_no_failure() {
    let world = World::new(async |_, _| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err::<Phase, _>(Oops("404 Not Found"))
    });
    world.create("a").await;
    let requeue = requeuer(policy("{}"));
    let yields = world.count_yields(&requeue);
    world.until(1.0).await;
    world.things.delete("a", &Default::default()).await.expect("deleted");
    world.until(100.0).await;
    assert_eq!(world.lines.visible(), [""; 0]);
    assert_eq!(yields.load(Ordering::Relaxed), 1, "a timer of it went on");
    assert_eq!((requeue.failing(), requeue.tracked()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_interval_by_annotation_holds_for_a_unit_too() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let phase = if thing.spec.value == 0 { "Ready" } else { "Failed" };
        patch_status(&things, &thing.name_any(), json!({ "phase": phase })).await;
        Ok::<_, Oops>(())
    });
    world.create("a").await;
    let every = json!({ "metadata": { "annotations": { "every": "7s" } } });
    world.patch(every).await;
    let overrides = Overrides::new().interval("every");
    world.start_with(&requeuer(policy("{ error: 20s }")).overrides(overrides));
    world.until(20.0).await;
    let seconds = |world: &World| world.times().iter().map(|time| time.round()).collect::<Vec<_>>();
    assert_eq!(seconds(&world), [0.0, 7.0, 14.0]);
    world.set_value(1).await;
    world.until(50.0).await;
    assert_eq!(seconds(&world)[3..], [20.0, 40.0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_and_then_paused_is_reconciled_when_it_is_resumed() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    world.create("a").await;
    let overrides = Overrides::new().paused("paused");
    let policy = policy("{ default: 1h, rate_limit: { burst: 1, every: 60s } }");
    world.start_with(&requeuer(policy).overrides(overrides));
    let paused = |value: serde_json::Value| json!({ "metadata": { "annotations": { "paused": value } } });
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    world.patch(paused(json!("true"))).await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0]);
    world.patch(paused(json!(null))).await;
    world.until(101.0).await;
    assert_eq!(world.times(), [0.0, 100.0]);
    // A resume that is throttled itself is said once.
    world.patch(paused(json!("true"))).await;
    world.until(102.0).await;
    world.patch(paused(json!(null))).await;
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 100.0, 160.0]);
    let lines = world.lines.of(Level::INFO);
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("resumed")).count(),
        2,
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_echo_of_a_status_write_hides_no_label_of_someone_else() {
    // A patch that changes nothing returns another's version, which the watch has not delivered yet.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        patch_status(&things, &thing.name_any(), json!({ "phase": "Ready" })).await;
        Ok::<_, Oops>(Phase::Ready)
    });
    let requeue = requeuer(policy("{ default: 1h }"));
    let thing = world.create("a").await;
    world.start_with(&requeue);
    world.until(5.0).await;
    world.server.set_watch_lag(std::time::Duration::from_secs(1));
    world.until(10.0).await;
    world.patch(json!({ "metadata": { "labels": { "a": "b" } } })).await;
    world.until(10.2).await;
    requeue.nudge(&kube::runtime::reflector::ObjectRef::from_obj(&thing));
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 10.2, 11.0]);
}
