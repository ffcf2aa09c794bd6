use std::collections::BTreeMap;

use crate::{channel, secret, webhook, world::World};

const OBJECTS: usize = 20;

/// When each object was reconciled from this second on.
fn since(world: &World, second: f64) -> BTreeMap<String, Vec<f64>> {
    let mut times = world.times();
    for times in times.values_mut() {
        times.retain(|at| *at >= second);
    }
    times
}

fn named((name, times): (&str, Vec<f64>)) -> (String, Vec<f64>) {
    (name.to_owned(), times)
}

#[tokio::test(start_paused = true)]
async fn each_object_that_refers_to_a_secret_is_reconciled_once_when_it_is_rotated() {
    let world = World::new().expect("a world");
    secret::play(&world, OBJECTS).await.expect("it is played");
    let times = since(&world, 10.0);
    assert_eq!(times.len(), OBJECTS + 1);
    assert!(times["without"].is_empty(), "it refers to none");
    let mut starts: Vec<_> = times.into_values().flatten().collect();
    starts.sort_by(f64::total_cmp);
    let again = starts.split_off(OBJECTS);
    // Each once, and four at a time, of 0.3 s.
    let expected: Vec<_> = (0..OBJECTS).map(|n| (1000 + 30 * (n / 4)) as f64 / 100.0).collect();
    assert_eq!(starts, expected);
    // The one that was being reconciled when the Secret was rotated again is reconciled once more.
    assert_eq!(again.len(), 1 + OBJECTS);
    assert_eq!(since(&world, 20.0)["app-00"].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_triggers_a_reconcile() {
    let world = World::new().expect("a world");
    let answers = webhook::play(&world).await.expect("it is played");
    assert_eq!(answers, [202, 202, 202, 404]);
    // The second call comes in the middle of the reconcile that the first has started.
    let expected = [("called", vec![10.0, 10.3]), ("other", vec![])];
    assert_eq!(since(&world, 10.0), expected.map(named).into());
}

#[tokio::test(start_paused = true)]
async fn a_message_during_a_reconcile_that_writes_status_triggers_the_next() {
    let world = World::new().expect("a world");
    channel::play(&world).await.expect("it is played");
    let expected = [("received", vec![5.0, 5.3, 35.6]), ("other", vec![5.0, 35.3])];
    assert_eq!(since(&world, 5.0), expected.map(named).into());
}
