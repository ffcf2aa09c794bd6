//! What an operator overrides for one object, by annotation.

use crate::world::{Oops, Thing, World, policy, ready, requeuer, things, writes_status};
use kube::Api;
use requeue_policy::{
    Phase,
    kube::{Overrides, Requeuer},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;
use tracing::Level;

const EVERY: &str = "example.com/every";
pub(crate) const PAUSED: &str = "example.com/paused";

pub(crate) fn with_overrides(yaml: &str) -> Requeuer {
    requeuer(policy(yaml)).overrides(Overrides::new().interval(EVERY).paused(PAUSED))
}

pub(crate) async fn annotate(world: &World, key: &str, value: impl Into<Value>) {
    world
        .patch(json!({ "metadata": { "annotations": { key: value.into() } } }))
        .await;
}

pub(crate) async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

fn refused(value: &str) -> String {
    format!(
        "an annotation is refused, the policy applies kind=Thing object=default/a \
         refused={EVERY}: {value:?} is not allowed, it must be a duration from 1s to 180days"
    )
}

#[tokio::test(start_paused = true)]
async fn an_interval_by_annotation_holds_after_a_ready_run_until_it_is_removed() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 60s }"));
    world.until(5.0).await;
    annotate(&world, EVERY, "7s").await;
    world.until(20.0).await;
    annotate(&world, EVERY, Value::Null).await;
    world.until(85.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 12.0, 19.0, 20.0, 80.0]);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_object_keeps_the_policys_interval() {
    let world = World::new(fails);
    world.create("a").await;
    annotate(&world, EVERY, "2s").await;
    world.start_with(&with_overrides("{ error: 10s }"));
    world.until(25.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);

    let world = World::new(|_, _| async { Ok::<_, Oops>(Phase::Initializing) });
    world.create("a").await;
    annotate(&world, EVERY, "2s").await;
    world.start_with(&with_overrides("{ initialization: 10s }"));
    world.until(25.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);
}

#[tokio::test(start_paused = true)]
async fn a_runs_own_wish_wins_over_the_annotation() {
    let world = World::new(|_, _| async { Ok(Phase::Ready.after(Duration::from_secs(9))) });
    world.create("a").await;
    annotate(&world, EVERY, "2s").await;
    world.start_with(&with_overrides("{}"));
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 9.0, 18.0]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_override_is_logged_once_per_change_and_the_policys_own_holds() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(5.0).await;
    annotate(&world, EVERY, "often").await;
    world.until(100.0).await;
    // The reconcile by the change, timers, and status writes: one line.
    assert_eq!(world.times(), [0.0, 5.0, 35.0, 65.0, 95.0]);
    assert_eq!(world.lines.of(Level::WARN), [refused("often")]);
    // Shorter than the rate limit's pace.
    annotate(&world, EVERY, "999ms").await;
    world.until(140.0).await;
    assert_eq!(world.times()[5..], [100.0, 130.0]);
    assert_eq!(world.lines.of(Level::WARN), [refused("often"), refused("999ms")]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_override_is_logged_once_while_the_rate_limit_throttles() {
    let world = World::new(ready);
    world.create("a").await;
    world.start_with(&with_overrides(
        "{ default: 10m, rate_limit: { burst: 1, every: 60s } }",
    ));
    world.until(1.0).await;
    annotate(&world, EVERY, "often").await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 60.0]);
    let lines = world.lines.of(Level::WARN);
    assert_eq!(
        lines.iter().filter(|line| line.contains("refused")).count(),
        1,
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_generation_a_bad_override_is_not_logged_with_every_status_write() {
    let world = World::with(things().without_generation(), writes_status);
    world.create("a").await;
    annotate(&world, EVERY, "often").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(60.0).await;
    let lines = world.lines.of(Level::WARN);
    assert_eq!(
        lines.iter().filter(|line| line.contains("refused")).count(),
        1,
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_a_run_of_a_paused_object_and_a_resume_runs_at_once() {
    let world = World::new(writes_status);
    let parent = world.create("a").await;
    world.create_child(&parent).await;
    world
        .patch(json!({ "metadata": { "finalizers": ["example.com/f"] } }))
        .await;
    let requeue = with_overrides("{ default: 30s }");
    world.start_owning(&requeue);
    world.until(5.0).await;
    let before = world.times();
    annotate(&world, PAUSED, "true").await;
    world.until(6.0).await;
    world.set_value(1).await;
    world.until(7.0).await;
    world.change_child("changed").await;
    world.until(8.0).await;
    world
        .things
        .delete("a", &Default::default())
        .await
        .expect("it is there");
    world.until(36_000.0).await;
    assert_eq!(world.times(), before);
    let paused = "INFO paused by an annotation kind=Thing object=default/a";
    assert_eq!(world.lines.visible(), [paused]);
    annotate(&world, PAUSED, Value::Null).await;
    world.until(36_001.0).await;
    assert_eq!(world.times()[before.len()..], [36_000.0]);
}

#[tokio::test(start_paused = true)]
async fn a_resume_to_what_the_last_reconcile_saw_is_a_reason_of_its_own() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 10m }"));
    world.until(5.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(9.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 9.0]);
    assert_eq!(
        world.lines.of(Level::INFO)[1..],
        ["resumed kind=Thing object=default/a"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_run_what_is_paused() {
    let world = World::new(writes_status);
    world.create("a").await;
    annotate(&world, PAUSED, "true").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0; 0]);
    annotate(&world, PAUSED, "false").await;
    world.until(101.0).await;
    assert_eq!(world.times(), [100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_during_which_the_object_is_paused_ends_and_nothing_follows() {
    let world = World::new(|thing, things| async move {
        sleep(Duration::from_secs(2)).await;
        writes_status(thing, things).await
    });
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(1.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(500.0).await;
    assert_eq!((world.times(), world.server.status_writes()), (vec![0.0], 1));
}

#[tokio::test(start_paused = true)]
async fn a_bad_pause_is_refused_and_does_not_pause() {
    let world = World::new(writes_status);
    world.create("a").await;
    annotate(&world, PAUSED, "yes").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(40.0).await;
    assert_eq!(world.times(), [0.0, 30.0]);
    let line = "an annotation is refused, the policy applies kind=Thing object=default/a \
                refused=example.com/paused: \"yes\" is not allowed, it must be true or false";
    assert_eq!(world.lines.of(Level::WARN), [line]);
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_an_outage_goes_on_while_the_object_is_paused() {
    let world = World::new(fails);
    world.create("a").await;
    world.start_with(&with_overrides("{ error: { initial: 10s, factor: 2, max: 5m } }"));
    world.until(35.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(100.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(215.0).await;
    // 100 s into the outage: 10 s + 100 s.
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 100.0, 210.0]);
}

#[tokio::test(start_paused = true)]
async fn without_keys_the_annotations_are_a_change_and_nothing_else() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(5.0).await;
    world
        .patch(json!({ "metadata": { "annotations": { EVERY: "2s", PAUSED: "true" } } }))
        .await;
    world.until(40.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 35.0]);
}
