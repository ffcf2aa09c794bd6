//! The helper for finalizers.

use crate::world::{Oops, Thing, World, patch_status, policy};
use kube::{Api, ResourceExt, api::PostParams};
use kube_testbed::{Fault, Verb};
use requeue_policy::{
    Phase,
    kube::{Cleanup, finalizer},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::sleep;

const OURS: &str = "example.com/ours";
const THEIRS: &str = "example.com/theirs";

impl From<kube::Error> for Oops {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 => Self("gone"),
            kube::Error::Api(status) if status.code == 422 => Self("invalid"),
            _ => Self("refused"),
        }
    }
}

/// How often each was called.
#[derive(Default)]
struct Calls {
    applied: AtomicUsize,
    cleaned: AtomicUsize,
}

impl Calls {
    fn both(&self) -> (usize, usize) {
        (self.applied.load(SeqCst), self.cleaned.load(SeqCst))
    }
}

/// A world in which each reconcile takes a while, and the clean-up a second more and then returns what `cleanup` does.
fn world(
    before: Duration,
    cleanup: impl Fn(usize) -> Result<Cleanup, Oops> + Copy + Send + Sync + 'static,
) -> (World, Arc<Calls>) {
    let calls = Arc::<Calls>::default();
    let of_runs = calls.clone();
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        let calls = of_runs.clone();
        async move {
            sleep(before).await;
            let apply = async |_| {
                calls.applied.fetch_add(1, SeqCst);
                Ok(Phase::Ready)
            };
            let cleanup = async |_| {
                let number = calls.cleaned.fetch_add(1, SeqCst);
                sleep(Duration::from_secs(1)).await;
                cleanup(number)
            };
            finalizer(&things, OURS, thing, apply, cleanup).await
        }
    });
    (world, calls)
}

fn done(_: usize) -> Result<Cleanup, Oops> {
    Ok(().into())
}

impl World {
    async fn finalizers(&self) -> Option<Vec<String>> {
        let thing = self.things.get_opt("a").await.expect("the server answers")?;
        Some(thing.finalizers().to_vec())
    }

    async fn set_finalizers(&self, finalizers: &[&str]) {
        self.patch(json!({ "metadata": { "finalizers": finalizers } })).await;
    }

    async fn delete(&self) {
        let deleted = self.things.delete("a", &Default::default()).await;
        deleted.expect("it is there");
    }

