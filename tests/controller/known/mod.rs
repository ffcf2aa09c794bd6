//! What the controller knows: why it reconciles, what it wrote, what exists.

mod chatter;
mod client;
mod limit;
mod others;
mod phases;
mod relist;
mod shutdown;
mod sources;
mod start;
mod wait;
mod watch;

use crate::world::{Oops, Thing, World, ensure_child, patch_status, policy, requeuer, write_status, writes_status};
use kube::{Api, ResourceExt, api::DeleteParams};
use requeue_policy::{
    Outcome, Phase,
    kube::{Transition, reasons},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::time::sleep;

/// Two status writes in one reconcile that disagree: Ready, then Failed.
async fn disagrees(thing: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Oops> {
    write_status(&thing, &things, Phase::Ready).await;
    write_status(&thing, &things, Phase::Failed).await;
    Ok(Phase::Failed)
}

#[tokio::test(start_paused = true)]
async fn two_status_writes_that_disagree_trigger_nothing() {
    // With a latency a watch event lies between the two writes.
    for (latency, lag) in [(0, 0), (0, 50), (10, 0), (10, 50)] {
        let world = World::new(disagrees);
        world.server.set_latency(Duration::from_millis(latency));
        world.server.set_watch_lag(Duration::from_millis(lag));
        world.create("a").await;
        world.start(policy("{ error: 10s }"));
        world.until(25.0).await;
        let seconds: Vec<_> = world.times().iter().map(|time| time.round()).collect();
        assert_eq!(
            seconds,
            [0.0, 10.0, 20.0],
            "latency {latency} ms, a watch that lags {lag} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_costs_no_dispatch() {
    let world = World::new(writes_status);
    world.create("a").await;
    let yields = world.count_yields(&requeuer(policy("{ default: 30s }")));
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0]);
    assert_eq!(yields.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_childs_change_during_a_reconcile_that_awaits_a_change_is_seen_at_once() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        ensure_child(&things, &thing).await;
        sleep(Duration::from_millis(300)).await;
        write_status(&thing, &things, Phase::Ready).await;
        Ok(Phase::Ready.await_change())
    });
    world.create("a").await;
    world.start_owning(&requeuer(policy("{}")));
    world.until(0.15).await;
    world.change_child("1").await;
    world.until(60.0).await;
    // The third is due after the longest interval, because the patch of the status may have changed nothing.
    assert_eq!(world.times(), [0.0, 0.3, 30.6]);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_starts_on_a_cache_with_its_own_last_write() {
    let seen = Arc::new(Mutex::new(vec![]));
    let noted = seen.clone();
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        noted
            .lock()
            .expect("no test panics here")
            .push(thing.resource_version());
        async move {
            write_status(&thing, &things, Phase::Ready).await;
            Ok::<_, Oops>(Phase::Ready.after(Duration::from_secs(2)))
        }
    });
    world.server.set_watch_lag(Duration::from_secs(3));
    world.create("a").await;
    world.start(policy("{ rate_limit: null }"));
    world.until(9.0).await;
    let seen = seen.lock().expect("no test panics here").clone();
    let all: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!(all.len(), seen.len(), "a reconcile started on a stale cache: {seen:?}");
    assert_eq!(world.times().len(), 3, "{:?}", world.times());
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_restores_the_phase_is_a_change() {
    // After the reconcile, and during it: then its trigger shows the phase that the reconcile read.
    for (at, seen) in [(10.0, 10.0), (0.1, 0.3)] {
        let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
            write_status(&thing, &things, Phase::Ready).await;
            sleep(Duration::from_millis(300)).await;
            Ok(Phase::Ready)
        });
        world.create("a").await;
        patch_status(&world.things, "a", json!({ "phase": "Failed" })).await;
        world.start(policy("{ default: 60s }"));
        world.until(at).await;
        world.patch_status(json!({ "phase": "Failed" })).await;
        world.until(20.0).await;
        assert_eq!(world.times(), [0.0, seen], "written at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_and_recreated_is_new() {
    let all = Arc::new(Mutex::new(vec![]));
    let noted = all.clone();
    let world = World::new(move |_, _| {
        let reasons: Vec<_> = reasons().iter().map(ToString::to_string).collect();
        noted.lock().expect("no test panics here").push(reasons.join("; "));
        async { Ok::<_, Oops>(Outcome::from(Phase::Ready)) }
    });
    let requeue = requeuer(policy("{ default: 30s }"));
    world.start_with(&requeue);
    world.until(1.0).await;
    world.create("a").await;
    world.until(2.0).await;
    assert_eq!(requeue.tracked(), 1);
    world
        .things
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    world.until(3.0).await;
    assert_eq!(requeue.tracked(), 0);
    world.create("a").await;
    world.until(4.0).await;
    world.set_value(1).await;
    world.until(40.0).await;
    assert_eq!(
        *all.lock().expect("no test panics here"),
        ["new", "new", "changed: generation", "due"]
    );
    assert_eq!(world.times(), [1.0, 3.0, 4.0, 34.0]);
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_told_of_every_decision() {
    let world = World::new(async |thing: Arc<Thing>, _| match thing.spec.value {
        0 => Ok(Phase::Ready),
        _ => Err(Oops("no quota")),
    });
    let all = Arc::new(Mutex::new(vec![]));
    let noted = all.clone();
    let requeue = requeuer(policy("{ default: 30s, error: 10s }")).on_decision(move |decision| {
        let reasons: Vec<_> = decision.reasons.iter().map(ToString::to_string).collect();
        let error = decision.error.map(ToString::to_string).unwrap_or_default();
        let line = format!(
            "{} {}/{}: {}: {:?} -> {}, {}: {error}",
            decision.kind,
            decision.namespace.unwrap_or_default(),
            decision.name,
            reasons.join("; "),
            decision.before,
            decision.phase,
            decision.requeue,
        );
        noted
            .lock()
            .expect("no test panics here")
            .push((line, decision.transition));
    });
    world.create("a").await;
    world.start_with(&requeue);
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(5.0).await;
    world.set_value(0).await;
    world.until(6.0).await;
    let all = all.lock().expect("no test panics here");
    let lines: Vec<_> = all.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "Thing default/a: new: None -> Ready, after 30s: ",
            "Thing default/a: changed: generation: Some(Ready) -> Failed, after 10s: no quota",
            "Thing default/a: changed: generation: Some(Failed) -> Ready, after 30s: ",
        ]
    );
    assert!(matches!(
        all[..],
        [
            (_, Transition::None),
            (_, Transition::Failed),
            (_, Transition::Recovered(_))
        ]
    ));
}
