//! Watches, event by event.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::Bed;

#[tokio::test(start_paused = true)]
async fn a_watch_sends_what_happened_after_its_version_and_what_happens() {
    let bed = Bed::new();
    for name in ["a", "b", "c"] {
        bed.create(name).await;
    }
    let mut resumed = bed.watch("resourceVersion=3").await;
    let mut from_any = bed.watch("resourceVersion=0").await;
    let mut from_none = bed.watch("").await;
    let mut one = bed.watch("resourceVersion=1&fieldSelector=metadata.name%3Db").await;
    bed.set_phase("a", "Ready").await;
    bed.send("DELETE", "b", json!({})).await.done();
    assert_eq!(resumed.soon().await, ["ADDED c@4", "MODIFIED a@5", "DELETED b@6"]);
    let all = ["ADDED a@2", "ADDED b@3", "ADDED c@4", "MODIFIED a@5", "DELETED b@6"];
    assert_eq!(from_any.soon().await, all);
    assert_eq!(from_none.soon().await, all);
    assert_eq!(one.soon().await, ["ADDED b@3", "DELETED b@6"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_sees_its_own_namespace_and_type_only() {
    let bed = Bed::new();
    let mut events = bed.watch("resourceVersion=1").await;
    for path in [
        "/apis/example.com/v1/namespaces/elsewhere/widgets",
        "/api/v1/namespaces/default/configmaps",
        "",
    ] {
        bed.send("POST", path, json!({ "metadata": { "name": "a" } }))
            .await
            .done();
    }
    assert_eq!(events.soon().await, ["ADDED a@4"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_enters_and_leaves_a_watch_as_its_labels_change() {
    let bed = Bed::new();
    bed.create("a").await;
    let query = "resourceVersion=1&labelSelector=color%3Dred,shape!%3Dround";
    let mut live = bed.watch(query).await;
    for color in ["blue", "red", "red dark", "red"] {
        bed.label("a", color).await;
    }
    bed.set_phase("a", "Ready").await;
    bed.merge("a", json!({ "metadata": { "labels": { "shape": "round" } } }))
        .await;
    let expected = ["ADDED a@4", "DELETED a@5", "ADDED a@6", "MODIFIED a@7", "DELETED a@8"];
    assert_eq!(live.soon().await, expected);
    assert_eq!(bed.watch(query).await.soon().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_initial_events_marks_their_end() {
    let bed = Bed::new();
    bed.create("a").await;
    bed.create("b").await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=2&allowWatchBookmarks=1";
    let mut events = bed.watch(query).await;
    bed.create("c").await;
    assert_eq!(
        events.soon().await,
        ["ADDED a@2", "ADDED b@3", "BOOKMARK @3", "ADDED c@4"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_gets_bookmarks_if_it_asks_and_closes_after_its_timeout() {
    let bed = Bed::new();
    for (query, expected) in [
        (
            "allowWatchBookmarks=true&timeoutSeconds=150",
            vec![
                (0, "ADDED a@2"),
                (60, "BOOKMARK @2"),
                (120, "BOOKMARK @2"),
                (150, "BOOKMARK @2"),
                (150, "end"),
            ],
        ),
        ("timeoutSeconds=7", vec![(0, "ADDED a@2"), (7, "end")]),
        ("timeoutSeconds=0", vec![(0, "ADDED a@2"), (290, "end")]),
        ("", vec![(0, "ADDED a@2"), (290, "end")]),
    ] {
        let start = Instant::now();
        let mut events = bed.watch(&format!("resourceVersion=1&{query}")).await;
        if bed.widget("a").is_none() {
            bed.create("a").await;
        }
        for (second, event) in expected {
            assert_eq!(events.next().await, event, "{query}");
            assert_eq!(start.elapsed().as_secs(), second, "{query}: {event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_before_the_kept_history_ends_with_410() {
    let bed = Bed::new();
    bed.server.set_history_limit(2);
    for name in ["a", "b", "c"] {
        bed.create(name).await;
    }
    assert_eq!(
        bed.watch("resourceVersion=2").await.soon().await,
        ["ADDED b@3", "ADDED c@4"]
    );
    assert_eq!(bed.watch("resourceVersion=1").await.soon().await, ["ERROR 410", "end"]);
    let mut open = bed.watch("resourceVersion=4").await;
    bed.server.expire();
    assert_eq!(bed.watch("resourceVersion=4").await.soon().await, ["ERROR 410", "end"]);
    bed.create("d").await;
    assert_eq!(open.soon().await, ["ADDED d@6"], "an open watch goes on");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_changes_are_kept() {
    let bed = Bed::new();
    bed.create("a").await;
    for size in 1..10_000 {
        bed.merge("a", json!({ "spec": { "size": size } })).await;
    }
    assert_eq!(bed.watch("resourceVersion=1").await.next().await, "ADDED a@2");
    bed.set_phase("a", "Ready").await;
    assert_eq!(bed.watch("resourceVersion=1").await.next().await, "ERROR 410");
}

#[tokio::test(start_paused = true)]
async fn watches_are_cut_when_the_connection_breaks() {
    let bed = Bed::new();
    let outside = Bed {
        server: bed.server.clone(),
        connection: bed.server.connect_outside(),
    };
    let query = "resourceVersion=1&timeoutSeconds=100";
    let (mut counted, mut other) = (bed.watch(query).await, outside.watch(query).await);
    bed.server.set_watch_lag(Duration::from_secs(9));
    outside.create("a").await;
    bed.server.set_reachable(false);
    assert_eq!(counted.soon().await, ["cut"], "what was under way is lost");
    assert_eq!(other.soon().await, ["ADDED a@2"]);
    bed.server.set_reachable(true);
    let mut again = bed.watch(query).await;
    bed.server.close_watches();
    assert_eq!(again.soon().await, ["cut"]);
    assert_eq!(other.soon().await, ["cut"]);
}

#[tokio::test(start_paused = true)]
async fn held_watches_deliver_in_order_when_they_are_released() {
    let bed = Bed::new();
    let mut events = bed.watch("resourceVersion=1").await;
    bed.server.hold_watches(Duration::from_secs(5));
    bed.server.hold_watches(Duration::from_secs(3));
    bed.create("a").await;
    bed.create("b").await;
    sleep(Duration::from_secs(3)).await;
    assert!(events.soon().await.is_empty());
    sleep(Duration::from_millis(500)).await;
    assert_eq!(events.soon().await, ["ADDED a@2", "ADDED b@3"]);
    bed.create("c").await;
    assert_eq!(events.soon().await, ["ADDED c@4"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_gets_each_event_so_late_and_no_bookmark_before_it() {
    let bed = Bed::new();
    bed.server.set_watch_lag(Duration::from_secs(30));
    let start = Instant::now();
    let mut events = bed
        .watch("resourceVersion=1&allowWatchBookmarks=1&timeoutSeconds=100")
        .await;
    let outside = Bed {
        server: bed.server.clone(),
        connection: bed.server.connect_outside(),
    };
    let mut other = outside.watch("resourceVersion=1").await;
    bed.create("a").await;
    sleep(Duration::from_secs(20)).await;
    // A new watch does not know more than one that was open.
    let mut resumed = bed.watch("resourceVersion=1").await;
    bed.create("b").await;
    sleep(Duration::from_secs(20)).await;
    bed.create("c").await;
    bed.server.set_watch_lag(Duration::ZERO);
    bed.create("d").await;
    assert_eq!(other.soon().await, ["ADDED a@2", "ADDED b@3", "ADDED c@4", "ADDED d@5"]);
    assert_eq!(resumed.next().await, "ADDED a@2");
    for (second, event) in [
        (41, "ADDED a@2"),
        (50, "ADDED b@3"),
        (60, "BOOKMARK @3"),
        (70, "ADDED c@4"),
        (70, "ADDED d@5"),
        (100, "BOOKMARK @5"),
    ] {
        assert_eq!(events.next().await, event);
        assert_eq!(start.elapsed().as_secs(), second, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_shows_the_object_as_it_is_and_how_far_the_watch_is() {
    let bed = Bed::new();
    bed.create("a").await;
    bed.create("b").await;
    let mut events = bed.watch("resourceVersion=3").await;
    assert!(bed.server.repeat("widgets", "default", "a"));
    assert_eq!(events.soon().await, ["MODIFIED a@2", "BOOKMARK @3"]);
    assert!(!bed.server.repeat("widgets", "default", "c"));
}
