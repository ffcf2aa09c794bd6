//! The triggers of a list come before the store has what it shows.

use crate::world::{By, World, mended};
use futures::future::ready;
use kube::runtime::watcher;
use std::{collections::BTreeMap, time::Duration};

/// What the last reconcile of each team has seen, where a list in pages shows what changed while the watch was down.
async fn last_seen(by: By) -> BTreeMap<String, u64> {
    let world = World::new();
    world.create("changed").await;
    world.create("unchanged").await;
    world.server.set_latency(Duration::from_millis(100));
    world.start(by, watcher::Config::default().page_size(1), |_| ready(()));
    world.pass(10).await;
    world.server.close_watches();
    world.set_value("changed", 1).await;
    world.create("new").await;
    world.server.expire();
    world.pass(120).await;
    world.runs().into_iter().map(|run| (run.name, run.value)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_after_a_relist_sees_what_the_list_shows() {
    let seen = |all: &[(&str, u64)]| all.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(
        last_seen(By::Kube).await,
        seen(&[("changed", 0), ("unchanged", 0)]),
        "{}",
        mended("a list triggers nothing before it is complete")
    );
    assert_eq!(
        last_seen(By::ThisCrate).await,
        seen(&[("changed", 1), ("new", 0), ("unchanged", 0)])
    );
}
