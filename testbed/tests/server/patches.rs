//! Merge patches and JSON patches.

use serde_json::json;

use crate::Bed;

#[tokio::test(start_paused = true)]
async fn a_merge_patch_merges_and_removes() {
    let bed = Bed::new();
    bed.create_with("a", json!({ "spec": { "size": 1, "parts": ["x", "y"], "old": {} } }))
        .await;
    bed.label("a", "red").await;
    let patch = json!({
        "metadata": { "labels": { "color": null, "shape": "round" } },
        "spec": { "parts": ["z"], "old": null },
    });
    let patched = bed.merge("a", patch).await;
    assert_eq!(patched["metadata"]["labels"], json!({ "shape": "round" }));
    assert_eq!(patched["spec"], json!({ "size": 1, "parts": ["z"] }));
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_tests_and_changes() {
    let bed = Bed::new();
    bed.create("a").await;
    let size = |before, after| {
        json!([
            { "op": "test", "path": "/spec/size", "value": before },
            { "op": "replace", "path": "/spec/size", "value": after },
        ])
    };
    let first_finalizer = json!([
        { "op": "test", "path": "/metadata/finalizers", "value": null },
        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/x"] },
    ]);
    let status = json!([{ "op": "add", "path": "/status", "value": { "phase": "Ready" } }]);
    let stale = json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": "2" }]);
    for (path, patch, verdict) in [
        ("a", size(0, 4), (200, "")),
        ("a", size(0, 5), (422, "Invalid")),
        ("a", stale, (409, "Conflict")),
        ("a/status", status, (200, "")),
        ("a", first_finalizer.clone(), (200, "")),
        ("a", first_finalizer, (422, "Invalid")),
        ("a", json!({ "op": "no list" }), (400, "BadRequest")),
        ("b", json!([]), (404, "NotFound")),
    ] {
        let answer = bed.send("JSON", path, patch.clone()).await;
        assert_eq!(answer.verdict(), verdict, "{patch}");
    }
    let stored = bed.widget("a").expect("it is there");
    assert_eq!(stored["spec"]["size"], 4);
    assert_eq!(stored["status"], json!({ "phase": "Ready" }));
    assert_eq!(stored["metadata"]["finalizers"], json!(["example.com/x"]));
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_carries_a_stale_version_is_refused() {
    let bed = Bed::new();
    bed.create("a").await;
    bed.label("a", "red").await;
    for (version, code) in [("2", 409), ("3", 200)] {
        for (method, path) in [("MERGE", "a"), ("MERGE", "a/status"), ("APPLY", "a?fieldManager=me")] {
            let patch = json!({
                "apiVersion": "example.com/v1",
                "kind": "Widget",
                "metadata": { "resourceVersion": version },
            });
            assert_eq!(
                bed.send(method, path, patch).await.code,
                code,
                "{method} {path} at {version}"
            );
        }
    }
}
