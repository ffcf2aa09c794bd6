//! The parts in a `kube::runtime::Controller` of one's own: what they guess, and what that costs.

use crate::{
    overrides::{PAUSED, annotate, fails, with_overrides},
    world::{Noting, Oops, Thing, World, policy, requeuer, writes_status, writes_status_slowly},
};
use futures::{StreamExt, channel::mpsc};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    runtime::{Controller, reflector::ObjectRef, watcher},
};
use requeue_policy::{
    Outcome, Phase, RequeueConfig, Retry,
    kube::{Requeuer, reasons},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::sleep};
use tracing::Level;

fn things(world: &World) -> Controller<Thing> {
    Controller::new(Api::default_namespaced(world.client()), watcher::Config::default())
}

fn children(world: &World) -> Api<ConfigMap> {
    Api::default_namespaced(world.client())
}

/// Runs kube's controller with the reconciler of one `Requeuer` and the error policy of another, or the same.
fn spawn(world: &World, controller: Controller<Thing>, requeue: &Requeuer, errors: &Requeuer) -> JoinHandle<()> {
    let reconcile: Noting = world.noting_reconciler();
    let stream = controller.run(
        requeue.reconciler(reconcile),
        errors.error_policy(|_: &Oops, _: &Thing| Retry::Backoff),
        Arc::new(Api::default_namespaced(world.client())),
    );
    tokio::spawn(stream.for_each(|_| async {}))
}

fn start(world: &World, requeue: &Requeuer) -> JoinHandle<()> {
    spawn(world, things(world), requeue, requeue)
}

