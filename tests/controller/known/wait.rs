//! No reconcile starts on a cache that lacks the controller's own last write.

use crate::world::{Oops, Thing, World, patch_status, policy, requeuer, write_status};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use kube_testbed::Fault;
use requeue_policy::{
    Phase,
    kube::{in_reconcile, reasons},
};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn after_five_seconds_a_stale_cache_stops_nothing_and_one_line_says_so() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        write_status(&thing, &things, Phase::Ready).await;
        Ok::<_, Oops>(Phase::Ready.after(Duration::from_secs(2)))
    });
    world.create("a").await;
    world.start(policy("{}"));
    world.until(1.0).await;
    world.server.hold_watches(Duration::from_secs(60));
    world.until(9.0).await;
    // At 2 by the timer; at 7, five seconds after that write, on the stale cache.
    assert_eq!(world.times(), [0.0, 2.0, 7.0]);
    let lines = world.lines.of(Level::WARN);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("reconciling with a stale cache"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_outage_though_the_cache_shows_it() {
    let runs = Arc::new(AtomicUsize::new(0));
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            // It fails for a minute, then succeeds once, then fails again.
            if run == 6 {
                patch_status(&things, &thing.name_any(), json!({ "phase": "Ready", "since": null })).await;
                return Ok(Phase::Ready.after(Duration::from_secs(10)));
            }
            Err(Oops("no quota"))
        }
    });
    world.create("a").await;
    let long_ago = crate::world::wall_clock();
    patch_status(
        &world.things,
        "a",
        json!({ "phase": "Failed", "since": long_ago.to_string() }),
    )
    .await;
    world.start(policy("{ error: { initial: 10s, deadline: 75s } }"));
    world.until(59.0).await;
    // The watch delivers nothing any more: the cache says Failed since the start.
    world.server.hold_watches(Duration::from_secs(600));
    world.until(100.0).await;
    assert!(world.times().len() >= 9, "given up at {:?}", world.times());
    assert_eq!(world.lines.of(Level::ERROR), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_compares_with_its_cache_leaves_the_right_status() {
    // It writes the status only where the cache says something else, and its echo changes no phase.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let message = if thing.spec.value % 2 == 0 { "even" } else { "odd" };
        if thing.status.as_ref().and_then(|status| status.message.as_deref()) != Some(message) {
            let status = json!({ "phase": "Ready", "message": message });
            patch_status(&things, &thing.name_any(), status).await;
        }
        Ok::<_, Oops>(Phase::Ready)
    });
    world.server.set_watch_lag(Duration::from_millis(400));
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(5.1).await;
    world.set_value(2).await;
    world.until(6.1 + 0.4).await;
    let stored = world.server.object("things", "default", "a").expect("the thing");
    assert_eq!(stored["status"]["message"], "even");
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deletion_brings_nothing_back() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        write_status(&thing, &things, Phase::Ready).await;
        sleep(Duration::from_secs(5)).await;
        Ok::<_, Oops>(Phase::Ready)
    });
    world.server.set_latency(Duration::from_millis(500));
    let requeue = requeuer(policy("{ default: 10s }"));
    world.create("a").await;
    world.start_with(&requeue);
    world.until(1.7).await;
    assert_eq!(requeue.tracked(), 1);
    world
        .things
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    world.until(2.0).await;
    assert_eq!(requeue.tracked(), 0);
    world.until(60.0).await;
    assert_eq!(requeue.tracked(), 0);
    assert_eq!(world.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_changes_nothing_hides_no_other_write_for_ever() {
    // The status is the same in every reconcile, so from the second on the patch changes nothing.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        sleep(Duration::from_millis(50)).await;
        patch_status(&things, &thing.name_any(), json!({ "phase": "Ready" })).await;
        Ok::<_, Oops>(Phase::Ready.await_change())
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(100.0).await;
    // The first wrote, so it may have hidden something; the second finds that it has not.
    let first = world.times();
    assert_eq!(first.len(), 2, "{first:?}");
    // Another's token is written while a reconcile is under way, and the watch lags behind its patch.
    world.server.set_watch_lag(Duration::from_millis(200));
    world.set_value(1).await;
    world.until(100.23).await;
    world.patch_status(json!({ "token": "new" })).await;
    world.until(400.0).await;
    let times = world.times();
    assert_eq!(times.len(), 4, "{times:?}");
    assert!(times[3] - times[2] < 31.0, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_counts_as_someone_elses() {
    let lost = Arc::new(AtomicUsize::new(0));
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let patch = Patch::Merge(
            json!({ "metadata": { "annotations": { "stamp": format!("{:?}", tokio::time::Instant::now()) } } }),
        );
        let _ = things.patch(&thing.name_any(), &PatchParams::default(), &patch).await;
        Ok::<_, Oops>(Phase::Ready)
    });
    let counted = lost.clone();
    world.server.on_request(move |request| {
        let is_first = request.name.is_some() && counted.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then_some(Fault::LostResponse)
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(20.0).await;
    // The first write came back as someone's change; the second, whose answer arrived, did not.
    assert_eq!(world.times().len(), 2, "{:?}", world.times());
}

#[tokio::test(start_paused = true)]
async fn an_annotation_stamped_in_every_reconcile_does_not_loop() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let stamp = format!("{:?}", tokio::time::Instant::now());
        let patch =
            Patch::Merge(json!({ "metadata": { "annotations": { "stamp": stamp }, "labels": { "run": "x" } } }));
        things
            .patch(&thing.name_any(), &PatchParams::default(), &patch)
            .await
            .expect("patched");
        Ok::<_, Oops>(Phase::Ready)
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0]);
}

