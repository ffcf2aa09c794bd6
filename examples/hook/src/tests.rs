use crate::{play, telemetry_lines};

#[tokio::test(start_paused = true)]
async fn the_metrics_and_the_event_are_there() {
    let (exporter, events) = play().await.expect("it runs");
    assert_eq!(
        telemetry_lines(&exporter).expect("the metrics"),
        [
            // Every 10 s until it is given up; one more, and then every 30 s, when it has its quota.
            "operator.reconciles {kind=App, phase=Failed} 7",
            "operator.reconciles {kind=App, phase=Ready} 32",
            "operator.transitions {kind=App, transition=failed} 1",
            "operator.transitions {kind=App, transition=gave up} 1",
            "operator.transitions {kind=App, transition=recovered} 1",
        ]
    );
    assert_eq!(
        events,
        ["App poor GaveUp: Not tried again before something changes: no quota"]
    );
}
