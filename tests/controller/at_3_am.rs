//! What the guide says for 3 a.m. of many objects at once.

use crate::world::{Oops, Thing, World, policy, ready, requeuer, write_status};
use kube::Api;
use requeue_policy::Phase;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// The most runs that start within one second, from this second on.
fn peak(world: &World, from: f64) -> usize {
    let mut starts: Vec<_> = world
        .runs()
        .iter()
        .map(|run| run.at)
        .filter(|at| at.as_secs_f64() >= from)
        .collect();
    starts.sort();
    let within = |first: Duration| {
        let second = first..first + Duration::from_secs(1);
        starts.iter().filter(|at| second.contains(at)).count()
    };
    starts.iter().map(|first| within(*first)).max().unwrap_or_default()
}

const OBJECTS: usize = 200;

async fn world_of_many<F: Future<Output = Result<Phase, Oops>> + Send + 'static>(
    policy_yaml: &str,
    reconcile: impl Fn(Arc<Thing>, Api<Thing>) -> F + Send + Sync + 'static,
) -> World {
    let world = World::new(reconcile);
    for n in 0..OBJECTS {
        world.create(&format!("n{n}")).await;
    }
    world.start(policy(policy_yaml));
    world
}

async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

#[tokio::test(start_paused = true)]
async fn a_retry_storm_meets_what_has_just_come_back() {
    let world = world_of_many("{ error: 10s }", fails).await;
    world.until(3605.0).await;
    assert_eq!(peak(&world, 3000.0), OBJECTS);
    assert_eq!(world.runs().len(), 361 * OBJECTS);

    let cured = "{ error: { initial: 10s, factor: 2, max: 5m, jitter: 0.5 } }";
    let world = world_of_many(cured, fails).await;
    world.until(3605.0).await;
    let peak = peak(&world, 3000.0);
    assert!(peak < OBJECTS / 20, "{peak} at once");
    assert!(world.runs().len() < 20 * OBJECTS, "{} runs", world.runs().len());
}

#[tokio::test(start_paused = true)]
async fn a_herd_stays_together_after_a_restart() {
    let world = world_of_many("{ default: 30s }", ready).await;
    world.until(305.0).await;
    assert_eq!(peak(&world, 270.0), OBJECTS);

    let world = world_of_many("{ default: { initial: 30s, jitter: 0.2 } }", ready).await;
    world.until(305.0).await;
    let peak = peak(&world, 270.0);
    // 200 objects in 30 s are 6.7 a second.
    assert!(peak < 20, "{peak} at once");
}

#[tokio::test(start_paused = true)]
async fn the_log_floods_with_a_line_for_each_trigger() {
    let world = World::new(|thing: Arc<Thing>, things: Api<Thing>| async move {
        write_status(&thing, &things, Phase::Ready).await;
        Ok(Phase::Ready)
    });
    world.create("a").await;
    let yields = world.count_yields(&requeuer(policy("{}")));
    for second in 1..=20 {
        world.until(f64::from(second)).await;
        world.patch_status(json!({ "message": format!("{second}") })).await;
    }
    world.until(25.0).await;
    assert_eq!(world.times(), [0.0]);
    // Neither its own status write nor twenty of another controller are dispatched.
    assert_eq!(yields.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_at_all() {
    let world = World::new(ready);
    world.create("a").await;
    world.server.set_reachable(false);
    world.start(policy("{}"));
    world.until(60.0).await;
    assert!(world.times().is_empty());
    let lines = world.lines.visible();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("WARN watch failed, retrying kind=Thing"),
        "{lines:?}"
    );
    world.server.set_reachable(true);
    world.until(180.0).await;
    assert!(!world.times().is_empty(), "not even when the cause is gone");
    assert_eq!(world.lines.visible()[1..], ["INFO watch recovered kind=Thing"]);
}
