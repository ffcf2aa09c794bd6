//! What follows from kube's own errors.

use crate::world::{Thing, World, policy, ready, requeuer};
use futures::{FutureExt as _, StreamExt, future::BoxFuture};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use kube_testbed::{Fault, Verb};
use requeue_policy::{
    Outcome, Phase, Retry,
    kube::{Requeuer, finalizer},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tracing::Level;

const BACKOFF: &str = "{ default: 30s, error: { initial: 10s, factor: 2, max: 1h } }";

/// The reconciler's own type, of which kube's is one kind.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error("{0}")]
    Other(&'static str),
}

/// What the guide does with kube's errors.
fn classify(error: &Error, thing: &Thing) -> Retry {
    match error {
        // Its last finalizer went, and the object with it.
        Error::Kube(kube::Error::Api(status)) if status.code == 404 && thing.metadata.deletion_timestamp.is_some() => {
            Retry::Later(Duration::from_secs(1))
        }
        Error::Kube(error) => match Retry::from(error) {
            Retry::Backoff if is_invalid(error) => Retry::Never,
            retry => retry,
        },
        Error::Other("never") => Retry::Never,
        Error::Other(_) => Retry::Backoff,
    }
}

fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

/// Starts a controller of the things in a world; returns when it runs, in seconds.
fn start<F, O>(
    world: &World,
    requeue: &Requeuer,
    reconcile: impl Fn(Arc<Thing>, Api<Thing>) -> F + Send + Sync + 'static,
) -> Arc<Mutex<Vec<f64>>>
where
    F: Future<Output = Result<O, Error>> + Send + 'static,
    O: Into<Outcome>,
{
    let runs = Arc::new(Mutex::new(vec![]));
    let (of_runs, start) = (runs.clone(), Instant::now());
    let things = Api::<Thing>::default_namespaced(world.client());
    let controller = world.controller(requeue);
    let reconcile: Box<Reconciler> = Box::new(move |thing, things| {
        let at = (start.elapsed().as_secs_f64() * 100.0).round() / 100.0;
        of_runs.lock().expect("no run panics").push(at);
        let run = reconcile(thing, (*things).clone());
        async move { run.await.map(Into::into) }.boxed()
    });
    // Of one type for all tests: kube's `Controller` takes seconds to compile for each.
    let things = Api::<Thing>::default_namespaced(requeue.client(things.into_client()));
    let run = controller.run_with(reconcile, classify, Arc::new(things));
    tokio::spawn(run.for_each(|_| async {}));
    runs
}

type Reconciler = dyn Fn(Arc<Thing>, Arc<Api<Thing>>) -> BoxFuture<'static, Result<Outcome, Error>> + Send + Sync;

fn times(runs: &Mutex<Vec<f64>>) -> Vec<f64> {
    runs.lock().expect("no run panics").clone()
}

/// Writes the thing as the controller has it, which is refused when somebody else has written meanwhile.
async fn write(thing: &Thing, things: &Api<Thing>) -> Result<Phase, Error> {
    let written = things.replace("a", &PostParams::default(), thing).await;
    written?;
    Ok(Phase::Ready)
}

/// Answers the status writes of the controller with this status, until so many seconds after the start.
fn refuse(world: &World, until: f64, code: u16, reason: &'static str, retry_after: Option<u64>) {
    let start = Instant::now();
    world.server.on_request(move |request| {
        let is_refused = request.verb == Verb::PatchStatus && start.elapsed().as_secs_f64() < until;
        is_refused.then_some(Fault::Status {
            code,
            reason,
            retry_after: retry_after.map(Duration::from_secs),
        })
    });
}

async fn write_status(_: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Error> {
    let patch = Patch::Merge(json!({ "status": { "phase": "Ready" } }));
    things.patch_status("a", &PatchParams::default(), &patch).await?;
    Ok(Phase::Ready)
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_the_watch_makes_good_runs_at_once() {
    // Somebody else writes in the middle of every second run: first the spec, then only the status.
    for (patch, expected) in [
        (json!({ "spec": { "value": 1 } }), [0.0, 0.3]),
        (json!({ "status": { "message": "hello" } }), [0.0, 1.3]),
    ] {
        let world = World::new(ready);
        world.create("a").await;
        let runs = start(
            &world,
            &requeuer(policy(BACKOFF)),
            |thing: Arc<Thing>, things: Api<Thing>| async move {
                sleep(Duration::from_millis(300)).await;
                write(&thing, &things).await
            },
        );
        world.until(0.1).await;
        match patch.get("spec") {
            Some(_) => world.patch(patch).await,
            None => world.patch_status(patch["status"].clone()).await,
        }
        world.until(25.0).await;
        assert_eq!(times(&runs), expected);
        assert_eq!(world.lines.visible(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_neither_starts_nor_ends_an_outage_and_is_never_the_last_attempt() {
    let world = World::new(ready);
    world.create("a").await;
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 1h, deadline: 25s } }"));
    let outages = Arc::new(Mutex::new(vec![]));
    let (asked, seen) = (requeue.clone(), outages.clone());
    let runs = start(&world, &requeue, move |thing: Arc<Thing>, things: Api<Thing>| {
        let (asked, seen) = (asked.clone(), seen.clone());
        async move {
            let error = match thing.spec.value {
                0 => Error::Other("no quota"),
                _ => write_status(thing.clone(), things).await.expect_err("it is refused"),
            };
            let outage = asked.outage(&*thing).after(classify(&error, &thing));
            seen.lock()
                .expect("no run panics")
                .push((outage.elapsed.as_secs(), outage.is_last));
            Err::<Phase, _>(error)
        }
    });
    refuse(&world, 1e9, 409, "Conflict", None);
    world.until(40.0).await;
    // Given up at 30 s, and it stays so through conflicts by an event.
    assert_eq!(times(&runs), [0.0, 10.0, 30.0]);
    let before = world.lines.visible();
    assert_eq!(before.len(), 2, "{before:?}");
    world.set_value(1).await;
    world.until(42.5).await;
    assert_eq!(times(&runs), [0.0, 10.0, 30.0, 40.0, 41.0, 42.0]);
    assert_eq!(world.lines.visible(), before);
    world.set_value(0).await;
    world.until(1000.0).await;
    assert_eq!(times(&runs), [0.0, 10.0, 30.0, 40.0, 41.0, 42.0, 42.5]);
    assert_eq!(world.lines.visible(), before, "it had said already that it gave up");
    let seen = outages.lock().expect("no run panics").clone();
    let expected = [
        (0, false),
        (10, false),
        (30, true),
        (40, false),
        (41, false),
        (42, false),
        (42, true),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_kube_is_told_apart_in_one_line() {
    let world = World::new(ready);
    world.create("a").await;
    let runs = start(&world, &requeuer(policy(BACKOFF)), write_status);
    refuse(&world, 0.5, 409, "Conflict", None);
    world.until(2.0).await;
    assert_eq!(times(&runs), [0.0, 1.0]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_backs_off_like_any_error() {
    for (code, reason) in [(401, "Unauthorized"), (403, "Forbidden")] {
        let world = World::new(ready);
        world.create("a").await;
        let runs = start(&world, &requeuer(policy(BACKOFF)), write_status);
        refuse(&world, 65.0, code, reason, None);
        world.until(165.0).await;
        // Granted at 65 s.
        assert_eq!(times(&runs), [0.0, 10.0, 30.0, 70.0, 100.0, 130.0, 160.0], "{code}");
        let lines = world.lines.visible();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("WARN failed") && lines[0].contains(reason),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("INFO recovered"), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_a_warn_line_also_in_an_outage_that_began_otherwise() {
    const DENIED: &str = "WARN still failed: the API server denies a request kind=Thing object=default/a \
                          denied=a fault that the test asked for";
    let world = World::new(ready);
    world.create("a").await;
    let requeue = requeuer(policy(BACKOFF));
    start(&world, &requeue, |thing: Arc<Thing>, things: Api<Thing>| async move {
        match thing.spec.value {
            0 => Err(Error::Other("no quota")),
            _ => write_status(thing, things).await,
        }
    });
    refuse(&world, 500.0, 403, "Forbidden", None);
    world.until(15.0).await;
    world.set_value(1).await;
    world.until(20.0).await;
    let lines = world.lines.visible();
    assert_eq!(lines[1..], [DENIED], "{lines:?}");
    // Once, whatever comes between, until the outage is over.
    world.set_value(0).await;
    world.until(25.0).await;
    world.set_value(1).await;
    world.until(400.0).await;
    assert_eq!(world.lines.visible().len(), 2, "{:?}", world.lines.visible());
    world.until(800.0).await;
    world.set_value(0).await;
    refuse(&world, 1e9, 403, "Forbidden", None);
    world.until(805.0).await;
    world.set_value(1).await;
    world.until(810.0).await;
    let lines = world.lines.visible();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[4], DENIED);
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_a_warn_line_after_the_restart_that_needs_it() {
    let world = World::new(ready);
    world.create("a").await;
    // It was failing already, as its status says.
    world.patch_status(json!({ "phase": "Failed" })).await;
    start(&world, &requeuer(policy(BACKOFF)), write_status);
    refuse(&world, 1e9, 403, "Forbidden", None);
    world.until(100.0).await;
    let lines = world.lines.visible();
    assert!(lines.len() == 1 && lines[0].contains("denies"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn no_error_of_kube_waits_longer_than_the_error_interval() {
    for (code, reason) in [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (409, "Conflict"),
        (429, "TooManyRequests"),
    ] {
        let world = World::new(ready);
        world.create("a").await;
        let runs = start(&world, &requeuer(policy("{ error: 2s }")), write_status);
        refuse(&world, 1e9, code, reason, None);
        world.until(60.0).await;
        let (runs, end) = (times(&runs), [60.0]);
        let longest = runs
            .iter()
            .zip(runs[1..].iter().chain(&end))
            .map(|(one, next)| next - one);
        assert!(longest.fold(0.0, f64::max) < 2.1, "{code}: {runs:?}");
    }
}

/// Kube 1, on which these tests run too, has no details.
#[cfg(feature = "kube-runtime")]
#[tokio::test(start_paused = true)]
async fn an_api_server_that_says_when_to_come_back_is_obeyed() {
    for (code, reason) in [
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
        // Of a class that the application overrides, and backs off no more.
        (422, "Invalid"),
    ] {
        let world = World::new(ready);
        world.create("a").await;
        let runs = start(&world, &requeuer(policy(BACKOFF)), write_status);
        refuse(&world, 16.0, code, reason, Some(7));
        world.until(25.0).await;
        assert_eq!(times(&runs), [0.0, 7.0, 14.0, 21.0], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_class_of_kubes_errors_is_overridden_and_the_rest_stays() {
    let world = World::new(ready);
    world.create("a").await;
    let runs = start(&world, &requeuer(policy(BACKOFF)), write_status);
    refuse(&world, 1000.0, 422, "Invalid", None);
    world.until(900.0).await;
    assert_eq!(times(&runs), [0.0]);
    let lines = world.lines.visible();
    assert!(lines.len() == 1 && lines[0].starts_with("ERROR gave up"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_404_after_the_last_finalizer_went_is_no_failure() {
    let world = World::new(ready);
    world.create("a").await;
    let runs = start(
        &world,
        &requeuer(policy(BACKOFF)),
        |thing: Arc<Thing>, things: Api<Thing>| async move {
            let (apply, cleanup) = (async |_| Ok(Phase::Ready), async |_| Ok::<_, Error>(()));
            let outcome = finalizer(&things, "example.com/a", thing.clone(), apply, cleanup).await?;
            write_status(thing, things).await?;
            Ok(outcome)
        },
    );
    world.until(10.0).await;
    // The 404 comes first, and then the watch says that the object is gone.
    world.server.set_watch_lag(Duration::from_millis(500));
    let deleted = world.things.delete("a", &Default::default()).await;
    deleted.expect("it is there");
    world.until(100.0).await;
    assert_eq!(times(&runs), [0.0, 0.0, 10.5]);
    assert_eq!(world.lines.visible(), [""; 0]);
    let lines = world.lines.down_to(Level::DEBUG);
    assert!(
        lines.len() == 1 && lines[0].starts_with("DEBUG no failure"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_time_out_and_a_lost_connection_back_off() {
    let world = World::new(ready);
    world.create("a").await;
    let runs = start(&world, &requeuer(policy(BACKOFF)), write_status);
    refuse(&world, 5.0, 504, "Timeout", None);
    world.until(9.0).await;
    world
        .server
        .on_request(|request| (request.verb == Verb::PatchStatus).then_some(Fault::Unreachable));
    world.until(69.0).await;
    assert_eq!(times(&runs), [0.0, 10.0, 30.0]);
}

#[tokio::test(start_paused = true)]
async fn an_errors_own_retry_decides_whether_it_is_the_last_attempt() {
    let world = World::new(ready);
    let thing = world.create("a").await;
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 1m } }"));
    let conflict = || {
        let status = json!({ "status": "Failure", "code": 409, "reason": "Conflict", "message": "no" });
        Error::Kube(kube::Error::Api(serde_json::from_value(status).expect("a status")))
    };
    // Before the deadline, and past it.
    for past in [false, true] {
        let started = requeue.now() - Duration::from_secs(if past { 100 } else { 10 });
        let mut thing = thing.clone();
        let since = k8s_openapi::jiff::Timestamp::try_from(started).expect("a time");
        let status = json!({ "phase": "Failed", "since": since });
        thing.status = Some(serde_json::from_value(status).expect("a status"));
        let outage = requeue.outage(&thing);
        let is_last = |error| outage.after(classify(&error, &thing)).is_last;
        assert_eq!(is_last(Error::Other("no quota")), past);
        assert!(is_last(Error::Other("never")));
        assert!(!is_last(conflict()));
        assert_eq!(outage.is_last, past);
    }
}
