//! What is refused: a test must not pass because something was silently left out.

use serde_json::{Value, json};

use crate::Bed;

#[tokio::test(start_paused = true)]
async fn what_is_not_supported_is_refused() {
    let bed = Bed::new();
    let created = bed.create("a").await;
    for (method, path, body) in [
        ("GET", "?fieldSelector=spec.size%3D1", Value::Null),
        ("GET", "?labelSelector=color+in+(red)", Value::Null),
        ("GET", "?labelSelector=color+notin+(a%3Db)", Value::Null),
        ("GET", "?labelSelector=color", Value::Null),
        ("GET", "?labelSelector=!color", Value::Null),
        ("GET", "?labelSelector=a+b%3Dc", Value::Null),
        ("GET", "?labelSelector=a%3Db%3Dc", Value::Null),
        ("GET", "?resourceVersion=9", Value::Null),
        ("GET", "?watch=1&resourceVersion=9", Value::Null),
        ("GET", "?resourceVersionMatch=Maybe", Value::Null),
        ("GET", "a?labelSelector=a%3Db", Value::Null),
        ("GET", "a?watch=maybe", Value::Null),
        ("GET", "a?fieldSelector=%f", Value::Null),
        ("GET", "a?colour=1", Value::Null),
        ("GET", "a?watch=1", Value::Null),
        ("MERGE", "a", json!(1)),
        ("POST", "a", json!({})),
        ("POST", "/api/v1/namespaces/default/pods/a/eviction", json!({})),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/a/scale",
            Value::Null,
        ),
        ("STRATEGIC", "/apis/apps/v1/namespaces/default/deployments/a", json!({})),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            json!({}),
        ),
    ] {
        let answer = bed.send(method, path, body).await;
        assert_eq!(answer.verdict(), (400, "BadRequest"), "{method} {path}");
    }
    assert_eq!(
        bed.send("STRATEGIC", "a", json!({})).await.verdict(),
        (415, "UnsupportedMediaType")
    );
    let table = "application/json;as=Table;g=meta.k8s.io;v=v1";
    let table = bed.try_accept("GET", "", table, &Value::Null).await.expect("an answer");
    let message = "the in-memory API server does not support application/json;as=Table;g=meta.k8s.io;v=v1";
    assert_eq!(table.body["message"], message);
    bed.get("a?pretty=true").await.done();
    assert_eq!(bed.widget("a"), Some(created));
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_and_objects_are_not_found() {
    let bed = Bed::new();
    for (method, path) in [
        ("GET", "a"),
        ("DELETE", "a"),
        ("MERGE", "a"),
        ("MERGE", "a/status"),
        ("GET", "/"),
        ("GET", "/apis/example.com/v2/widgets"),
        ("GET", "/apis/example.com/v1/gadgets"),
        ("GET", "/apis/example.com/v1/widgets/a"),
        ("POST", "/apis/example.com/v1/widgets"),
        ("GET", "a/scale"),
        ("GET", "/api/v1/namespaces/default/namespaces"),
        ("GET", "/api/v1/namespaces/default/configmaps/a/status"),
    ] {
        let answer = bed.send(method, path, json!({ "metadata": { "name": "a" } })).await;
        assert_eq!(answer.verdict(), (404, "NotFound"), "{method} {path}");
    }
    assert_eq!(
        bed.get("b").await.body["message"],
        r#"widgets.example.com "b" not found"#
    );
    let path = "/api/v1/namespaces/default/configmaps/b";
    assert_eq!(bed.get(path).await.body["message"], r#"configmaps "b" not found"#);
}