    /// The PATCH and GET requests of the controller.
    fn requests(&self) -> (u64, u64) {
        let requests = self.server.requests();
        (requests.patch, requests.get)
    }
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_is_added_before_the_first_apply_and_removed_after_the_clean_up() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(40.0).await;
    // The finalizer is a change, and that is reconciled at once.
    assert_eq!(world.times(), [0.0, 0.0, 30.0]);
    assert_eq!(calls.both(), (2, 0));
    assert_eq!(world.finalizers().await, Some(vec![OURS.to_owned()]));
    world.delete().await;
    world.until(3600.0).await;
    assert_eq!(world.times(), [0.0, 0.0, 30.0, 40.0]);
    assert_eq!(calls.both(), (2, 1));
    assert_eq!(world.finalizers().await, None);
    assert_eq!(world.requests(), (2, 0));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_is_not_done_yet_is_called_again_and_is_no_failure() {
    type Table = [(fn(usize) -> Result<Cleanup, Oops>, [f64; 3]); 3];
    let table: Table = [
        // By the initialization interval, which is counted from the deletion.
        (
            |n| if n < 2 { Ok(Cleanup::NotYet(().into())) } else { done(n) },
            [10.0, 16.0, 22.0],
        ),
        (
            |n| {
                if n < 2 {
                    Ok(Cleanup::NotYet(Phase::Ready.after(Duration::from_secs(60))))
                } else {
                    done(n)
                }
            },
            [10.0, 71.0, 132.0],
        ),
        (
            |n| {
                if n < 2 {
                    Ok(Cleanup::NotYet(Phase::Initializing.within(Duration::from_secs(2))))
                } else {
                    done(n)
                }
            },
            [10.0, 13.0, 16.0],
        ),
    ];
    for (cleanup, expected) in table {
        let (world, calls) = world(Duration::ZERO, cleanup);
        world.create("a").await;
        world.start(policy("{ default: 30s }"));
        world.until(10.0).await;
        world.delete().await;
        world.until(9.0 + expected[2]).await;
        assert_eq!(world.times()[2..], expected);
        assert_eq!(calls.both(), (1, 3));
        assert_eq!(world.finalizers().await, None);
        assert_eq!(world.lines.visible(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_fails_backs_off_with_its_error_and_keeps_the_finalizer() {
    let (world, calls) = world(Duration::ZERO, |n| if n < 3 { Err(Oops("no quota")) } else { done(n) });
    world.create("a").await;
    world.start(policy("{ error: { initial: 10s, factor: 2, max: 5m } }"));
    world.until(10.0).await;
    world.delete().await;
    world.until(50.0).await;
    // The first failure is at 11 s, after one second of clean-up.
    assert_eq!(world.times()[2..], [10.0, 21.0, 43.0]);
    assert_eq!(world.finalizers().await, Some(vec![OURS.to_owned()]));
    assert_eq!(
        world.lines.visible(),
        [r#"WARN failed kind=Thing object=default/a error=no quota next="in 10s""#]
    );
    world.until(3600.0).await;
    assert_eq!(calls.both(), (1, 4));
    assert_eq!(world.finalizers().await, None);
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_of_another_controller_stays_its_own() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    world.set_finalizers(&[THEIRS]).await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    assert_eq!(world.finalizers().await, Some(vec![THEIRS.to_owned(), OURS.to_owned()]));
    world.set_finalizers(&[THEIRS, OURS, "example.com/third"]).await;
    // Theirs is removed while ours cleans up: where the cache has ours is the third one's now.
    world.delete().await;
    world.until(10.5).await;
    world.set_finalizers(&[OURS, "example.com/third"]).await;
    world.until(100.0).await;
    assert_eq!(world.finalizers().await, Some(vec!["example.com/third".to_owned()]));
    assert_eq!(calls.both().1, 1);
    // To add, to remove what the cache has, to look, to remove what is there.
    assert_eq!(world.requests(), (3, 1));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_another_finalizer_holds_is_not_cleaned_up_again() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    world.set_finalizers(&[OURS, THEIRS]).await;
    world.delete().await;
    world.until(4000.0).await;
    assert_eq!(world.finalizers().await, Some(vec![THEIRS.to_owned()]));
    assert_eq!(calls.both().1, 1);
    let reconciles = world.times().len();
    world.set_finalizers(&[]).await;
    world.until(9000.0).await;
    assert_eq!(world.times().len(), reconciles);
    assert_eq!((world.finalizers().await, calls.both().1), (None, 1));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_another_controller_adds_at_the_same_time_stays() {
    let (world, calls) = world(Duration::from_millis(300), done);
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(0.1).await;
    world.set_finalizers(&[THEIRS]).await;
    world.until(10.0).await;
    assert_eq!(world.finalizers().await, Some(vec![THEIRS.to_owned(), OURS.to_owned()]));
    assert_eq!(world.requests(), (2, 1));
    assert_eq!(world.lines.visible(), [""; 0]);
    assert!(calls.applied.load(SeqCst) > 0);
    // And none is added to what is deleted meanwhile, though it is there yet.
    let (world, calls) = self::world(Duration::from_millis(300), done);
    world.create("a").await;
    world.set_finalizers(&[THEIRS]).await;
    world.start(policy("{ default: 1h }"));
    world.until(0.1).await;
    world.delete().await;
    world.until(100.0).await;
    assert_eq!(world.finalizers().await, Some(vec![THEIRS.to_owned()]));
    assert_eq!(calls.both(), (0, 0));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_of_the_same_name_keeps_its_finalizer() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    world.delete().await;
    // While the old one is cleaned up, somebody forces it out and creates a new one, with the finalizer.
    world.until(10.5).await;
    world.set_finalizers(&[]).await;
    let mut thing = Thing::new("a", Default::default());
    thing.metadata.finalizers = Some(vec![OURS.to_owned()]);
    let created = world.things.create(&PostParams::default(), &thing).await;
    created.expect("it is gone");
    world.until(100.0).await;
    assert_eq!(world.finalizers().await, Some(vec![OURS.to_owned()]));
    assert_eq!(calls.both(), (2, 1));
    // One was added to the old one, and removed from none.
    assert_eq!(world.requests(), (2, 1));
    world.delete().await;
    world.until(200.0).await;
    assert_eq!((world.finalizers().await, calls.both()), (None, (2, 2)));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_before_its_finalizer_is_removed_is_no_failure() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    // The controller does not hear of it.
    world.server.set_watch_lag(Duration::from_secs(20));
    world.delete().await;
    world.until(30.5).await;
    world.set_finalizers(&[]).await;
    world.until(40.0).await;
    assert_eq!((world.finalizers().await, calls.both()), (None, (1, 1)));
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_cannot_be_written_is_a_failure_with_kubes_error() {
    let (world, calls) = world(Duration::ZERO, done);
    world.create("a").await;
    let refuses = Arc::new(AtomicBool::new(true));
    let of_server = refuses.clone();
    world.server.on_request(move |request| {
        let is_refused = request.verb == Verb::Patch && of_server.load(SeqCst);
        // Another field of the object is not valid any more, whatever is patched.
        is_refused.then_some(Fault::Status {
            code: 422,
            reason: "Invalid",
            retry_after: None,
        })
    });
    world.start(policy("{ default: 1h, error: { initial: 10s } }"));
    world.until(25.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);
    assert_eq!(calls.both(), (0, 0));
    assert_eq!(world.requests(), (3, 3));
    let lines = world.lines.visible();
    assert!(lines.len() == 1 && lines[0].contains("error=invalid"), "{lines:?}");
    refuses.store(false, SeqCst);
    world.until(40.0).await;
    assert_eq!(calls.both(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_the_clean_up_writes_meets_no_404() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        let cleanup = async |_| {
            patch_status(&things, "a", json!({ "message": "cleaned up" })).await;
            Ok(())
        };
        finalizer::<_, _, _, _, _, Oops>(&things, OURS, thing, async |_| Ok(Phase::Ready), cleanup).await
    });
    world.create("a").await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    world.delete().await;
    world.until(100.0).await;
    assert_eq!(world.finalizers().await, None);
    assert_eq!(world.lines.visible(), [""; 0]);
}
