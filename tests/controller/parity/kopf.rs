//! kopf 1.44.6: its documentation (`errors.rst`, `timers.rst`, `continuity.rst`) and `kopf/_core/actions/execution.py`.

use crate::world::{Answer, Oops, Thing, World, policy, wall_clock};
use kube::Api;
use requeue_policy::{Outcome, Phase, Retry};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

async fn fails(_: Arc<Thing>, _: Api<Thing>) -> Result<Phase, Oops> {
    Err(Oops("no quota"))
}

/// What kopf makes of an exception, as an error classifier.
fn by_kind(error: &Oops) -> Retry {
    match error.0 {
        "TemporaryError(delay=30)" => Retry::After(Duration::from_secs(30)),
        "PermanentError" => Retry::Never,
        _ => Retry::Backoff,
    }
}

#[tokio::test(start_paused = true)]
async fn kopf_errors_by_kind() {
    // errors.rst: the times at which a handler is called that always raises
    // | raises                                 | calls               |
    // | TemporaryError(delay=30)               | 0, 30, 60, 90 ...   |
    // | PermanentError                         | 0                   |
    // | anything else, default_backoff (60 s)  | 0, 60, 120 ...      |
    let rows: [(&'static str, &[f64]); 3] = [
        ("TemporaryError(delay=30)", &[0.0, 30.0, 60.0, 90.0, 120.0]),
        ("PermanentError", &[0.0]),
        ("Exception", &[0.0, 60.0, 120.0]),
    ];
    for (raises, calls) in rows {
        let world = World::new(move |_, _| async move { Err::<Phase, _>(Oops(raises)) }).classify(by_kind);
        world.create("a").await;
        world.start(policy("{ error: 60s }"));
        world.until(125.0).await;
        assert_eq!(world.times(), calls, "{raises}");
    }
}

#[tokio::test(start_paused = true)]
async fn kopf_retries_and_backoff() {
    // errors.rst, execution.py: a handler is called so many times in all
    // | options               | calls           |
    // | retries=3             | 0, 60, 120      |
    // | retries=3, backoff=30 | 0, 30, 60       |
    // retries=1, a single call, is `Retry::Never`.
    let rows: [(&str, &[f64]); 2] = [
        ("{ initial: 60s, deadline: 120s }", &[0.0, 60.0, 120.0]),
        ("{ initial: 30s, deadline: 60s }", &[0.0, 30.0, 60.0]),
    ];
    for (error, calls) in rows {
        let world = World::new(fails);
        world.create("a").await;
        world.start(policy(&format!("{{ error: {error} }}")));
        world.until(100_000.0).await;
        assert_eq!(world.times(), calls, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_looks_back_and_not_ahead() {
    // execution.py gives up at the failure whose next retry would come at the timeout or later. timeout=300, backoff=60
    // | calls | 0, 60, 120, 180, 240 |
    // Ours gives up at the first failure past it.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: { initial: 60s, deadline: 300s } }"));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]);

    // So the deadline that is kopf's is one backoff less.
    let world = World::new(fails);
    world.create("a").await;
    world.start(policy("{ error: { initial: 60s, deadline: 240s } }"));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0, 60.0, 120.0, 180.0, 240.0]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_outlives_the_deadline() {
    // execution.py: timeout=120 ends a TemporaryError(delay=30), too, at 90 s. Ours obeys the error.
    let world = World::new(|_, _| async { Err::<Phase, _>(Oops("TemporaryError(delay=30)")) }).classify(by_kind);
    world.create("a").await;
    world.start(policy("{ error: { initial: 60s, deadline: 120s } }"));
    world.until(200.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0]);
}

#[tokio::test(start_paused = true)]
async fn kopf_errors_mode() {
    // errors.rst: the times at which a handler is called that always raises an exception
    // | errors              | calls          |
    // | ErrorsMode.TEMPORARY | 0, 60, 120 ... |
    // | ErrorsMode.PERMANENT | 0              |
    let world = World::new(fails).classify(|_| Retry::Never);
    world.create("a").await;
    world.start(policy("{ error: 60s }"));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0]);

    // | ErrorsMode.IGNORED   | 0, and the object counts as handled |
    let world = World::new(|thing, things| async { fails(thing, things).await.or(Ok::<_, Oops>(Phase::Ready)) });
    world.create("a").await;
    world.start(policy("{ default: 10m, error: 60s }"));
    world.until(1000.0).await;
    assert_eq!(world.times(), [0.0, 600.0]);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn kopf_timer_that_fails_three_times() {
    // timers.rst: interval=10, backoff=5, three failures; the cycle is 3 × 5 + 10 s
    // | calls | 0, 5, 10, 15, and a new cycle from 25 |
    let calls = AtomicUsize::new(0);
    let world = World::new(move |_, _| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        let answer: Answer = if call % 4 < 3 {
            Err(Oops("no quota"))
        } else {
            Ok(Outcome::from(Phase::Ready))
        };
        async move { answer }
    });
    world.create("a").await;
    world.start(policy("{ default: 10s, error: 5s }"));
    world.until(45.0).await;
    assert_eq!(world.times(), [0.0, 5.0, 10.0, 15.0, 25.0, 30.0, 35.0, 40.0]);
}

/// Two processes one after the other on an object that fails from the start on and says so in its status; the first
/// one ends at 100 s.
async fn restarted_at_100_s(error: &str, until: f64) -> Vec<f64> {
    let world = World::new(fails);
    world.create("a").await;
    world
        .patch_status(json!({ "phase": "Failed", "since": wall_clock() }))
        .await;
    let policy = policy(&format!("{{ error: {error} }}"));
    let first = world.start(policy);
    world.until(100.0).await;
    first.abort();
    world.start(policy);
    world.until(until).await;
    // Milliseconds lie between a test's reading of the wall clock and the crate's.
    world.times().iter().map(|at| at.round()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_restart_runs_every_object_once_and_then_goes_on_with_the_backoff() {
    // continuity.rst: retries go on where they were, from what the object carries. With 10, 20, 40, 80 s kopf's next
    // call is at 150 s. Ours runs at once, for a change may have been missed, and then by its time in the phase: 10 s
    // + 100 s later.
    let times = restarted_at_100_s("{ initial: 10s, factor: 2, max: 1h }", 400.0).await;
    assert_eq!(times, [0.0, 10.0, 30.0, 70.0, 100.0, 210.0]);
}

#[tokio::test(start_paused = true)]
async fn kopf_a_timeout_goes_on_over_a_restart() {
    // continuity.rst, progression.py: `started` is stored, so the timeout counts from the first call of all.
    let times = restarted_at_100_s("{ initial: 30s, deadline: 125s }", 1000.0).await;
    assert_eq!(times, [0.0, 30.0, 60.0, 90.0, 100.0, 130.0]);
}
