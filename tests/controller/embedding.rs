//! What the guide says on embedding.

use crate::world::{Oops, Thing, World, ensure_child, patch_status, policy, requeuer, wall_clock};
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{self, Event, finalizer},
    },
};
use requeue_policy::{Outcome, Phase, Requeue, Retry, kube::Requeuer};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
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
        let mut outcome = Outcome::from(Requeue::AwaitChange);
        let result = &mut outcome;
        let run = finalizer(&things, "example.com/finalizer", thing, async |event| {
            if let Event::Apply(thing) = event {
                ensure_child(&things, &thing).await;
                patch_status(&things, "a", json!({ "phase": "Ready" })).await;
                *result = Phase::Ready.into();
            }
            Ok::<_, Oops>(Action::await_change())
        });
        run.await.map_err(|_| Oops("finalizer"))?;
        Ok(outcome)
    });
    world.create("a").await;
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(29.0).await;
    // The finalizer is a change, the child's creation is an echo.
    assert_eq!(world.times(), [0.0, 0.0]);
    world.until(31.0).await;
    assert_eq!(world.times().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_ok_from_a_clean_up_removes_the_finalizer() {
    // Drains until 65 s: an error says when to look again, while an `Ok` would have ended it.
    let world = |drains: bool| async move {
        let start = Instant::now();
        let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| async move {
            let run = finalizer(&things, "example.com/finalizer", thing, async |event| match event {
                Event::Cleanup(_) if drains && start.elapsed().as_secs() < 65 => Err(Oops("draining")),
                _ => Ok(Action::await_change()),
            });
            match run.await {
                Ok(_) => Ok(Phase::Ready),
                Err(finalizer::Error::CleanupFailed(error)) => Err(error),
                Err(_) => Err(Oops("finalizer")),
            }
        });
        world.create("a").await;
        let world = world.classify(|error| match error.0 {
            "draining" => Retry::Later(Duration::from_secs(5)),
            _ => Retry::Backoff,
        });
        world.start(policy("{ default: 10m }"));
        world.until(52.0).await;
        let deleted = world.things.delete("a", &Default::default()).await;
        deleted.expect("it is there");
        world.until(600.0).await;
        let is_gone = world.things.get_opt("a").await.expect("the server answers").is_none();
        assert!(is_gone);
        assert_eq!(world.lines.visible(), [""; 0]);
        world.times()
    };
    assert_eq!(world(false).await, [0.0, 0.0, 52.0]);
    assert_eq!(world(true).await, [0.0, 0.0, 52.0, 57.0, 62.0, 67.0]);
}

#[test]
fn a_requeuer_is_a_value_to_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Requeuer>();
}
