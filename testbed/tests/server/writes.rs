//! Creation, replacement, status, generation.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{Bed, server};

#[tokio::test(start_paused = true)]
async fn a_new_object_gets_its_metadata_from_the_server() {
    let bed = Bed::new();
    tokio::time::advance(Duration::from_secs(90)).await;
    let set = json!({
        "metadata": {
            "uid": "mine",
            "generation": 7,
            "creationTimestamp": "2000-01-01T00:00:00Z",
            "deletionTimestamp": "2000-01-01T00:00:00Z",
        },
        "spec": { "size": 3 },
        "status": { "phase": "Ready" },
    });
    let created = bed.create_with("a", set).await;
    let metadata = &created["metadata"];
    assert_ne!(metadata["uid"], "mine");
    let expected = json!({
        "name": "a",
        "namespace": "default",
        "uid": metadata["uid"],
        "generation": 1,
        "resourceVersion": "2",
        "creationTimestamp": "2030-01-01T00:01:30Z",
    });
    assert_eq!(*metadata, expected);
    assert_eq!(created["spec"]["size"], 3);
    assert_eq!(created.get("status"), None, "the status is not written with the object");
    assert_eq!(created["apiVersion"], "example.com/v1");
    let now = bed.server.now().duration_since(UNIX_EPOCH).expect("after the epoch");
    assert_eq!(now, Duration::from_secs(1_893_456_090));
}

