//! The example `events`, checked.

#[path = "../examples/events/app.rs"]
mod app;
#[path = "../examples/events/channel.rs"]
mod channel;
#[path = "../examples/events/secret.rs"]
mod secret;
#[path = "../examples/events/stage.rs"]
mod stage;
mod support;
#[path = "../examples/events/webhook.rs"]
mod webhook;

use stage::Stage;
use std::collections::BTreeMap;

const OBJECTS: usize = 20;

/// When each object ran from this second on.
fn since(stage: &Stage, second: f64) -> BTreeMap<String, Vec<f64>> {
    let mut times = stage.times();
    for times in times.values_mut() {
        times.retain(|at| *at >= second);
    }
    times
}

fn named((name, times): (&str, Vec<f64>)) -> (String, Vec<f64>) {
    (name.to_owned(), times)
}

#[tokio::test(start_paused = true)]
async fn each_object_that_refers_to_a_secret_runs_once_when_it_is_rotated() {
    let stage = Stage::new();
    secret::play(&stage, OBJECTS).await.expect("it is played");
    let times = since(&stage, 10.0);
    assert_eq!(times.len(), OBJECTS + 1);
    assert!(times["without"].is_empty(), "it refers to none");
    let mut starts: Vec<_> = times.into_values().flatten().collect();
    starts.sort_by(f64::total_cmp);
    let again = starts.split_off(OBJECTS);
    // Each once, and four at a time, of 0.3 s.
    let expected: Vec<_> = (0..OBJECTS).map(|n| (1000 + 30 * (n / 4)) as f64 / 100.0).collect();
    assert_eq!(starts, expected);
    // The one that was running when the Secret was rotated again runs once more.
    assert_eq!(again.len(), 1 + OBJECTS);
    assert_eq!(since(&stage, 20.0)["app-00"].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_nudges_and_then_triggers() {
    let stage = Stage::new();
    let answers = webhook::play(&stage).await.expect("it is played");
    assert_eq!(answers, [202, 202, 202, 404]);
    // The second call comes in the middle of the run that the first has started.
    assert_eq!(
        since(&stage, 10.0),
        [("called", vec![10.0, 10.3]), ("other", vec![])].map(named).into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_nudge_gets_a_trigger_through_that_is_merged_with_a_status_write() {
    let stage = Stage::new();
    channel::play(&stage).await.expect("it is played");
    let expected = [("nudged", vec![5.0, 5.3, 35.6]), ("triggered", vec![5.0, 35.3])];
    assert_eq!(since(&stage, 5.0), expected.map(named).into());
}