#[tokio::test(start_paused = true)]
async fn an_own_finalizer_is_a_change() {
    let all = Arc::new(Mutex::new(vec![]));
    let noted = all.clone();
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        noted
            .lock()
            .expect("no test panics here")
            .extend(reasons().iter().map(ToString::to_string));
        async move {
            if thing.finalizers().is_empty() {
                let patch = Patch::Merge(json!({ "metadata": { "finalizers": ["example.com/a"] } }));
                things
                    .patch(&thing.name_any(), &PatchParams::default(), &patch)
                    .await
                    .expect("patched");
            }
            Ok::<_, Oops>(Phase::Ready)
        }
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(10.0).await;
    assert_eq!(
        *all.lock().expect("no test panics here"),
        ["new", "changed: finalizers"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_unit_means_the_phase_in_the_store_and_its_echo_moves_the_timer() {
    // The status said Failed; the reconcile writes Ready and returns Ok(()).
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        patch_status(&things, &thing.name_any(), json!({ "phase": "Ready" })).await;
        Ok::<_, Oops>(())
    });
    world.server.set_watch_lag(Duration::from_millis(300));
    world.create("a").await;
    patch_status(&world.things, "a", json!({ "phase": "Failed" })).await;
    world.start(policy("{ default: 60s, error: 10s }"));
    world.until(100.0).await;
    let times: Vec<_> = world.times().iter().map(|time| time.round()).collect();
    assert_eq!(times, [0.0, 60.0]);
    assert_eq!(world.lines.of(Level::WARN), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_patches_after_its_reconcile_hides_nothing_for_ever() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        tokio::spawn(in_reconcile(async move {
            sleep(Duration::from_secs(1)).await;
            patch_status(&things, &thing.name_any(), json!({ "phase": "Ready" })).await;
        }));
        Ok::<_, Oops>(Phase::Ready.await_change())
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 31.0]);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_awaits_a_change_is_followed_by_one_and_not_by_more() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        write_status(&thing, &things, Phase::Ready).await;
        Ok::<_, Oops>(Phase::Ready.await_change())
    });
    world.create("a").await;
    world.start(policy("{ default: 30s, error: 40s }"));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0, 40.0]);
}
