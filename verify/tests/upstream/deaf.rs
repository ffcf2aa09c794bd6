//! A watch error that meets a trigger stops all triggers.

use crate::world::{By, World, mended};
use kube::runtime::watcher;
use std::time::Duration;
use tokio::time::sleep;

/// How late the changes of a team are reconciled after the watches broke just when reconciles end and another is triggered.
async fn lateness(by: By) -> Vec<Option<Duration>> {
    let world = World::new();
    let ends = ["a", "b", "c", "d"];
    for name in ends.iter().chain(&["hangs"]) {
        world.create(name).await;
    }
    world.start(by, watcher::Config::default(), |name| {
        sleep(Duration::from_secs(if name == "hangs" { u64::MAX } else { 1 }))
    });
    world.pass(120).await;
    let mut all = vec![];
    // kube polls two streams in turn, so it matters how many reconciles end, and whether there is a trigger as well.
    for round in 0..8 {
        for name in &ends[..=round % 4] {
            world.set_value(name, 2 * round as u64 + 1).await;
        }
        world.pass(1).await;
        if round < 4 {
            world.set_value("hangs", 2 * round as u64 + 1).await;
        }
        world.server.close_watches();
        world.pass(120).await;
        all.push(world.lateness("a", 2 * round as u64 + 2).await);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_watch_error_that_meets_a_trigger_stops_no_trigger() {
    let kube = lateness(By::Kube).await;
    assert!(
        kube.contains(&None),
        "{}: {kube:?}",
        mended("no error of a watch reaches kube's applier")
    );
    assert_eq!(lateness(By::ThisCrate).await, [Some(Duration::ZERO); 8]);
}
