//! Deletion, finalizers and collections.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Bed;

#[tokio::test(start_paused = true)]
async fn an_object_without_finalizers_is_deleted_at_once() {
    let bed = Bed::new();
    let created = bed.create("a").await;
    let mut events = bed.watch("resourceVersion=2").await;
    let status = bed.send("DELETE", "a", Value::Null).await.done();
    assert_eq!(
        (&status["kind"], &status["status"]),
        (&json!("Status"), &json!("Success"))
    );
    assert_eq!(status["details"]["uid"], created["metadata"]["uid"]);
    assert_eq!(bed.widget("a"), None);
    assert_eq!(events.soon().await, ["DELETED a@3"]);
    assert_ne!(bed.create("a").await["metadata"]["uid"], created["metadata"]["uid"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_with_finalizers_stays_until_the_last_one_goes() {
    let bed = Bed::new();
    let finalizers = |list: Value| json!({ "metadata": { "finalizers": list } });
    bed.create_with("a", finalizers(json!(["x", "y"]))).await;
    tokio::time::advance(Duration::from_secs(5)).await;
    let mut events = bed.watch("resourceVersion=2").await;

    let deleted = bed.send("DELETE", "a", json!({})).await.done();
    assert_eq!(deleted["metadata"]["deletionTimestamp"], "2030-01-01T00:00:05Z");
    assert_eq!(deleted["metadata"]["generation"], 2);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(
        bed.send("DELETE", "a", json!({})).await.done(),
        deleted,
        "once is enough"
    );

    let more = bed.send("MERGE", "a", finalizers(json!(["x", "y", "z"]))).await;
    assert_eq!(more.verdict(), (422, "Invalid"));
    let undelete = bed
        .merge("a", json!({ "metadata": { "deletionTimestamp": null } }))
        .await;
    assert_eq!(undelete, deleted);
    bed.merge("a", finalizers(json!(["y"]))).await;
    bed.set_phase("a", "Deleting").await;
    bed.merge("a", finalizers(json!([]))).await;
    assert_eq!(bed.widget("a"), None);
    assert_eq!(
        events.soon().await,
        ["MODIFIED a@3", "MODIFIED a@4", "MODIFIED a@5", "DELETED a@6"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_refused_when_its_preconditions_do_not_hold() {
    let bed = Bed::new();
    let created = bed.create("a").await;
    let metadata = &created["metadata"];
    for (preconditions, code) in [
        (json!({ "uid": "other" }), 409),
        (json!({ "resourceVersion": "1" }), 409),
        (
            json!({ "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"] }),
            200,
        ),
    ] {
        let options = json!({ "preconditions": preconditions });
        assert_eq!(bed.send("DELETE", "a", options).await.code, code, "{preconditions}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_object_by_object() {
    let bed = Bed::new();
    for name in ["a", "b", "c"] {
        bed.create_with(name, json!({ "metadata": { "finalizers": ["example.com/x"] } }))
            .await;
        bed.label(name, if name == "c" { "blue" } else { "red" }).await;
    }
    bed.merge("b", json!({ "metadata": { "finalizers": null } })).await;
    let deleted = bed.send("DELETE", "?labelSelector=color%3Dred", json!({})).await;
    assert_eq!(deleted.names(), ["a", "b"]);
    assert_eq!(bed.get("").await.names(), ["a", "c"]);
    let stamp = |name: &str| bed.widget(name).expect("it is there")["metadata"]["deletionTimestamp"].clone();
    assert_eq!((stamp("a").is_string(), stamp("c").is_null()), (true, true));
    assert_eq!(bed.server.requests().delete, 1);
    for (query, options) in [
        ("?limit=1", json!({})),
        ("", json!({ "preconditions": { "resourceVersion": "1" } })),
        ("", json!({ "orphanDependents": true })),
    ] {
        let answer = bed.send("DELETE", query, options.clone()).await;
        assert_eq!(answer.verdict(), (400, "BadRequest"), "{query} {options}");
    }
}
