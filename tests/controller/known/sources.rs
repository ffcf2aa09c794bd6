//! Triggers that no watch of the controller brings, and what bounds them.

use crate::world::{Oops, Thing, World, policy, requeuer};
use futures::{StreamExt, channel::mpsc};
use kube::{
    Api, ResourceExt,
    runtime::{controller::Config, reflector, reflector::ObjectRef, watcher},
};
use requeue_policy::{Observe, Phase, kube::reasons};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_reference_from_a_stream_reconciles_what_has_the_name() {
    let all = Arc::new(Mutex::new(vec![]));
    let noted = all.clone();
    let world = World::new(move |thing: Arc<Thing>, _| {
        let reasons: Vec<_> = reasons().iter().map(ToString::to_string).collect();
        let line = format!("{} {}", thing.name_any(), reasons.join("; "));
        noted.lock().expect("no test panics here").push(line);
        async { Ok::<_, Oops>(Phase::Ready.await_change()) }
    });
    let (asks, asked) = mpsc::unbounded();
    let (asks_all, all_asked) = mpsc::unbounded();
    let requeue = requeuer(policy("{}"));
    let controller = world
        .controller(&requeue)
        .reconcile_on(asked)
        .reconcile_all_on(all_asked);
    world.spawn(controller, &requeue);
    let thing = world.create("a").await;
    world.create("b").await;
    world.until(1.0).await;
    asks.unbounded_send(ObjectRef::<Thing>::new("a").within("default"))
        .expect("sent");
    // One that does not exist costs nothing.
    asks.unbounded_send(ObjectRef::<Thing>::new("none").within("default"))
        .expect("sent");
    world.until(2.0).await;
    requeue.nudge(&ObjectRef::from_obj(&thing));
    requeue.nudge(&ObjectRef::<Thing>::new("none").within("default"));
    world.until(3.0).await;
    asks_all.unbounded_send(()).expect("sent");
    world.until(60.0).await;
    let mut lines = all.lock().expect("no test panics here").clone();
    lines.sort();
    assert_eq!(
        lines,
        [
            "a new",
            "a requested",
            "a requested",
            "a requested for all",
            "b new",
            "b requested for all"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_all_places_are_taken_is_reconciled_once() {
    let running = Arc::new(Mutex::new((0, 0)));
    let counted = running.clone();
    let world = World::new(move |_, _| {
        let counted = counted.clone();
        async move {
            {
                let mut counts = counted.lock().expect("no test panics here");
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            sleep(Duration::from_secs(1)).await;
            counted.lock().expect("no test panics here").0 -= 1;
            Ok::<_, Oops>(Phase::Ready)
        }
    });
    let requeue = requeuer(policy("{ default: 1h }"));
    let controller = world.controller(&requeue).with_config(Config::default().concurrency(2));
    world.spawn(controller, &requeue);
    for n in 0..10 {
        world.create(&format!("thing-{n}")).await;
    }
    world.create("a").await;
    for value in 1..=5 {
        world.until(0.1 * value as f64).await;
        world.set_value(value).await;
    }
    world.until(60.0).await;
    assert_eq!(running.lock().expect("no test panics here").1, 2);
    assert_eq!(world.times_of("a").len(), 1, "{:?}", world.times_of("a"));
    assert_eq!(world.runs().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_store_of_ones_own_serves_as_well() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    let requeue = requeuer(policy("{ default: 1h }"));
    let writer = reflector::store::Writer::<Thing>::default();
    let store = writer.as_reader();
    let things = Api::<Thing>::default_namespaced(world.client());
    // Pruned before they are stored.
    let events = watcher::watcher(things, watcher::Config::default()).map(|event| {
        event.map(|event| match event {
            watcher::Event::Apply(mut thing) => {
                thing.managed_fields_mut().clear();
                watcher::Event::Apply(thing)
            }
            event => event,
        })
    });
    let controller = requeue.controller_from(store, reflector::reflector(writer, events), Thing::observe);
    world.spawn(controller, &requeue);
    world.create("a").await;
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    assert_eq!(world.times(), [0.0, 1.0]);
}
