//! One backoff for all watches.

use crate::world::{By, World, mended};
use futures::future::ready;
use kube::runtime::watcher;
use kube_testbed::Fault;
use std::time::Duration;

/// How late a team's changes are reconciled where the controller may not watch the children.
async fn lateness(by: By) -> Vec<Option<Duration>> {
    let world = World::new();
    world.server.on_request(|request| {
        (request.plural == "configmaps").then_some(Fault::Status {
            code: 403,
            reason: "Forbidden",
            retry_after: None,
        })
    });
    world.create("a").await;
    world.start(by, watcher::Config::default(), |_| ready(()));
    world.pass(300).await;
    let mut all = vec![];
    for value in 1..=5 {
        all.push(world.lateness("a", value).await);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_delays_no_other() {
    let kube = lateness(By::Kube).await;
    let late = |lateness: &Option<Duration>| lateness.is_none_or(|lateness| lateness > Duration::from_secs(10));
    assert!(
        kube.iter().any(late),
        "{}: {kube:?}",
        mended("each watch has its own backoff")
    );
    assert_eq!(lateness(By::ThisCrate).await, [Some(Duration::ZERO); 5]);
}
