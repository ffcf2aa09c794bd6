//! A cluster-scoped owner of namespaced children is reconciled twice at a time.

use crate::world::{By, World, mended};
use kube::runtime::watcher;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::sleep;

/// How many reconciles of a team run at once where it and its child change together.
async fn at_once(by: By) -> usize {
    let world = World::new();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = most.clone();
    world.start(by, watcher::Config::default(), move |_| {
        let running = running.clone();
        counted.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
        async move {
            sleep(Duration::from_secs(1)).await;
            running.fetch_sub(1, SeqCst);
        }
    });
    let team = world.create("a").await;
    world.pass(10).await;
    world.create_child(&team).await;
    world.set_value("a", 1).await;
    // Until the reconciles that these two have asked for.
    world.pass(4000).await;
    most.load(SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_cluster_scoped_owner_of_namespaced_children_runs_once_at_a_time() {
    assert_eq!(at_once(By::Kube).await, 2, "{}", mended("one object has one reference"));
    assert_eq!(at_once(By::ThisCrate).await, 1);
}
