//! What a list after a broken watch shows.

use crate::world::{Oops, Thing, World, create_child, patch_status, policy, requeuer, write_status};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
    runtime::watcher,
};
use kube_testbed::Fault;
use requeue_policy::{Phase, kube::reasons};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::Level;

/// The watch breaks, and what happens meanwhile is forgotten: the next one begins with a list.
fn relist(world: &World) {
    world.server.expire();
    world.server.close_watches();
}

#[tokio::test(start_paused = true)]
async fn what_a_relist_shows_unchanged_is_not_reconciled() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    for n in 0..10_000 {
        world.create(&format!("thing-{n}")).await;
    }
    world.start(policy("{ default: 1h, max_rate: 10 }"));
    world.until(100.0).await;
    assert_eq!(world.runs().len(), 10_000);
    relist(&world);
    world.until(200.0).await;
    assert_eq!(world.runs().len(), 10_000);
    // What is due keeps to the rate.
    relist(&world);
    world.until(3620.0).await;
    let due = world.runs().len() - 10_000;
    assert!((150..=200).contains(&due), "{due} in some 20 s of 10 a second");
}

#[tokio::test(start_paused = true)]
async fn each_reconcile_after_a_relist_in_pages_sees_the_new_state() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    for n in 0..1200 {
        world.create(&format!("thing-{n:04}")).await;
    }
    world.server.set_latency(Duration::from_millis(100));
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    assert_eq!(world.runs().len(), 1200);
    world.server.close_watches();
    for n in [0, 600, 1199] {
        let patch = Patch::Merge(json!({ "spec": { "value": 7 } }));
        let name = format!("thing-{n:04}");
        world
            .things
            .patch(&name, &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }
    world.create("new").await;
    world.server.expire();
    world.until(60.0).await;
    let after: HashMap<_, _> = world.runs()[1200..]
        .iter()
        .map(|run| (run.name.clone(), run.value))
        .collect();
    let expected = [("thing-0000", 7), ("thing-0600", 7), ("thing-1199", 7), ("new", 0)];
    assert_eq!(after, expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(world.runs().len(), 1204);
}

#[tokio::test(start_paused = true)]
async fn what_a_relist_no_longer_shows_is_forgotten() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    let requeue = requeuer(policy("{ default: 1h }"));
    world.create("a").await;
    world.create("b").await;
    world.start_with(&requeue);
    world.until(1.0).await;
    assert_eq!(requeue.tracked(), 2);
    world.server.close_watches();
    world
        .things
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    world.server.expire();
    world.until(60.0).await;
    assert_eq!(requeue.tracked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_deleted_while_its_watch_is_down_triggers_its_owner() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready.await_change()));
    let thing = world.create("a").await;
    world.create_child(&thing).await;
    let is_down = Arc::new(AtomicBool::new(false));
    let asked = is_down.clone();
    // Only that of the children, so that no list of the owners helps.
    world.server.on_request(move |request| {
        let is_of_children = request.plural == "configmaps" && request.name.is_none();
        (is_of_children && asked.load(Ordering::SeqCst)).then_some(Fault::Unreachable)
    });
    world.start_owning(&requeuer(policy("{}")));
    world.until(1.0).await;
    let before = world.runs().len();
    is_down.store(true, Ordering::SeqCst);
    world.server.close_watches();
    world
        .children
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    world.until(30.0).await;
    world.server.expire();
    is_down.store(false, Ordering::SeqCst);
    world.until(200.0).await;
    assert_eq!(world.runs().len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_only_a_relist_shows_is_a_change() {
    // Another's write, then an own one, of which the watch delivers neither.
    let reason = Arc::new(Mutex::new(vec![]));
    let noted = reason.clone();
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        let mut all = noted.lock().expect("no test panics here");
        all.extend(reasons().iter().map(ToString::to_string));
        let is_second = all.len() == 2;
        async move {
            if is_second {
                patch_status(&things, &thing.name_any(), json!({ "phase": "Failed" })).await;
                write_status(&thing, &things, Phase::Ready).await;
            }
            Ok::<_, Oops>(Phase::Ready)
        }
    });
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(1.0).await;
    world.server.hold_watches(Duration::from_secs(2));
    world.set_value(1).await;
    world.until(4.0).await;
    world.server.hold_watches(Duration::from_secs(60));
    world.patch_status(json!({ "message": "another's" })).await;
    relist(&world);
    world.until(100.0).await;
    let reasons = reason.lock().expect("no test panics here").clone();
    assert_eq!(reasons, ["new", "changed: generation", "changed: version"]);
}