/// "busy" is due every ten seconds, which drives the forgetting of all others.
fn beside_a_busy_object(
    others: fn() -> Result<Outcome, Oops>,
) -> impl Fn(Arc<Thing>, Api<Thing>) -> std::future::Ready<Result<Outcome, Oops>> {
    move |thing, _| {
        std::future::ready(match thing.name_any().as_str() {
            "busy" => Ok(Phase::Ready.after(Duration::from_secs(10))),
            _ => others(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_an_own_status_write_is_postponed_until_due() {
    let world = World::new(writes_status);
    world.create("a").await;
    start(&world, &requeuer(RequeueConfig::default()));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0]);
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_reasons_are_guessed() {
    let all = Arc::new(Mutex::new(vec![]));
    let noted = all.clone();
    let world = World::new(move |_, _| {
        let reasons: Vec<_> = reasons().iter().map(ToString::to_string).collect();
        noted.lock().expect("no test panics here").push(reasons.join("; "));
        async { Ok(Phase::Ready) }
    });
    let thing = world.create("a").await;
    let requeue = requeuer(RequeueConfig::default());
    let (by_hand, triggers) = mpsc::unbounded();
    let controller = things(&world)
        .watches(children(&world), watcher::Config::default(), requeue.owned())
        .reconcile_on(triggers);
    spawn(&world, controller, &requeue, &requeue);
    let a = || ObjectRef::<Thing>::new("a").within("default");
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(10.0).await;
    world.patch_status(json!({ "phase": "Failed" })).await;
    world.until(15.0).await;
    world.create_child(&thing).await;
    world.until(20.0).await;
    // Nothing of the object changed, so it is triggered for something that the parts do not see.
    by_hand.unbounded_send(a()).expect("the controller runs");
    world.until(51.0).await;
    let all = all.lock().expect("no test panics here");
    let expected = [
        "new",
        "changed: generation",
        "changed: phase",
        "requested",
        "unknown",
        "due",
    ];
    assert_eq!(*all, expected);
    assert_eq!(world.times(), [0.0, 5.0, 10.0, 15.0, 20.0, 50.0]);
}

#[tokio::test(start_paused = true)]
async fn a_mapper_of_ones_own_gives_news_and_so_does_a_nudge() {
    let world = World::new(writes_status_slowly);
    world.create("a").await;
    let requeue = requeuer(RequeueConfig::default());
    let to_a = |_| Some(ObjectRef::<Thing>::new("a").within("default"));
    let (by_hand, webhook) = mpsc::unbounded();
    let controller = things(&world)
        .watches(children(&world), watcher::Config::default(), requeue.related(to_a))
        .reconcile_on(webhook);
    spawn(&world, controller, &requeue, &requeue);
    world.until(5.0).await;
    world.set_value(1).await;
    // In the middle of a reconcile.
    world.until(5.1).await;
    world
        .create_child(&world.things.get("a").await.expect("it is there"))
        .await;
    world.until(10.0).await;
    world.set_value(2).await;
    world.until(10.1).await;
    let thing = ObjectRef::new("a").within("default");
    requeue.nudge(&thing);
    by_hand.unbounded_send(thing).expect("the controller runs");
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 5.3, 10.0, 10.3]);
}

#[tokio::test(start_paused = true)]
async fn with_plain_owns_a_childs_change_during_a_run_that_writes_status_waits_until_due() {
    // A child changes in the middle of a reconcile that then writes the status.
    for (owned, expected) in [(true, vec![0.0, 5.0, 5.3]), (false, vec![0.0, 5.0])] {
        let world = World::new(writes_status_slowly);
        let parent = world.create("a").await;
        world.create_child(&parent).await;
        let requeue = requeuer(RequeueConfig::default());
        let config = watcher::Config::default();
        let controller = if owned {
            things(&world).watches(children(&world), config, requeue.owned())
        } else {
            things(&world).owns(children(&world), config)
        };
        spawn(&world, controller, &requeue, &requeue);
        world.until(5.0).await;
        world.set_value(1).await;
        world.until(5.1).await;
        world.change_child("changed").await;
        world.until(30.0).await;
        // With plain `owns` it looks like the echo of the status write: a known limit, which the guide names.
        assert_eq!(world.times(), expected, "owned(): {owned}");
        world.until(36.0).await;
        assert_eq!(world.times().len(), expected.len() + 1, "owned(): {owned}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_trigger_may_be_merged_into_an_echo_an_awaited_change_becomes_the_longest_interval() {
    for (writes, expected) in [(true, vec![0.0, 600.0, 1200.0]), (false, vec![0.0])] {
        let world = World::new(move |thing, things| async move {
            if writes {
                writes_status(thing, things).await?;
            }
            Ok(Phase::Ready.await_change())
        });
        world.create("a").await;
        start(&world, &requeuer(policy("{ default: 10m }")));
        world.until(1500.0).await;
        assert_eq!(world.times(), expected, "writes its status: {writes}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_an_object_that_awaits_a_change_is_remembered_for_a_day() {
    let world = World::new(beside_a_busy_object(|| Ok(Phase::Ready.await_change())));
    world.create("a").await;
    world.create("busy").await;
    let requeue = requeuer(RequeueConfig::default());
    start(&world, &requeue);
    world.until(24.0 * 3600.0).await;
    assert_eq!(requeue.tracked(), 2);
    world.until(25.0 * 3600.0).await;
    assert_eq!(requeue.tracked(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_a_deleted_object_is_forgotten_the_longest_interval_after_it_was_due() {
    // By the policy in force: a minute at least.
    for (new, tracked) in [(None, 2), (Some("{ default: 30s }"), 1)] {
        let world = World::new(beside_a_busy_object(|| Ok(Phase::Ready.after(Duration::from_secs(10)))));
        world.create("a").await;
        world.create("busy").await;
        let requeue = requeuer(policy("{ default: 3h }"));
        start(&world, &requeue);
        world.until(5.0).await;
        let deleted = world.things.delete("a", &Default::default()).await;
        deleted.expect("it is there");
        if let Some(new) = new {
            requeue.set_policy(policy(new)).expect("it is valid");
        }
        world.until(3.0 * 3600.0).await;
        assert_eq!(requeue.tracked(), tracked, "{new:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_a_longer_interval_keeps_a_request_longer() {
    let world = World::new(crate::world::ready);
    world.create("a").await;
    let requeue = requeuer(policy("{ default: 30s }"));
    start(&world, &requeue);
    world.until(5.0).await;
    requeue.set_policy(policy("{ default: 1h }")).expect("it is valid");
    world.until(40.0).await;
    requeue.nudge(&ObjectRef::<Thing>::new("a").within("default"));
    world.until(1000.0).await;
    // Requests of objects that do not exist take room, which is first made by forgetting old ones.
    for n in 0..1000 {
        requeue.nudge(&ObjectRef::<Thing>::new(&format!("n{n}")).within("default"));
    }
    world.patch_status(json!({ "message": "another controller's" })).await;
    world.until(1001.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 1000.0]);
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_a_paused_object_is_not_forgotten() {
    let world = World::new(beside_a_busy_object(|| Err(Oops("no quota"))));
    world.create("a").await;
    world.create("busy").await;
    start(
        &world,
        &with_overrides("{ error: { initial: 10s, factor: 2, max: 1m } }"),
    );
    world.until(35.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(8000.0).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(8100.0).await;
    // The outage goes on, at its longest delay, and is no line again.
    assert_eq!(world.times_of("a"), [0.0, 10.0, 30.0, 8000.0, 8060.0]);
    let of = |text: &str| world.lines.visible().iter().filter(|line| line.contains(text)).count();
    assert_eq!(["WARN failed", "paused", "resumed"].map(of), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn with_the_parts_a_reconcile_that_was_cut_off_is_made_up_for() {
    let hangs = Arc::new(AtomicBool::new(true));
    let is_hanging = hangs.clone();
    let world = World::new(move |_, _| {
        let hangs = is_hanging.load(Ordering::SeqCst);
        async move {
            if hangs {
                sleep(Duration::from_secs(3600)).await;
            }
            Ok(Phase::Ready.await_change())
        }
    });
    world.create("a").await;
    let requeue = requeuer(RequeueConfig::default());
    let first = start(&world, &requeue);
    world.until(5.0).await;
    first.abort();
    hangs.store(false, Ordering::SeqCst);
    // So that it does not look like an unknown trigger.
    world.patch_status(json!({ "message": "another controller's" })).await;
    start(&world, &requeue);
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 5.0]);
}

#[tokio::test(start_paused = true)]
async fn one_warn_line_says_that_an_error_never_reached_its_error_policy() {
    for is_same in [true, false] {
        let world = World::new(fails);
        world.create("a").await;
        let (requeue, other) = (requeuer(RequeueConfig::default()), requeuer(RequeueConfig::default()));
        let errors = if is_same { &requeue } else { &other };
        let controller = spawn(&world, things(&world), &requeue, errors);
        world.until(35.0).await;
        controller.abort();
        assert_eq!(world.times(), [0.0, 10.0, 20.0, 30.0]);
        let warnings = world.lines.of(Level::WARN);
        let of_it = warnings
            .iter()
            .filter(|line| line.starts_with("an error never reached the error policy"));
        assert_eq!(of_it.count(), usize::from(!is_same), "{warnings:?}");
    }
}
