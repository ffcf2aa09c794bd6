//! How a controller ends.

use crate::world::{Oops, Thing, World, drive, policy, ready, requeuer};
use futures::{StreamExt, future::ready as now};
use kube::{Api, runtime::watcher};
use requeue_policy::{Phase, Retry};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

#[tokio::test(start_paused = true)]
async fn a_graceful_shutdown_lets_what_runs_end_and_starts_nothing_more() {
    let world = World::new(async |_, _| {
        sleep(Duration::from_secs(5)).await;
        Ok::<_, Oops>(Phase::Ready)
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let requeue = requeuer(policy("{ default: 1s }"));
    let controller = world.controller(&requeue).graceful_shutdown_on(async {
        let _ = stopped.await;
    });
    let controller = world.spawn(controller, &requeue);
    world.create("a").await;
    world.until(2.0).await;
    stop.send(()).expect("the controller waits");
    world.create("b").await;
    world.until(4.0).await;
    assert!(!controller.is_finished());
    timeout(Duration::from_secs(2), controller)
        .await
        .expect("it ends")
        .expect("without a panic");
    assert_eq!(world.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_graceful_shutdown_ends_a_controller_whose_crd_is_missing() {
    let world = World::new(ready);
    let requeue = requeuer(policy("{}"));
    // Another server, which has no things.
    let server = kube_testbed::ApiServer::new([]);
    let client = kube::Client::new(server.connect(), "default");
    let things = Api::<Thing>::default_namespaced(client);
    let (stop, stopped) = oneshot::channel::<()>();
    let controller = requeue
        .controller(things.clone(), watcher::Config::default())
        .graceful_shutdown_on(async {
            let _ = stopped.await;
        });
    let stream = drive(controller, world.noting_reconciler(), |_| Retry::Backoff, things);
    let controller = tokio::spawn(stream.for_each(|_| now(())));
    sleep(Duration::from_secs(100)).await;
    assert!(!controller.is_finished());
    stop.send(()).expect("the controller waits");
    timeout(Duration::from_secs(1), controller)
        .await
        .expect("it ends")
        .expect("without a panic");
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_starts_again_reconciles_what_it_knew_once_more() {
    let world = World::new(ready);
    let requeue = requeuer(policy("{ default: 30s }"));
    world.create("a").await;
    let first = world.start_with(&requeue);
    world.until(10.0).await;
    first.abort();
    world.until(20.0).await;
    world.start_with(&requeue);
    world.until(60.0).await;
    assert_eq!(world.times(), [0.0, 20.0, 50.0]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_reconciler_ends_the_stream_as_with_kube() {
    let world = World::new(async |thing: Arc<Thing>, _| {
        sleep(Duration::from_secs(1)).await;
        assert!(thing.spec.value > 0, "on purpose");
        Ok::<_, Oops>(Phase::Ready)
    });
    world.create("a").await;
    let ended = world.start(policy("{}")).await;
    assert!(ended.is_err_and(|error| error.is_panic()));
}
