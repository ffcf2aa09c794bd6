//! What the guide says of kube alone.

use crate::world::{Noting, Oops, Thing, World, change_child, policy, requeuer, writes_status};
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::{
        Controller, Predicate, PredicateConfig, WatchStreamExt,
        controller::Action,
        finalizer::{Event, finalizer},
        predicates, reflector, watcher,
    },
};
use requeue_policy::{Outcome, Phase, Requeue};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// kube's controller behind a predicate.
pub(crate) fn filtered(world: &World, predicate: impl Predicate<Thing> + Send + 'static) -> Controller<Thing> {
    let (store, writer) = reflector::store();
    let changes = watcher(Api::default_namespaced(world.client()), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicate, PredicateConfig::default());
    Controller::for_stream(changes, store)
}

/// Runs it without this crate: every 30 s, or when something changes, and 10 s after an error.
pub(crate) fn run_alone(world: &World, controller: Controller<Thing>) {
    let reconcile: Noting = world.noting_reconciler();
    let reconcile = move |thing: Arc<Thing>, api: Arc<Api<Thing>>| {
        let run = reconcile(thing, api);
        async move {
            Ok::<_, Oops>(match run.await? {
                Outcome::Requeue(Requeue::AwaitChange) => Action::await_change(),
                _ => Action::requeue(Duration::from_secs(30)),
            })
        }
    };
    let error_policy = |_, _: &Oops, _| Action::requeue(Duration::from_secs(10));
    let api = Arc::new(Api::default_namespaced(world.client()));
    tokio::spawn(controller.run(reconcile, error_policy, api).for_each(async |_| {}));
}

/// Writes the status, with kube's own finalizer around it.
pub(crate) async fn with_kubes_finalizer(thing: Arc<Thing>, things: Api<Thing>) -> Result<Outcome, Oops> {
    let mut outcome = Outcome::from(Requeue::AwaitChange);
    let result = &mut outcome;
    let (api, name) = (things.clone(), "example.com/thing");
    let finalized = finalizer(&api, name, thing, async |event| {
        if let Event::Apply(thing) = event {
            *result = writes_status(thing, things.clone()).await?.into();
        }
        Ok::<_, Oops>(Action::await_change())
    });
    finalized.await.map_err(|_| Oops("not finalized"))?;
    Ok(outcome)
}

#[tokio::test(start_paused = true)]
async fn a_predicate_and_a_constant_interval_end_the_loop() {
    let world = World::new(with_kubes_finalizer);
    world.create("a").await;
    let predicate = predicates::generation.combine(predicates::finalizers);
    run_alone(&world, filtered(&world, predicate));
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 0.0, 5.0, 35.0, 65.0, 95.0]);
    assert_eq!(world.server.status_writes(), 5);
}

/// Writes something else into the child in every reconcile.
async fn rewrites_child(_: Arc<Thing>, things: Api<Thing>) -> Result<Phase, Oops> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let children = Api::<ConfigMap>::default_namespaced(things.into_client());
    change_child(&children, &LAST.fetch_add(1, Ordering::Relaxed).to_string()).await;
    Ok(Phase::Ready)
}

#[tokio::test(start_paused = true)]
async fn a_predicate_does_not_end_a_loop_through_a_child() {
    let start = async || {
        let world = World::new(rewrites_child);
        world.server.set_latency(Duration::from_millis(10));
        let thing = world.create("a").await;
        world.create_child(&thing).await;
        world
    };
    let world = start().await;
    let children = Api::<ConfigMap>::default_namespaced(world.client());
    let controller = filtered(&world, predicates::generation).owns(children, watcher::Config::default());
    run_alone(&world, controller);
    world.until(20.0).await;
    assert!(world.times().len() > 500, "{} reconciles", world.times().len());

    let world = start().await;
    world.start_owning(&requeuer(policy("{}")));
    world.until(20.0).await;
    assert_eq!(world.times().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_constant_delay_never_gives_up() {
    let world = World::new(async |_, _| Err::<Phase, _>(Oops("no quota")));
    world.create("a").await;
    run_alone(&world, filtered(&world, predicates::generation));
    world.until(24.0 * 3600.0 - 1.0).await;
    let runs = world.times().len();
    // A timer fires up to a millisecond late.
    assert!((8600..=8640).contains(&runs), "{runs} reconciles");

    let world = World::new(async |_, _| Err::<Phase, _>(Oops("no quota")));
    world.create("a").await;
    world.start(policy("{ error: { initial: 10s, factor: 2, max: 5m, deadline: 6h } }"));
    world.until(24.0 * 3600.0).await;
    let times = world.times();
    assert!(times.len() < 80, "{} reconciles", times.len());
    let last = times.last().expect("it ran");
    assert!((6.0 * 3600.0..6.2 * 3600.0).contains(last), "{last}");
}
