//! What an operator wrote by hand against the loop, and what of it does harm now.

use crate::{
    guide::classify,
    lines::Lines,
    world::{Oops, Thing, World, change_child, ensure_child, patch_status, policy, requeuer, wall_clock, write_status},
};
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt};
use requeue_policy::{Observe, Phase};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tracing_subscriber::{EnvFilter, prelude::*, registry};

/// `predicate_filter` takes another number of arguments on older kubes.
#[cfg(feature = "kube-runtime")]
mod predicate {
    use super::*;
    use crate::{
        do_you_need_this::{filtered, run_alone, with_kubes_finalizer},
        world::{Noting, writes_status},
    };
    use kube::runtime::predicates;
    use requeue_policy::{Outcome, Retry, kube::finalizer};

    /// The same with the finalizer of this crate.
    async fn with_finalizer(thing: Arc<Thing>, things: Api<Thing>) -> Result<Outcome, Oops> {
        let api = things.clone();
        let apply = |thing| writes_status(thing, things);
        finalizer(&api, "example.com/thing", thing, apply, async |_| Ok(())).await
    }

    async fn is_synced(world: &World) -> bool {
        world.things.get("a").await.expect("it is there").status.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_predicate_on_the_generation_keeps_a_new_object_from_its_first_sync() {
        let alone = World::new(with_kubes_finalizer);
        alone.create("a").await;
        run_alone(&alone, filtered(&alone, predicates::generation));

        let parts = World::new(with_finalizer);
        parts.create("a").await;
        let requeue = requeuer(policy("{}"));
        let reconcile: Noting = parts.noting_reconciler();
        let stream = filtered(&parts, predicates::generation).run(
            requeue.reconciler(reconcile),
            requeue.error_policy(|_: &Oops, _: &Thing| Retry::Backoff),
            Arc::new(Api::default_namespaced(requeue.client(parts.client()))),
        );
        tokio::spawn(stream.for_each(async |_| {}));

        let controller = World::new(with_finalizer);
        controller.create("a").await;
        controller.start(policy("{}"));

        controller.until(20.0).await;
        assert!(!is_synced(&alone).await && !is_synced(&parts).await);
        assert_eq!((alone.times(), parts.times()), (vec![0.0], vec![0.0]));
        assert!(is_synced(&controller).await, "{:?}", controller.times());
        // Only an edit ends it.
        for world in [&alone, &parts] {
            world.set_value(1).await;
        }
        controller.until(21.0).await;
        assert!(is_synced(&alone).await && is_synced(&parts).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backoff_map_of_ones_own_is_inflated_by_events() {
    const POLICY: &str = "{ error: { initial: 10s, factor: 2, max: 1h } }";
    async fn edited(world: &World) -> Vec<f64> {
        world.create("a").await;
        world.start(policy(POLICY));
        for edit in 1..=4_i32 {
            world.until(edit.into()).await;
            world.set_value(edit.into()).await;
        }
        world.until(100.0).await;
        world.times()
    }
    let failures = Mutex::new(HashMap::<_, u32>::new());
    let by_hand = World::new(move |thing: Arc<Thing>, _| {
        let mut failures = failures.lock().expect("no test panics here");
        let failures = failures.entry(thing.uid()).or_default();
        let delay = format!("after {}s", 10 << *failures);
        *failures += 1;
        async { Err::<Phase, _>(Oops(delay.leak())) }
    });
    let by_hand = edited(&by_hand.classify(classify)).await;
    assert_eq!(by_hand, [0.0, 1.0, 2.0, 3.0, 4.0], "the next is at 164 s");

    let by_policy = edited(&World::new(async |_, _| Err::<Phase, _>(Oops("no quota")))).await;
    assert_eq!(by_policy[..7], [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 30.0]);
}

#[tokio::test(start_paused = true)]
async fn a_reconciler_that_skips_a_generation_it_knows_repairs_nothing() {
    for (skips, expected) in [(true, "wrong"), (false, "right")] {
        let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| async move {
            let generation = thing.metadata.generation.map(|generation| generation.to_string());
            let known = thing.status.as_ref().and_then(|status| status.message.clone());
            if !skips || known != generation {
                ensure_child(&things, &thing).await;
                change_child(&Api::default_namespaced(things.clone().into_client()), "right").await;
                patch_status(&things, "a", json!({ "phase": "Ready", "message": generation })).await;
            }
            Ok::<_, Oops>(Phase::Ready)
        });
        world.create("a").await;
        world.start_owning(&requeuer(policy("{}")));
        world.until(10.0).await;
        world.change_child("wrong").await;
        world.until(100.0).await;
        let child: ConfigMap = world.children.get("a").await.expect("it is there");
        let value = child.data.as_ref().and_then(|data| data.get("value"));
        assert_eq!(value.map(String::as_str), Some(expected), "{:?}", world.times());
        assert_eq!(world.times()[..2], [0.0, 10.0], "it is reconciled all the same");
    }
}

/// What the status says ten seconds after two changes, when an operator writes only what differs from what it read.
async fn compared(through_the_requeuer: bool) -> (String, Vec<f64>) {
    let outside = Arc::new(Mutex::new(None::<Api<Thing>>));
    let another = outside.clone();
    let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| {
        let another = another.lock().expect("no test panics here").clone();
        let things = another.filter(|_| !through_the_requeuer).unwrap_or(things);
        async move {
            let value = thing.spec.value.to_string();
            let status = thing.status.as_ref();
            if status.and_then(|status| status.message.as_ref()) != Some(&value) {
                patch_status(&things, "a", json!({ "phase": "Ready", "message": value })).await;
            }
            Ok::<_, Oops>(Phase::Ready)
        }
    });
    *outside.lock().expect("no test panics here") = Some(Api::default_namespaced(world.client()));
    world.create("a").await;
    world.start(policy("{}"));
    world.until(9.0).await;
    world.server.set_watch_lag(Duration::from_secs(2));
    world.until(10.0).await;
    world.set_value(1).await;
    world.until(11.0).await;
    world.set_value(0).await;
    world.until(20.0).await;
    let thing = world.things.get("a").await.expect("it is there");
    let message = thing.status.and_then(|status| status.message);
    (message.unwrap_or_default(), world.times())
}

#[tokio::test(start_paused = true)]
async fn a_comparison_before_the_write_may_stay() {
    let (message, times) = compared(true).await;
    assert_eq!(message, "0");
    // The change that is seen at 13 s waits for the write of 12 s.
    assert_eq!(times, [0.0, 12.0, 14.0]);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_compared_and_written_by_another_client_stays_wrong_until_due() {
    let (message, times) = compared(false).await;
    assert_eq!(message, "1", "the spec says 0");
    assert_eq!(times, [0.0, 12.0, 13.0]);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_swallowed_is_no_outage() {
    for (answer, lines, failing) in [
        (Ok(Phase::Ready.after(Duration::from_secs(300))), 0, 0),
        (Err(Oops("no quota")), 1, 1),
    ] {
        let world = World::new(move |_, _| async move { answer });
        world.create("a").await;
        let requeue = requeuer(policy("{}"));
        world.start_with(&requeue);
        world.until(100.0).await;
        assert_eq!(
            (world.lines.visible().len(), requeue.failing()),
            (lines, failing),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_status_writes_that_disagree_make_an_outage_look_younger_after_a_restart() {
    /// With the time of the transition, as a helper for conditions does.
    async fn enter(things: &Api<Thing>, phase: Phase) {
        let was = things.get("a").await.expect("it is there").observe().phase();
        if was != phase {
            patch_status(things, "a", json!({ "phase": phase, "since": wall_clock() })).await;
        }
    }
    for (writes, after_the_restart) in [(&[Phase::Ready, Phase::Failed][..], 140.0), (&[Phase::Failed], 210.0)] {
        let world = World::new(move |_, things: Api<Thing>| async move {
            for phase in writes {
                enter(&things, *phase).await;
            }
            Err::<Phase, _>(Oops("no quota"))
        });
        world.create("a").await;
        let error = "{ error: { initial: 10s, factor: 2, max: 1h } }";
        let first = world.start(policy(error));
        world.until(100.0).await;
        first.abort();
        world.start(policy(error));
        world.until(after_the_restart + 1.0).await;
        let times: Vec<_> = world.times().iter().map(|time| time.round()).collect();
        assert_eq!(times, [0.0, 10.0, 30.0, 70.0, 100.0, after_the_restart], "{writes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_on_the_operators_name_loses_the_lines_of_the_policy() {
    for (filter, expected) in [("my_operator=info", 0), ("my_operator=info,requeue_policy=info", 1)] {
        let world = World::new(async |_, _| Err::<Phase, _>(Oops("no quota")));
        let lines = Lines::default();
        let _log = registry()
            .with(EnvFilter::new(filter))
            .with(lines.clone())
            .set_default();
        world.create("a").await;
        world.start(policy("{}"));
        world.until(15.0).await;
        assert_eq!(lines.visible().len(), expected, "{filter}: {:?}", lines.visible());
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_has_every_failure_and_the_log_has_one_line() {
    let world = World::new(async |_, _| Err::<Phase, _>(Oops("no quota")));
    world.create("a").await;
    let requeue = requeuer(policy("{ error: 10s }"));
    let errors = Arc::new(AtomicUsize::new(0));
    let counted = errors.clone();
    let stream = world.run(world.controller(&requeue), &requeue);
    tokio::spawn(stream.for_each(move |item| {
        counted.fetch_add(usize::from(item.is_err()), Ordering::Relaxed);
        async {}
    }));
    world.until(55.0).await;
    assert_eq!(errors.load(Ordering::Relaxed), 6);
    assert_eq!(world.lines.visible().len(), 1, "{:?}", world.lines.visible());
}

#[tokio::test(start_paused = true)]
async fn an_item_of_the_stream_is_a_dispatch_and_not_a_reconcile() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        write_status(&thing, &things, Phase::Ready).await;
        Ok(Phase::Ready)
    });
    world.create("a").await;
    let items = world.count_yields(&requeuer(policy(
        "{ default: 1h, rate_limit: { burst: 2, every: 10s } }",
    )));
    for edit in 1..=30_i32 {
        world.until(edit.into()).await;
        world.set_value(edit.into()).await;
    }
    world.until(100.0).await;
    let (items, reconciles) = (items.load(Ordering::SeqCst), world.times().len());
    assert!(items > reconciles, "{items} items, {reconciles} reconciles");
}
