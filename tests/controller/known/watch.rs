//! A watch that fails.

use crate::world::{Oops, World, policy, requeuer};
use kube_testbed::Fault;
use requeue_policy::Phase;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_failing_watch_is_logged_once_and_stops_neither_the_others_nor_the_timers() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    let fails = Arc::new(AtomicBool::new(false));
    let asked = fails.clone();
    world.server.on_request(move |request| {
        let is_of_children = request.plural == "configmaps" && request.name.is_none();
        (is_of_children && asked.load(Ordering::SeqCst)).then_some(Fault::Status {
            code: 500,
            reason: "InternalError",
            retry_after: None,
        })
    });
    let thing = world.create("a").await;
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(1.0).await;
    fails.store(true, Ordering::SeqCst);
    world.server.expire();
    world.server.close_watches();
    world.until(50.0).await;
    world.set_value(1).await;
    world.until(500.0).await;
    let times: Vec<_> = world.times().iter().map(|time| time.round()).collect();
    assert_eq!(times[..3], [0.0, 30.0, 50.0], "a change waited: {times:?}");
    assert_eq!(times.len(), 17, "{times:?}");
    let failed: Vec<_> = world.lines.of(Level::WARN);
    assert_eq!(
        failed.iter().filter(|line| line.contains("ConfigMap")).count(),
        1,
        "{failed:?}"
    );
    fails.store(false, Ordering::SeqCst);
    // The wait that is under way, and one after the answer that the version is too old: at most a minute each.
    world.until(640.0).await;
    let before = world.runs().len();
    world.create_child(&thing).await;
    world.until(640.5).await;
    assert_eq!(world.runs().len(), before + 1);
    let recovered = world.lines.of(Level::INFO);
    assert_eq!(
        recovered
            .iter()
            .filter(|line| line.starts_with("watch recovered"))
            .count(),
        2,
        "{recovered:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_error_of_a_watch_comes_with_the_stream_and_none_makes_it_deaf() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    world.create("a").await;
    let yields = world.count_yields(&requeuer(policy("{ default: 1h }")));
    for second in 1..50 {
        world.until(f64::from(second)).await;
        world.server.close_watches();
        world.set_value(i64::from(second)).await;
    }
    world.until(200.0).await;
    assert_eq!(world.runs().last().map(|run| run.value), Some(49));
    assert_eq!(yields.load(Ordering::SeqCst), world.runs().len());
}