#[tokio::test(start_paused = true)]
async fn uids_are_uuids_that_the_seed_determines() {
    let uids = async |seed| {
        let bed = Bed::of(kube_testbed::ApiServer::with_seed(seed, []));
        let mut uids = Vec::new();
        for name in ["a", "b"] {
            let config_map = json!({ "metadata": { "name": name } });
            let created = bed
                .send("POST", "/api/v1/namespaces/default/configmaps", config_map)
                .await;
            uids.push(created.done()["metadata"]["uid"].as_str().expect("a uid").to_owned());
        }
        uids
    };
    let (first, again, other) = (uids(1).await, uids(1).await, uids(2).await);
    assert_eq!(first, again);
    assert_ne!(first[0], first[1]);
    assert!(!other.contains(&first[0]) && !other.contains(&first[1]));
    for uid in first.iter().chain(&other) {
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uid}");
        assert!(
            uid.chars().all(|digit| digit == '-' || digit.is_ascii_hexdigit()),
            "{uid}"
        );
        assert_eq!(&uid[14..15], "4", "{uid}");
        assert!("89ab".contains(&uid[19..20]), "{uid}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_is_given_once_or_generated() {
    let bed = Bed::new();
    bed.create("a").await;
    for (metadata, verdict) in [
        (json!({ "name": "a" }), (409, "AlreadyExists")),
        (json!({}), (422, "Invalid")),
        (json!({ "name": "b", "namespace": "elsewhere" }), (400, "BadRequest")),
        (json!({ "name": "b", "resourceVersion": "1" }), (500, "")),
    ] {
        let answer = bed.send("POST", "", json!({ "metadata": metadata })).await;
        assert_eq!(answer.verdict(), verdict, "{metadata}");
    }
    let mut names = Vec::new();
    for _ in 0..2 {
        let body = json!({ "metadata": { "generateName": "part-" } });
        let created = bed.send("POST", "", body).await.done();
        names.push(created["metadata"]["name"].as_str().expect("a name").to_owned());
    }
    assert!(
        names.iter().all(|name| name.starts_with("part-") && name.len() == 10),
        "{names:?}"
    );
    assert_ne!(names[0], names[1]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_based_on_the_latest_version_and_removes_what_it_leaves_out() {
    let bed = Bed::new();
    let mut mine = bed.create("a").await;
    bed.label("a", "red").await;
    mine["spec"]["size"] = 2.into();
    assert_eq!(bed.send("PUT", "a", mine.clone()).await.verdict(), (409, "Conflict"));
    mine["metadata"]["resourceVersion"] = "3".into();
    let replaced = bed.send("PUT", "a", mine.clone()).await.done();
    assert_eq!(replaced["metadata"].get("labels"), None);
    assert_eq!(replaced["spec"]["size"], 2);
    mine["metadata"]["resourceVersion"] = Value::Null;
    assert_eq!(bed.send("PUT", "a", mine).await.verdict(), (422, "Invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_through_its_subresource_only() {
    let bed = Bed::new();
    bed.create("a").await;
    let object = |size: u64, color: &str, phase: &str| {
        json!({
            "metadata": { "labels": { "color": color } },
            "spec": { "size": size },
            "status": { "phase": phase },
        })
    };
    let parts = |object: &Value| {
        let color = object["metadata"]["labels"]["color"].clone();
        json!([object["spec"]["size"], color, object["status"]["phase"]])
    };
    let patched = bed.merge("a", object(1, "red", "Ready")).await;
    assert_eq!(parts(&patched), json!([1, "red", null]));
    let mut patched = bed.merge("a/status", object(2, "blue", "Ready")).await;
    assert_eq!(parts(&patched), json!([1, "red", "Ready"]));
    patched["spec"]["size"] = 3.into();
    patched["status"]["phase"] = "Done".into();
    let mut replaced = bed.send("PUT", "a/status", patched).await.done();
    assert_eq!(parts(&replaced), json!([1, "red", "Done"]));
    replaced["status"] = Value::Null;
    let replaced = bed.send("PUT", "a", replaced).await.done();
    assert_eq!(parts(&replaced), json!([1, "red", "Done"]));
    assert_eq!(parts(&bed.get("a/status").await.done()), json!([1, "red", "Done"]));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_no_change() {
    let bed = Bed::new();
    bed.create("a").await;
    bed.set_phase("a", "Ready").await;
    let before = bed.widget("a").expect("it is there");
    let mut events = bed.watch("resourceVersion=3").await;
    bed.set_phase("a", "Ready").await;
    let empty = json!({ "finalizers": [], "labels": {}, "resourceVersion": null });
    bed.merge("a", json!({ "metadata": empty, "spec": { "size": 0 } }))
        .await;
    for path in ["a", "a/status"] {
        bed.send("PUT", path, before.clone()).await.done();
    }
    assert_eq!(bed.widget("a"), Some(before));
    assert!(events.soon().await.is_empty());
    assert_eq!(bed.server.status_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_generation_counts_changes_outside_metadata_and_status() {
    let bed = Bed::new();
    bed.create("a").await;
    for (path, patch, generation) in [
        ("a", json!({ "metadata": { "labels": { "color": "red" } } }), 1),
        ("a", json!({ "metadata": { "finalizers": ["example.com/x"] } }), 1),
        ("a/status", json!({ "status": { "phase": "Ready" } }), 1),
        ("a", json!({ "spec": { "size": 1 } }), 2),
        ("a", json!({ "data": 1 }), 3),
        ("a", json!({ "data": null }), 4),
    ] {
        let patched = bed.merge(path, patch.clone()).await;
        assert_eq!(patched["metadata"]["generation"], generation, "{patch}");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_cannot_change_what_the_server_sets() {
    let bed = Bed::new();
    let created = bed.create("a").await;
    let ignored = json!({
        "generation": 9,
        "creationTimestamp": "2000-01-01T00:00:00Z",
        "deletionTimestamp": "2000-01-01T00:00:00Z",
        "managedFields": [{ "manager": "me" }],
        "selfLink": "/a",
        "uid": null,
    });
    assert_eq!(bed.merge("a", json!({ "metadata": ignored })).await, created);
    let mut other = created.clone();
    other["metadata"]["uid"] = "other".into();
    for (method, body, verdict) in [
        ("PUT", other, (409, "Conflict")),
        ("MERGE", json!({ "metadata": { "uid": "other" } }), (422, "Invalid")),
        ("MERGE", json!({ "metadata": { "name": "b" } }), (400, "BadRequest")),
        ("MERGE", json!({ "kind": "Gadget" }), (422, "Invalid")),
        ("MERGE", json!({ "apiVersion": "v1" }), (422, "Invalid")),
    ] {
        let answer = bed.send(method, "a", body.clone()).await;
        assert_eq!(answer.verdict(), verdict, "{method} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_and_stores_nothing() {
    let bed = Bed::of(server());
    bed.create("a").await;
    bed.create_with("kept", json!({ "metadata": { "finalizers": ["example.com/x"] } }))
        .await;
    let apply = |name: &str| json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": name }, "spec": { "size": 5 } });
    let mut replaced = bed.widget("a").expect("it is there");
    replaced["spec"]["size"] = 5.into();
    let status = json!({ "status": { "phase": "Ready" } });
    let mut events = bed.watch("resourceVersion=3").await;
    for (method, path, body, field, value) in [
        (
            "POST",
            "?dryRun=All",
            json!({ "metadata": { "name": "b" } }),
            "/metadata/generation",
            json!(1),
        ),
        ("PUT", "a?dryRun=All", replaced, "/metadata/generation", json!(2)),
        (
            "MERGE",
            "a?dryRun=All",
            json!({ "spec": { "size": 5 } }),
            "/spec/size",
            json!(5),
        ),
        ("MERGE", "a/status?dryRun=All", status, "/status/phase", json!("Ready")),
        (
            "APPLY",
            "a?dryRun=All&fieldManager=me&force=true",
            apply("a"),
            "/spec/size",
            json!(5),
        ),
        (
            "APPLY",
            "b?dryRun=All&fieldManager=me",
            apply("b"),
            "/spec/size",
            json!(5),
        ),
        ("DELETE", "a?dryRun=All", json!({}), "/status", json!("Success")),
        (
            "DELETE",
            "kept",
            json!({ "dryRun": ["All"] }),
            "/metadata/deletionGracePeriodSeconds",
            json!(0),
        ),
        ("DELETE", "?dryRun=All", json!({}), "/items/0/metadata/name", json!("a")),
    ] {
        let before = (bed.widget("a"), bed.widget("kept"));
        let answer = bed.send(method, path, body).await.done();
        assert_eq!(answer.pointer(field), Some(&value), "{method} {path}: {answer}");
        assert_eq!((bed.widget("a"), bed.widget("kept")), before, "{method} {path}");
        assert_eq!(
            bed.get("").await.body["metadata"]["resourceVersion"],
            "3",
            "{method} {path}"
        );
    }
    for (method, path, body) in [
        ("POST", "?dryRun=Some", json!({})),
        ("DELETE", "a", json!({ "dryRun": ["Some"] })),
    ] {
        assert_eq!(bed.send(method, path, body).await.verdict(), (422, "Invalid"));
    }
    // The last finalizer would take the object with it.
    bed.send("DELETE", "kept", json!({})).await.done();
    let release = json!({ "metadata": { "finalizers": null } });
    bed.send("MERGE", "kept?dryRun=All", release).await.done();
    assert!(bed.widget("kept").is_some());
    let stale = json!({ "metadata": { "resourceVersion": "1" } });
    assert_eq!(
        bed.send("MERGE", "a?dryRun=All", stale).await.verdict(),
        (409, "Conflict")
    );
    assert_eq!(events.soon().await, ["MODIFIED kept@4"]);
    assert_eq!(bed.server.status_writes(), 0);
}
