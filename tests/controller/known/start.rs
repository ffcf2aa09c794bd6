//! The first lists.

use crate::world::{Thing, World, policy, requeuer, write_status};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube_testbed::Fault;
use requeue_policy::Phase;
use std::sync::Arc;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_the_childrens_first_list_shows_belongs_to_the_first_reconcile() {
    // That list takes a second longer than the controller's own, and every child is rewritten in every reconcile.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        write_status(&thing, &things, Phase::Ready).await;
        let children = Api::<ConfigMap>::default_namespaced(things.into_client());
        crate::world::change_child(&children, "x").await;
        Ok::<_, crate::world::Oops>(Phase::Ready)
    });
    let thing = world.create("a").await;
    world.create_child(&thing).await;
    let start = Instant::now();
    world.server.on_request(move |request| {
        let is_early = request.plural == "configmaps" && request.name.is_none() && start.elapsed().as_secs() < 1;
        is_early.then_some(Fault::Unreachable)
    });
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(20.0).await;
    let times = world.times();
    assert_eq!(times.len(), 1, "{times:?}");
    assert!((1.0..5.0).contains(&times[0]), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_never_lists_delays_the_first_reconcile_by_five_seconds() {
    let world = World::new(async |_, _| Ok::<_, crate::world::Oops>(Phase::Ready));
    world.create("a").await;
    world
        .server
        .on_request(|request| (request.plural == "configmaps").then_some(Fault::Unreachable));
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(60.0).await;
    assert_eq!(world.times(), [5.0, 35.0]);
}
