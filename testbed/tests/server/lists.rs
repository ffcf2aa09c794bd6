//! Lists, their pages and selectors.

use serde_json::json;

use crate::{Bed, METADATA_ONLY};

#[tokio::test(start_paused = true)]
async fn a_list_holds_one_namespace_or_all_with_the_version_of_the_latest_change() {
    let bed = Bed::new();
    bed.create("a").await;
    for name in ["a", "z"] {
        let path = "/apis/example.com/v1/namespaces/elsewhere/widgets";
        bed.send("POST", path, json!({ "metadata": { "name": name } }))
            .await
            .done();
    }
    for (path, names) in [("", vec!["a"]), ("/apis/example.com/v1/widgets", vec!["a", "a", "z"])] {
        let list = bed.get(path).await;
        assert_eq!(list.names(), names);
        assert_eq!(list.body["metadata"], json!({ "resourceVersion": "4" }));
        assert_eq!(list.body["kind"], "WidgetList");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_a_list_show_one_state() {
    let bed = Bed::new();
    for name in ["a", "b", "c", "d"] {
        bed.create(name).await;
    }
    let first = bed.get("?limit=2").await;
    assert_eq!(first.names(), ["a", "b"]);
    assert_eq!(first.body["metadata"]["remainingItemCount"], 2);
    let next = format!(
        "?limit=1&continue={}",
        first.body["metadata"]["continue"].as_str().expect("a token")
    );

    bed.send("DELETE", "c", json!({})).await.done();
    bed.label("d", "red").await;
    bed.create("e").await;
    let second = bed.get(&next).await;
    assert_eq!(second.names(), ["c"]);
    assert_eq!(second.body["metadata"]["resourceVersion"], "5");
    let last = second.body["metadata"]["continue"]
        .as_str()
        .expect("a token")
        .to_owned();
    let last = bed.get(&format!("?continue={last}")).await;
    assert_eq!(last.names(), ["d"]);
    assert!(last.body["items"][0]["metadata"]["labels"].is_null());
    assert_eq!(last.body["metadata"], json!({ "resourceVersion": "5" }));

    assert_eq!(bed.get("?limit=1").await.names(), ["a"]);
    assert_eq!(
        bed.get("?limit=1&resourceVersion=0").await.names(),
        ["a", "b", "d", "e"]
    );
    let of_label = bed.get("?limit=1&labelSelector=color!%3Dred").await;
    assert!(of_label.body["metadata"]["remainingItemCount"].is_null());
    assert_eq!(
        bed.get("?resourceVersion=4&resourceVersionMatch=Exact").await.names(),
        ["a", "b", "c"]
    );
    let both = bed.get(&format!("{next}&resourceVersion=5")).await;
    assert_eq!(both.verdict(), (400, "BadRequest"));
    assert_eq!(bed.get("?continue=next").await.verdict(), (400, "BadRequest"));

    bed.server.expire();
    assert_eq!(bed.get(&next).await.verdict(), (410, "Expired"));
    let exact = bed.get("?resourceVersion=4&resourceVersionMatch=Exact").await;
    assert_eq!(exact.verdict(), (410, "Expired"));
}

#[tokio::test(start_paused = true)]
async fn selectors_select_by_name_namespace_and_labels() {
    let bed = Bed::new();
    for (name, color, shape) in [("a", "red", "round"), ("b", "red", "flat"), ("c", "blue", "flat")] {
        let labels = json!({ "metadata": { "labels": { "color": color, "shape": shape } } });
        bed.create_with(name, labels).await;
    }
    bed.create("d").await;
    for (query, names) in [
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name+%3D+b", vec!["b"]),
        ("fieldSelector=metadata.name==b,metadata.namespace=default", vec!["b"]),
        (
            "fieldSelector=metadata.name!=b,metadata.namespace=default",
            vec!["a", "c", "d"],
        ),
        ("fieldSelector=metadata.namespace=elsewhere", vec![]),
        ("labelSelector=color=red", vec!["a", "b"]),
        ("labelSelector=color==red,shape!=round", vec!["b"]),
        ("labelSelector=shape!=flat", vec!["a", "d"]),
    ] {
        assert_eq!(bed.get(&format!("?{query}")).await.names(), names, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_ask_for_the_metadata_only() {
    let bed = Bed::new();
    bed.create("a").await;
    let read = async |path: &str| {
        let answer = bed.try_accept("GET", path, METADATA_ONLY, &json!(null)).await;
        answer.expect("an answer").body
    };
    let partial = json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": bed.widget("a").expect("it is there")["metadata"],
    });
    assert_eq!(read("a").await, partial);
    let list = read("").await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"], json!([partial]));
    assert_eq!(list["metadata"]["resourceVersion"], "2");
    assert_eq!(read("b").await["reason"], "NotFound");
    let line = read("?watch=1&resourceVersion=1&timeoutSeconds=1").await;
    assert_eq!(line, json!({ "type": "ADDED", "object": partial }));
    bed.server.expire();
    assert_eq!(read("?watch=1&resourceVersion=2").await["object"]["code"], 410);
}