#[tokio::test(start_paused = true)]
async fn given_up_objects_of_a_busy_fleet_stay_given_up() {
    let world = World::new(async |thing: Arc<Thing>, _| match thing.name_any().starts_with("bad") {
        true => Err(Oops("no quota")),
        false => Ok(Phase::Ready),
    });
    for n in 0..500 {
        let kind = if n % 50 == 0 { "bad" } else { "good" };
        world.create(&format!("{kind}-{n}")).await;
    }
    world.start(policy("{ default: 30s, error: { initial: 10s, deadline: 60s } }"));
    world.until(120.0).await;
    let tried = |world: &World| world.runs().iter().filter(|run| run.name.starts_with("bad")).count();
    let before = tried(&world);
    // Seldom enough that a memory that ages would have forgotten them.
    for minute in (5..60).step_by(5) {
        world.until(f64::from(minute) * 60.0).await;
        for n in (0..500).step_by(50) {
            let status = json!({ "message": format!("seen at minute {minute}") });
            patch_status(&world.things, &format!("bad-{n}"), status).await;
        }
    }
    assert_eq!(
        tried(&world),
        before,
        "a status write by another controller tried them again"
    );
    let gave_up = world.lines.of(Level::ERROR);
    assert_eq!(gave_up.len(), 10, "{gave_up:?}");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_recreated_hears_of_the_child_that_the_old_one_left() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready.await_change()));
    let old = world.create("a").await;
    world.create_child(&old).await;
    world.start_owning(&requeuer(policy("{}")));
    world.until(1.0).await;
    // Garbage collection deletes the child, which waits for a finalizer of somebody else.
    let finalizers = |finalizers: serde_json::Value| Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    let params = PatchParams::default();
    let held = world
        .children
        .patch("a", &params, &finalizers(json!(["example.com/x"])))
        .await;
    held.expect("patched");
    world
        .things
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    world.create("a").await;
    world.until(10.0).await;
    let before = world.runs().len();
    let released = world.children.patch("a", &params, &finalizers(json!(null))).await;
    released.expect("patched");
    world.until(20.0).await;
    assert!(world.children.get_opt("a").await.expect("read").is_none());
    // The old owner's uid is not the new one's, and still it is the new one that waits for the name.
    assert_eq!(world.runs().len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_changes_owners_triggers_the_old_one_too() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready.await_change()));
    let (a, b) = (world.create("a").await, world.create("b").await);
    create_child(&world.children, &a).await.expect("a child");
    let controller = world
        .controller(&requeuer(policy("{}")))
        .owns(world.children.clone(), watcher::Config::default());
    world.spawn(controller, &requeuer(policy("{}")));
    world.until(1.0).await;
    let before = world.runs().len();
    let owners = json!({ "metadata": { "ownerReferences": [{
        "apiVersion": "example.com/v1", "kind": "Thing", "name": "b", "uid": b.uid().expect("a uid"),
    }] } });
    let patched = world
        .children
        .patch("a", &PatchParams::default(), &Patch::Merge(owners))
        .await;
    patched.expect("patched");
    world.until(2.0).await;
    let mut after: Vec<_> = world.runs()[before..].iter().map(|run| run.name.clone()).collect();
    after.sort();
    assert_eq!(after, ["a", "b"]);
}
