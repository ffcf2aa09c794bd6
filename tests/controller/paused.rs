//! An object that an annotation pauses: what triggers it meanwhile, and what a resume makes of it.

use crate::{
    overrides::{PAUSED, annotate, fails, with_overrides},
    world::{Thing, World, policy, ready, requeuer, things, writes_status},
};
use futures::channel::mpsc;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::kube::{Overrides, Requeuer};
use serde_json::{Value, json};
use tracing::Level;

/// A world and what an application holds of it.
struct Operated {
    world: World,
    requeue: Requeuer,
    triggers: mpsc::UnboundedSender<ObjectRef<Thing>>,
}

/// When "a" ran after its start, if `event` comes at 50 s: paused from 5 s to 100 s, or not at all.
async fn runs(is_paused: bool, event: impl AsyncFnOnce(&Operated)) -> Vec<f64> {
    let world = World::new(ready);
    let parent = world.create("a").await;
    world.create_child(&parent).await;
    let requeue = with_overrides("{ default: 1h }");
    let children = Api::<ConfigMap>::default_namespaced(world.client());
    let (triggers, received) = mpsc::unbounded();
    let controller = world
        .controller(&requeue)
        .owns(children, watcher::Config::default())
        .reconcile_on(received);
    world.spawn(controller, &requeue);
    world.until(5.0).await;
    if is_paused {
        annotate(&world, PAUSED, "true").await;
    }
    world.until(50.0).await;
    let operated = Operated {
        world,
        requeue,
        triggers,
    };
    event(&operated).await;
    let world = &operated.world;
    world.until(100.0).await;
    annotate(world, PAUSED, Value::Null).await;
    world.until(300.0).await;
    world.times().into_iter().filter(|at| *at > 1.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_nudge_of_a_paused_object_waits_for_the_resume() {
    let a = || ObjectRef::<Thing>::new("a").within("default");
    let nudge = async |operated: &Operated| operated.requeue.nudge(&a());
    let message = async |operated: &Operated| operated.triggers.unbounded_send(a()).expect("the controller runs");
    assert_eq!(runs(false, nudge).await, [50.0]);
    assert_eq!(runs(true, nudge).await, [100.0]);
    assert_eq!(runs(false, message).await, [50.0]);
    assert_eq!(runs(true, message).await, [100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_childs_change_of_a_paused_object_waits_for_the_resume() {
    let child = async |operated: &Operated| operated.world.change_child("changed").await;
    assert_eq!(runs(false, child).await, [50.0]);
    assert_eq!(runs(true, child).await, [100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_status_write_to_a_paused_object_waits_for_the_resume() {
    let fingerprint = async |operated: &Operated| operated.world.patch_status(json!({ "token": "new" })).await;
    assert_eq!(runs(false, fingerprint).await, [50.0]);
    assert_eq!(runs(true, fingerprint).await, [100.0]);
    let phase = async |operated: &Operated| operated.world.patch_status(json!({ "phase": "Failed" })).await;
    assert_eq!(runs(false, phase).await, [50.0]);
    assert_eq!(runs(true, phase).await, [100.0]);
    // It calls for no reconcile, and takes none away either.
    let message = async |operated: &Operated| operated.world.patch_status(json!({ "message": "m" })).await;
    assert_eq!(runs(false, message).await, [0.0; 0]);
    assert_eq!(runs(true, message).await, [100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_spec_change_of_a_paused_object_waits_for_the_resume() {
    let spec = async |operated: &Operated| operated.world.set_value(1).await;
    assert_eq!(runs(false, spec).await, [50.0]);
    assert_eq!(runs(true, spec).await, [100.0]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_a_paused_object_waits_for_the_resume() {
    // The trigger of the annotation replaces the timer; so here it is there before it pauses anything.
    for (pauses, expected) in [
        (false, vec![0.0, 5.0, 35.0, 65.0, 95.0, 100.0]),
        (true, vec![0.0, 5.0, 100.0]),
    ] {
        let world = World::new(ready);
        world.create("a").await;
        let requeue = requeuer(policy("{ default: 30s }"));
        world.start_with(&requeue);
        world.until(5.0).await;
        annotate(&world, PAUSED, "true").await;
        world.until(6.0).await;
        if pauses {
            let _ = requeue.clone().overrides(Overrides::new().paused(PAUSED));
        }
        world.until(34.0).await;
        assert_eq!(world.lines.visible(), [""; 0]);
        world.until(100.0).await;
        annotate(&world, PAUSED, Value::Null).await;
        world.until(125.0).await;
        assert_eq!(world.times(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_object_that_was_due_runs_once_when_it_is_resumed() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(5.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(100.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(140.0).await;
    assert_eq!(world.times(), [0.0, 100.0, 130.0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_generation_is_paused_and_resumed_too() {
    let world = World::with(things().without_generation(), ready);
    world.create("a").await;
    world.start_with(&with_overrides("{ default: 30s }"));
    world.until(5.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(50.0).await;
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.until(100.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(110.0).await;
    assert_eq!(world.times(), [0.0, 100.0]);
}

#[tokio::test(start_paused = true)]
async fn the_outage_of_a_paused_object_goes_on() {
    let world = World::new(fails);
    world.create("a").await;
    let requeue = with_overrides("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 5m } }");
    world.start_with(&requeue);
    world.until(35.0).await;
    annotate(&world, PAUSED, "true").await;
    for (seconds, attempts, is_last) in [(100, 3, false), (400, 5, true)] {
        world.until(seconds as f64).await;
        let outage = requeue.outage(&world.things.get("a").await.expect("it is there"));
        let shown = (outage.elapsed.as_secs(), outage.attempts, outage.is_last);
        assert_eq!(shown, (seconds, attempts, is_last));
    }
    assert_eq!(requeue.failing(), 1);
    assert_eq!(world.times(), [0.0, 10.0, 30.0]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_during_a_pause_leaves_one_attempt_to_the_resume() {
    let world = World::new(fails);
    world.create("a").await;
    world.start_with(&with_overrides(
        "{ error: { initial: 10s, factor: 2, max: 5m, deadline: 1m } }",
    ));
    world.until(35.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(99.0).await;
    assert_eq!(world.lines.of(Level::ERROR), [""; 0]);
    world.until(100.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(5000.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 100.0]);
    let line = "gave up kind=Thing object=default/a error=no quota phase=Failed after=1m 40s retries=3 next=\"when something changes\"";
    assert_eq!(world.lines.of(Level::ERROR), [line]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_any_length_is_logged_once_and_so_is_the_resume() {
    let world = World::new(fails);
    world.create("a").await;
    world.start_with(&with_overrides("{ error: { initial: 10s, factor: 2, max: 1m } }"));
    world.until(35.0).await;
    annotate(&world, PAUSED, "true").await;
    for seconds in [1000, 2000, 3000] {
        world.until(f64::from(seconds)).await;
        world.patch_status(json!({ "message": format!("{seconds}") })).await;
    }
    world.until(4000.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(4059.0).await;
    let lines = [
        "paused by an annotation kind=Thing object=default/a",
        "resumed kind=Thing object=default/a",
    ];
    assert_eq!(world.lines.of(Level::INFO), lines);
    // The outage goes on: the cap is reached long since, and that it fails is known.
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 4000.0]);
    assert_eq!(world.lines.of(Level::WARN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_deleted_while_it_is_paused_is_forgotten() {
    let world = World::new(fails);
    world.create("a").await;
    let requeue = with_overrides("{ default: 30s }");
    world.start_with(&requeue);
    world.until(5.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(500.0).await;
    let deleted = world.things.delete("a", &Default::default()).await;
    deleted.expect("it is there");
    world.until(501.0).await;
    assert_eq!((requeue.tracked(), requeue.failing()), (0, 0));
}
