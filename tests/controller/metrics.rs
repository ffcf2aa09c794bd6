//! What is counted: on the real `Controller`, in virtual time, with exact values.

mod reader;
mod table;

use futures::channel::mpsc;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::{Phase, RequeueConfig, kube::Overrides};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

use self::{
    reader::Reader,
    table::{Metric, labels, metrics},
};
use crate::{
    overrides::PAUSED,
    world::{Oops, Thing, World, policy, ready, requeuer, writes_status, writes_status_slowly},
};

/// How many series a controller has, as the guide says.
const SERIES: usize = 46;

/// A reconciler that fails for so many seconds.
fn failing_for(seconds: u64) -> impl Fn(Arc<Thing>, Api<Thing>) -> std::future::Ready<Result<Phase, Oops>> {
    let start = Instant::now();
    move |_, _| {
        std::future::ready(if start.elapsed() < Duration::from_secs(seconds) {
            Err(Oops("no quota"))
        } else {
            Ok(Phase::Ready)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_is_counted_by_its_first_reason() {
    let reader = Reader::install();
    let world = World::new(writes_status_slowly);
    let parent = world.create("a").await;
    let requeue = requeuer(RequeueConfig::default());
    let (all, for_all) = mpsc::unbounded();
    let children = Api::<ConfigMap>::default_namespaced(world.client());
    let controller = world
        .controller(&requeue)
        .owns(children, watcher::Config::default())
        .reconcile_all_on(for_all);
    world.spawn(controller, &requeue);
    let a = ObjectRef::<Thing>::new("a").within("default");
    let counted = |reason: &str| {
        let expected = format!("reconciles_total{{phase=ready,reason={reason}}} 1");
        assert_eq!(reader.only("reconciles_total"), [expected]);
    };

    world.until(5.0).await;
    let new = "reconciles_total{phase=initializing,reason=new} 1";
    assert_eq!(reader.only("reconciles_total"), [new]);
    world.set_value(1).await;
    world.until(10.0).await;
    counted("changed");
    world.create_child(&parent).await;
    world.until(15.0).await;
    counted("child");
    all.unbounded_send(()).expect("the controller runs");
    world.until(20.0).await;
    counted("requested_for_all");
    world.until(50.0).await;
    counted("due");
    world.set_value(2).await;
    // Both come before the next one starts.
    world.until(50.1).await;
    requeue.nudge(&a);
    world.change_child("b").await;
    world.until(60.0).await;
    let two = ["changed", "requested"].map(|reason| format!("reconciles_total{{phase=ready,reason={reason}}} 1"));
    assert_eq!(reader.only("reconciles_total"), two);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_without_a_reconcile_is_counted_by_what_postponed_it() {
    let reader = Reader::install();
    let world = World::new(writes_status);
    world.create("a").await;
    let requeue = requeuer(policy("rate_limit: { burst: 2, every: 5s }")).overrides(Overrides::new().paused(PAUSED));
    world.start_with(&requeue);
    world.until(1.0).await;
    assert_eq!(reader.only("postponed_total"), ["postponed_total{reason=echo} 1"]);
    world.patch_status(json!({ "message": "somebody else's" })).await;
    world.until(2.0).await;
    assert_eq!(reader.only("postponed_total"), ["postponed_total{reason=status} 1"]);

    world.set_value(1).await;
    world.until(3.0).await;
    assert_eq!(reader.only("postponed_total"), ["postponed_total{reason=echo} 1"]);
    world.set_value(2).await;
    world.until(4.0).await;
    assert_eq!(reader.only("postponed_total"), ["postponed_total{reason=rate_limit} 1"]);

    world.until(33.0).await;
    reader.read();
    let annotations = json!({ "metadata": { "annotations": { PAUSED: "true" } } });
    world.patch(annotations).await;
    world.until(34.0).await;
    assert_eq!(reader.read(), ["postponed_total{reason=paused} 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_waits_for_the_own_last_write_is_counted() {
    let reader = Reader::install();
    let world = World::new(writes_status);
    let thing = world.create("a").await;
    let requeue = requeuer(RequeueConfig::default());
    world.start_with(&requeue);
    world.until(1.0).await;
    world.server.hold_watches(Duration::from_secs(60));
    requeue.nudge(&ObjectRef::from_obj(&thing));
    world.until(2.0).await;
    reader.read();
    requeue.nudge(&ObjectRef::from_obj(&thing));
    world.until(3.0).await;
    assert_eq!(reader.read(), ["postponed_total{reason=stale_cache} 1"]);
}

#[tokio::test(start_paused = true)]
async fn each_wait_for_max_rate_is_recorded() {
    let reader = Reader::install();
    let world = World::new(ready);
    for name in ["a", "b", "c"] {
        world.create(name).await;
    }
    world.start(policy("{ default: 10s, max_rate: { per_second: 0.5 } }"));
    world.until(5.0).await;
    // What no timer starts does not wait.
    assert_eq!(reader.only("max_rate"), [""; 0]);
    world.until(19.0).await;
    let waited = [
        "delay_seconds{phase=ready} [10, 10, 10]",
        "max_rate_wait_seconds [2, 4]",
        "postponed_total{reason=max_rate} 2",
        "reconciles_total{phase=initializing,reason=due} 3",
    ];
    assert_eq!(reader.read(), waited);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_recorded_at_the_end_of_each_reconcile_that_has_one() {
    let reader = Reader::install();
    let world = World::new(failing_for(25));
    world.create("a").await;
    let controller = world.start(policy("error: { initial: 10s, factor: 2, max: 5m, deadline: 6h }"));
    world.until(4.0).await;
    // A failure inside the backoff has what is left of it.
    world.set_value(1).await;
    world.until(9.0).await;
    let delays = reader.only("delay_seconds");
    assert_eq!(delays.len(), 1, "{delays:?}");
    let left = delays[0]
        .strip_prefix("delay_seconds{phase=failed} [10, ")
        .and_then(|rest| rest.strip_suffix("]")?.parse::<f64>().ok());
    assert!(
        left.is_some_and(|left| (5.9..=6.0).contains(&left)),
        "what is left of the backoff: {delays:?}"
    );
    world.until(31.0).await;
    let delays = ["delay_seconds{phase=failed} [20]", "delay_seconds{phase=ready} [30]"];
    assert_eq!(reader.only("delay_seconds"), delays);
    controller.abort();

    let world = World::new(|_, _| std::future::ready(Ok(Phase::Ready.await_change())));
    world.create("a").await;
    world.start(RequeueConfig::default());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(reader.read(), ["reconciles_total{phase=initializing,reason=new} 1"]);
}

#[tokio::test(start_paused = true)]
async fn failing_objects_go_up_and_down() {
    // Read once each, for a reading takes the gauge with it.
    for (until, expected) in [(15.0, 1), (25.0, 0)] {
        let reader = Reader::install();
        let world = World::new(failing_for(20));
        world.create("a").await;
        world.start(RequeueConfig::default());
        world.until(until).await;
        assert_eq!(reader.only("failing_objects"), gauge(expected), "at {until} s");
    }
    // One that is deleted is forgotten at once; the gauge is set when the other one is reconciled.
    for (until, expected) in [(4.5_f64, 1), (6.5, 0)] {
        let reader = Reader::install();
        let world = World::new(|thing: Arc<Thing>, _| {
            let fails = thing.metadata.name.as_deref() == Some("a");
            std::future::ready(if fails { Err(Oops("no quota")) } else { Ok(Phase::Ready) })
        });
        world.create("a").await;
        world.create("b").await;
        let requeue = requeuer(policy("default: 1s"));
        world.start_with(&requeue);
        world.until(until.min(5.0)).await;
        if until > 5.0 {
            let deleted = world.things.delete("a", &DeleteParams::default()).await;
            deleted.expect("a thing is deleted");
            world.until(until).await;
        }
        assert_eq!(reader.only("failing_objects"), gauge(expected), "at {until} s");
        assert_eq!(requeue.failing(), expected);
    }
}

fn gauge(failing: usize) -> Vec<String> {
    (failing > 0)
        .then(|| format!("failing_objects {failing}"))
        .into_iter()
        .collect()
}

#[tokio::test(start_paused = true)]
async fn how_long_an_object_failed_is_recorded_when_it_is_over() {
    let reader = Reader::install();
    let world = World::new(failing_for(35));
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(39.0).await;
    assert_eq!(reader.only("failing_seconds"), [""; 0]);
    world.until(200.0).await;
    let reading = reader.only("failing_seconds");
    let seconds = reading.first().and_then(|line| {
        line.strip_prefix("failing_seconds [")?
            .strip_suffix("]")?
            .parse::<f64>()
            .ok()
    });
    assert!(
        reading.len() == 1 && seconds.is_some_and(|seconds| (40.0..40.1).contains(&seconds)),
        "{reading:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn giving_up_is_counted_once() {
    let reader = Reader::install();
    let world = World::new(failing_for(1000));
    world.create("a").await;
    world.start(policy("error: { initial: 10s, deadline: 25s }"));
    world.until(100.0).await;
    assert_eq!(reader.only("gave_up"), ["gave_up_total{phase=failed} 1"]);
    world.set_value(1).await;
    world.until(200.0).await;
    // Nor is it among those that are failing.
    assert_eq!(reader.read(), ["reconciles_total{phase=initializing,reason=changed} 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_fails_is_a_delay_of_phase_failed() {
    let reader = Reader::install();
    // Its status does not say so.
    let world = World::new(failing_for(1000));
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(25.0).await;
    let expected = [
        "delay_seconds{phase=failed} [10, 10, 10]",
        "failing_objects 1",
        "reconciles_total{phase=initializing,reason=due} 2",
        "reconciles_total{phase=initializing,reason=new} 1",
    ];
    assert_eq!(reader.read(), expected);
}

#[tokio::test(start_paused = true)]
async fn every_series_is_there_from_the_first_trigger_on() {
    let reader = Reader::install();
    let world = World::new(ready);
    world.start(RequeueConfig::default());
    world.until(1.0).await;
    assert_eq!(reader.series().len(), 0);
    world.create("a").await;
    world.until(1.1).await;
    assert_eq!(reader.series().len(), SERIES);
    let some = Patch::Merge(json!({ "metadata": { "labels": { "some": "label" } } }));
    for second in 2..60 {
        world.until(f64::from(second)).await;
        let patched = world.things.patch("a", &PatchParams::default(), &some).await;
        patched.expect("a thing is patched");
    }
    assert_eq!(reader.series().len(), SERIES);
}

#[tokio::test(start_paused = true)]
async fn no_label_is_an_objects() {
    let reader = Reader::install();
    let world = World::new(writes_status);
    for number in 0..200 {
        world.create(&format!("named-{number}")).await;
    }
    world.start(RequeueConfig::default());
    world.until(100.0).await;
    let series = reader.series();
    assert_eq!(series.len(), SERIES);
    let rows = labels();
    for series in &series {
        for (label, value) in &series.labels {
            let row = rows.iter().find(|row| row.is_of(&series.name, label));
            let values = &row.expect("each label is in the guide's table").values;
            assert!(
                values.contains(value) || (label == "kind" && value == "Thing"),
                "{label}={value} of {} is not in the guide's table of labels",
                series.name
            );
        }
    }
    // And what the guide lists is there.
    for row in rows.iter().filter(|row| row.label != "kind") {
        let of_row = series.iter().filter(|series| row.is_of(&series.name, &row.label));
        let there: BTreeSet<_> = of_row.filter_map(|series| series.label(&row.label)).collect();
        assert_eq!(there, row.values.iter().map(String::as_str).collect(), "{}", row.label);
    }
}

#[tokio::test(start_paused = true)]
async fn the_recorder_comes_before_the_first_trigger() {
    let world = World::new(ready);
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(1.0).await;
    let reader = Reader::install();
    world.until(100.0).await;
    assert_eq!(world.times().len(), 4);
    assert_eq!(reader.series().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_table_lists_every_metric() {
    let reader = Reader::install();
    let world = World::new(ready);
    world.create("a").await;
    world.start(RequeueConfig::default());
    world.until(1.0).await;
    let counted: BTreeSet<_> = reader
        .series()
        .into_iter()
        .map(|series| Metric {
            labels: series.labels.into_iter().map(|(label, _)| label).collect(),
            name: series.name,
            is: series.is,
            meaning: series.meaning,
        })
        .collect();
    assert_eq!(metrics().into_iter().collect::<BTreeSet<_>>(), counted);
    let names: BTreeSet<_> = metrics().into_iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), metrics().len(), "a metric has two rows");
}
