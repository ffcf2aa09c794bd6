//! One line per transition, not per run.

use crate::world::{Oops, Thing, World, policy, ready, requeuer, write_status};
use kube::Api;
use requeue_policy::{Outcome, Phase, Requeue, RequeueConfig, Retry};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tracing::Level;

const BACKOFF: &str = "{ error: { initial: 10s, factor: 2, max: 5m } }";

/// Writes the phase and returns it, or an error while failing.
fn world_that_fails_while(broken: &Arc<AtomicBool>) -> World {
    let broken = broken.clone();
    World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        let broken = broken.load(Ordering::SeqCst);
        async move {
            let phase = if broken { Phase::Failed } else { Phase::Ready };
            write_status(&thing, &things, phase).await;
            if broken { Err(Oops("no quota")) } else { Ok(phase) }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_healthy_object_logs_nothing_that_an_operator_sees() {
    let world = world_that_fails_while(&Arc::default());
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(36_000.0).await;
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_initialization_past_its_deadline_gives_up_and_recovers() {
    let world = World::new(|thing: Arc<Thing>, _| async move {
        Ok(if thing.spec.value == 0 {
            Phase::Initializing
        } else {
            Phase::Ready
        })
    });
    world.create("a").await;
    world.start(policy("{ initialization: { initial: 5s, deadline: 20s } }"));
    world.until(100.0).await;
    world.set_value(1).await;
    world.until(110.0).await;
    assert_eq!(
        world.lines.visible(),
        [
            "ERROR gave up kind=Thing object=default/a phase=Initializing after=20s retries=4 next=\"when something changes\"",
            "INFO recovered kind=Thing object=default/a phase=Ready after=1m 40s next=\"in 30s\"",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_reported_as_ok_is_a_transition_too() {
    let broken = Arc::new(AtomicBool::new(true));
    let world = World::new({
        let broken = broken.clone();
        move |thing: Arc<Thing>, things: Api<Thing>| {
            let phase = if broken.load(Ordering::SeqCst) {
                Phase::Failed
            } else {
                Phase::Ready
            };
            async move {
                write_status(&thing, &things, phase).await;
                Ok(phase)
            }
        }
    });
    world.create("a").await;
    world.start(policy(BACKOFF));
    world.until(25.0).await;
    broken.store(false, Ordering::SeqCst);
    world.until(100.0).await;
    assert_eq!(
        world.lines.visible(),
        [
            "WARN failed kind=Thing object=default/a next=\"in 10s\"",
            "INFO recovered kind=Thing object=default/a phase=Ready after=30s next=\"in 30s\"",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hundred_objects_that_fail_for_an_hour_log_their_transitions_only() {
    let broken = Arc::new(AtomicBool::new(true));
    let world = world_that_fails_while(&broken);
    for n in 0..100 {
        world.create(&format!("n{n}")).await;
    }
    world.start(policy(BACKOFF));
    world.until(3600.0).await;
    broken.store(false, Ordering::SeqCst);
    world.until(3600.0 + 301.0).await;

    let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];
    let counts = levels.map(|level| world.lines.of(level).len());
    // Each object: the first failure, the recovery, and between them the retries after 10, 30, 70, 150, 310 and 610 s
    // and then every 300 s, until 3310 s.
    assert_eq!(counts, [0, 100, 100, 100 * 15]);
    let (failures, recoveries) = (world.lines.of(Level::WARN), world.lines.of(Level::INFO));
    for n in 0..100 {
        let object = format!("kind=Thing object=default/n{n} ");
        let of_it = |lines: &[String]| {
            lines
                .iter()
                .filter(|line| line.contains(&object))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of_it(&failures),
            [format!("failed {object}error=no quota next=\"in 10s\"")]
        );
        let recovered = format!("recovered {object}phase=Ready after=1h 10s next=\"in 30s\"");
        assert_eq!(of_it(&recoveries), [recovered]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_awaits_a_change_is_no_giving_up() {
    // Fails, is deleted while failing, and its clean-up succeeds.
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        if thing.metadata.deletion_timestamp.is_some() {
            return Ok(Outcome::from(Requeue::AwaitChange));
        }
        write_status(&thing, &things, Phase::Failed).await;
        Err(Oops("no quota"))
    });
    world.create("a").await;
    world
        .patch(json!({ "metadata": { "finalizers": ["example.com/finalizer"] } }))
        .await;
    world.start(policy(BACKOFF));
    world.until(15.0).await;
    world
        .things
        .delete("a", &Default::default())
        .await
        .expect("it is there");
    world.until(500.0).await;
    assert_eq!(
        world.lines.visible(),
        ["WARN failed kind=Thing object=default/a error=no quota next=\"in 10s\""]
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_awaited_its_finalizer_has_not_recovered_from_anything() {
    let world = World::new(|thing: Arc<Thing>, _| async move {
        Ok(match thing.metadata.finalizers {
            None => Outcome::from(Requeue::AwaitChange),
            Some(_) => Phase::Ready.into(),
        })
    });
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(5.0).await;
    world
        .patch(json!({ "metadata": { "finalizers": ["example.com/finalizer"] } }))
        .await;
    world.until(10.0).await;
    assert_eq!(world.times(), [0.0, 5.0]);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_logged_as_an_error_so_that_a_subscriber_can_show_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Oops);
    let world = World::new(ready);
    let requeue = requeuer(RequeueConfig::default());
    let error_policy = requeue.error_policy(|_: &Outer, _: &Thing| Retry::Backoff);
    // Never stored, so without a uid: it is answered, but not remembered.
    let thing = Arc::new(Thing::new("a", Default::default()));
    error_policy(thing, &Outer(Oops("inner")), Arc::new(()));
    assert_eq!(requeue.tracked(), 0);
    assert_eq!(
        world.lines.visible(),
        ["WARN failed kind=Thing object=a error=outer <- inner next=\"in 10s\""]
    );
}
