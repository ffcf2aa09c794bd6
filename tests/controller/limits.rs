//! The limits that the guide names.

use crate::world::{Oops, Thing, World, ensure_child, policy, requeuer, things, write_status, writes_status};
use kube::Api;
use requeue_policy::{Phase, RequeueConfig};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn without_a_status_subresource_every_status_write_is_a_change() {
    let world = World::with(
        things().without_status_subresource(),
        |thing: Arc<Thing>, things: Api<Thing>| async move {
            let message = format!("{:?}", Instant::now());
            let patch = kube::api::Patch::Merge(json!({ "status": { "phase": "Ready", "message": message } }));
            let name = kube::ResourceExt::name_any(&*thing);
            things
                .patch(&name, &Default::default(), &patch)
                .await
                .map_err(|_| Oops("patch"))?;
            sleep(Duration::from_millis(10)).await;
            Ok(Phase::Ready)
        },
    );
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(600.0).await;
    let runs = world.times().len();
    assert!((625..=631).contains(&runs), "{runs} runs in ten minutes");
    assert_eq!(world.lines.visible().len(), 1, "{:?}", world.lines.visible());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_or_expires_loses_no_change_and_starts_no_storm() {
    let world = World::new(writes_status);
    for name in ["a", "b", "c"] {
        world.create(name).await;
    }
    world.start(RequeueConfig::default());
    world.until(5.0).await;
    world.server.close_watches();
    world.set_value(1).await;
    world.until(35.0).await;
    world.server.expire();
    world.server.close_watches();
    world.set_value(2).await;
    world.until(64.0).await;
    assert!(world.runs().iter().any(|run| run.value == 1) && world.runs().iter().any(|run| run.value == 2));
    // Two changes and two timers; a change that only the relist shows may run twice.
    assert!(world.times().len() <= 6, "{:?}", world.times());
    assert!(world.times_of("b").len() <= 3, "{:?}", world.times_of("b"));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_the_reconcile_itself_creates_triggers_nothing() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        ensure_child(&things, &thing).await;
        sleep(Duration::from_millis(100)).await;
        writes_status(thing, things).await
    });
    world.create("a").await;
    world.start_owning(&requeuer(RequeueConfig::default()));
    world.until(60.0).await;
    assert_eq!(world.times(), [0.0, 30.1]);
}

#[tokio::test(start_paused = true)]
async fn a_phase_that_a_reconcile_writes_but_does_not_report_is_an_echo() {
    let run = |reports: bool| async move {
        let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| async move {
            let phase = if thing.spec.value == 0 {
                Phase::Ready
            } else {
                Phase::Failed
            };
            write_status(&thing, &things, phase).await;
            sleep(Duration::from_millis(100)).await;
            Ok(if reports { phase } else { Phase::Ready })
        });
        world.create("a").await;
        world.start(RequeueConfig::default());
        world.until(5.0).await;
        world.set_value(1).await;
        world.until(10.0).await;
        world.times()
    };
    assert_eq!(run(true).await, [0.0, 5.0]);
    // The own write is known by its version, whatever phase it shows.
    assert_eq!(run(false).await, [0.0, 5.0]);
}

#[tokio::test(start_paused = true)]
async fn a_change_waits_for_its_place_in_the_rate_limit_a_deletion_too() {
    let world = World::new(writes_status);
    world.create("a").await;
    world.start(policy("{ default: 10m, rate_limit: { burst: 2, every: 10s } }"));
    world.until(1.0).await;
    world
        .patch(json!({ "metadata": { "finalizers": ["example.com/finalizer"] } }))
        .await;
    world.until(2.0).await;
    let deleted = world.things.delete("a", &Default::default()).await;
    deleted.expect("it is there");
    world.until(60.0).await;
    // From then on by the initialization interval, until the finalizer is gone.
    assert_eq!(world.times()[..5], [0.0, 1.0, 10.0, 15.0, 20.0]);
}

#[tokio::test(start_paused = true)]
async fn a_different_error_in_the_same_outage_is_no_line_at_info() {
    let world = World::new(|thing: Arc<Thing>, _| async move {
        Err::<Phase, _>(Oops(if thing.spec.value == 0 { "no quota" } else { "no image" }))
    });
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(8.0).await;
    assert_eq!(world.lines.visible().len(), 1);
    let repeats = world.lines.of(Level::DEBUG);
    assert_eq!(
        repeats,
        ["still failed kind=Thing object=default/a error=no image after=5s retries=0 next=\"in 5s\""]
    );
}
