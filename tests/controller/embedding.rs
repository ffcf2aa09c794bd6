//! What the guide says on embedding.

use crate::world::{Oops, Thing, World, ensure_child, patch_status, policy, requeuer, wall_clock};
use kube::{Api, ResourceExt};
use requeue_policy::{
    Phase,
    kube::{Requeuer, finalizer},
};
use serde_json::json;
use std::sync::Arc;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_status_patch_that_changes_nothing_wakes_nobody() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        let since = thing.status.as_ref().and_then(|status| status.since.clone());
        let since = since.map_or_else(wall_clock, |since| since.0);
        patch_status(&things, "a", json!({ "phase": "Ready", "since": since })).await;
        Ok(Phase::Ready)
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(5.0).await;
    let version = || async {
        let thing = world.things.get("a").await.expect("it is there");
        thing.resource_version().expect("what is stored has one")
    };
    let (first, postponed) = (version().await, world.lines.of(Level::TRACE).len());
    world.until(3605.0).await;
    assert_eq!(world.times().len(), 121);
    assert_eq!(world.server.requests().patch_status, 121);
    assert_eq!(version().await, first);
    // The only lines are those of the reconciles, one at the start and one at the end: no write came back.
    assert_eq!(world.lines.of(Level::TRACE).len() - postponed, 240);
}

#[tokio::test(start_paused = true)]
async fn a_new_object_with_a_finalizer_and_a_child_makes_two_reconciles() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        let apply = async |thing: Arc<Thing>| {
            ensure_child(&things, &thing).await;
            patch_status(&things, "a", json!({ "phase": "Ready" })).await;
            Ok(Phase::Ready)
        };
        finalizer::<_, _, _, _, _, Oops>(&things, "example.com/finalizer", thing, apply, async |_| Ok(())).await
    });
    world.create("a").await;
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(29.0).await;
    // The finalizer is a change, the child's creation is an echo.
    assert_eq!(world.times(), [0.0, 0.0]);
    world.until(31.0).await;
    assert_eq!(world.times().len(), 3);
}

#[test]
fn a_requeuer_is_a_value_to_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Requeuer>();
}
