//! Server-side apply.

use kube_testbed::{ApiServer, Resource};
use serde_json::{Value, json};

use crate::{Answer, Bed};

impl Bed {
    async fn apply(&self, path: &str, manager: &str, mut fields: Value) -> Answer {
        fields["apiVersion"] = "example.com/v1".into();
        fields["kind"] = "Widget".into();
        fields["metadata"]["name"] = path.split('/').next().into();
        self.send("APPLY", &format!("{path}?fieldManager={manager}"), fields)
            .await
    }
}

#[tokio::test(start_paused = true)]
async fn an_applied_object_is_created_or_merged() {
    let bed = Bed::new();
    let fields = json!({
        "metadata": { "labels": { "color": "red" } },
        "spec": { "size": 1, "parts": ["x", "y"] },
        "status": { "phase": "Ready" },
    });
    let created = bed.apply("a", "one", fields).await;
    assert_eq!((created.code, created.body.get("status")), (201, None));
    let fields = json!({ "metadata": { "labels": null }, "spec": { "parts": ["z"], "size": null } });
    let merged = bed.apply("a", "two&force=true", fields).await.done();
    assert_eq!(
        merged["spec"],
        json!({ "size": 1, "parts": ["z"] }),
        "a null is not sent"
    );
    assert_eq!(merged["metadata"]["labels"], json!({ "color": "red" }));

    let fields = json!({ "spec": { "size": 5 }, "status": { "phase": "Ready" } });
    let merged = bed.apply("a/status", "one", fields.clone()).await.done();
    assert_eq!(
        (&merged["spec"]["size"], &merged["status"]["phase"]),
        (&json!(1), &json!("Ready"))
    );
    assert_eq!(
        bed.apply("b/status", "one", fields.clone()).await.verdict(),
        (404, "NotFound")
    );

    let typed = json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": "a" } });
    let with = |path: &str, value: Value| {
        let mut typed = typed.clone();
        typed["metadata"]["labels"] = json!({});
        *typed.pointer_mut(path).expect("a field") = value;
        typed
    };
    for (path, body, code) in [
        ("a", typed.clone(), 422),
        ("a?fieldManager=one", with("/kind", "Gadget".into()), 400),
        ("a?fieldManager=one", with("/apiVersion", Value::Null), 400),
        (
            "a?fieldManager=one",
            with("/metadata", json!({ "managedFields": [] })),
            400,
        ),
        ("a?fieldManager=one", with("/metadata", json!({ "name": "b" })), 400),
        ("b?fieldManager=one", with("/metadata", json!({})), 400),
        ("a?fieldManager=one", with("/metadata", json!({})), 200),
    ] {
        assert_eq!(bed.send("APPLY", path, body.clone()).await.code, code, "{path} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_field_that_its_last_manager_leaves_out_is_removed() {
    let bed = Bed::new();
    let spec = |spec: Value| json!({ "spec": spec });
    bed.create_with("a", spec(json!({ "mine": 0 }))).await;
    for (manager, fields, expected) in [
        (
            "one",
            json!({ "size": 1, "deep": { "er": 1 }, "empty": {} }),
            json!({ "mine": 0, "size": 1, "deep": { "er": 1 }, "empty": {} }),
        ),
        (
            "two",
            json!({ "size": 1, "empty": { "not": 1 } }),
            json!({ "mine": 0, "size": 1, "deep": { "er": 1 }, "empty": { "not": 1 } }),
        ),
        ("one", json!({}), json!({ "mine": 0, "size": 1, "empty": { "not": 1 } })),
        (
            "two",
            json!({ "empty": { "not": 1 } }),
            json!({ "mine": 0, "empty": { "not": 1 } }),
        ),
        ("two", json!({}), json!({ "mine": 0 })),
    ] {
        let applied = bed.apply("a", manager, spec(fields.clone())).await.done();
        assert_eq!(applied["spec"], expected, "{manager}: {fields}");
    }

    let status = json!({ "status": { "phase": "Ready" } });
    bed.apply("a/status", "one", status).await.done();
    bed.apply("a", "one", spec(json!({ "size": 1 }))).await.done();
    assert_eq!(
        bed.widget("a").expect("it is there")["status"]["phase"],
        "Ready",
        "of another subresource"
    );
    bed.merge("a", spec(json!({ "size": 2 }))).await;
    let applied = bed.apply("a", "one", spec(json!({}))).await.done();
    assert_eq!(applied["spec"]["size"], 2, "it belongs to who changed it last");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_another_manager_applied_differently_is_a_conflict_unless_forced() {
    let bed = Bed::new();
    let size = |size: u64| json!({ "spec": { "size": size, "deep": { "er": 1 } } });
    bed.apply("a", "one", size(1)).await.done();
    bed.apply("a", "two", size(1)).await.done();
    let version = bed.widget("a").expect("it is there")["metadata"]["resourceVersion"].clone();
    assert_eq!(version, "3", "a new manager is a change");
    bed.apply("a", "two", size(1)).await.done();

    let conflict = bed.apply("a", "two", size(2)).await;
    assert_eq!(conflict.verdict(), (409, "Conflict"));
    assert_eq!(
        conflict.body["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .spec.size"
    );
    for (spec, path) in [
        (json!({ "size": { "w": 1 } }), ".spec.size"),
        (json!({ "deep": 1 }), ".spec.deep.er"),
    ] {
        let conflict = bed.apply("a", "three", json!({ "spec": spec })).await;
        let both = format!("conflict with \"one\": {path}, conflict with \"two\": {path}");
        assert_eq!(
            conflict.body["message"],
            format!("Apply failed with 2 conflicts: {both}")
        );
    }
    assert_eq!(
        bed.widget("a").expect("it is there")["metadata"]["resourceVersion"],
        version
    );

    bed.apply("a", "two&force=true", size(2)).await.done();
    bed.apply("a", "two", size(3)).await.done();
    let gone = bed
        .apply("a", "one", json!({ "spec": { "deep": { "er": 1 } } }))
        .await
        .done();
    assert_eq!(gone["spec"]["size"], 3, "it is no longer a field of the first");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_an_update_set_is_shared_or_a_conflict() {
    let bed = Bed::new();
    bed.create_with("a", json!({ "spec": { "size": 1, "deep": { "er": 1 } } }))
        .await;
    for (manager, spec, expected) in [
        ("one", json!({ "size": 1 }), json!({ "size": 1, "deep": { "er": 1 } })),
        ("one", json!({}), json!({ "size": 1, "deep": { "er": 1 } })),
        ("one", json!({ "size": 2 }), Value::Null),
        (
            "one&force=true",
            json!({ "size": 2 }),
            json!({ "size": 2, "deep": { "er": 1 } }),
        ),
        ("one", json!({}), json!({ "deep": { "er": 1 } })),
        ("one", json!({ "deep": 2 }), Value::Null),
        (
            "one",
            json!({ "new": { "er": 1 } }),
            json!({ "deep": { "er": 1 }, "new": { "er": 1 } }),
        ),
        ("one", json!({ "new": 2 }), json!({ "deep": { "er": 1 }, "new": 2 })),
    ] {
        let applied = bed.apply("a", manager, json!({ "spec": spec })).await;
        if expected.is_null() {
            assert_eq!(applied.verdict(), (409, "Conflict"), "{spec}");
        } else {
            assert_eq!(applied.done()["spec"], expected, "{spec}");
        }
    }
    bed.merge("a", json!({ "spec": { "new": 3 } })).await;
    let conflict = bed.apply("a", "one", json!({ "spec": { "new": 2 } })).await;
    let message = "Apply failed with 1 conflict: conflict with an update: .spec.new";
    assert_eq!(conflict.body["message"], message);
    bed.apply("a", "one", json!({ "spec": { "deep": { "by": 1 } } }))
        .await
        .done();
    let conflict = bed.apply("a", "two", json!({ "spec": { "deep": 2 } })).await;
    let message =
        "Apply failed with 2 conflicts: conflict with \"one\": .spec.deep.by, conflict with an update: .spec.deep";
    assert_eq!(conflict.body["message"], message);
    let generation = json!({ "metadata": { "generation": 9 }, "spec": {} });
    bed.apply("a", "one", generation).await.done();
}

#[tokio::test(start_paused = true)]
async fn lists_with_keys_are_applied_item_by_item() {
    let schema = json!({
        "properties": {
            "status": {
                "properties": {
                    "conditions": { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] },
                    "seen": { "x-kubernetes-list-type": "set" },
                    "plain": {},
                },
            },
        },
    });
    let version = json!({
        "name": "v1",
        "served": true,
        "storage": true,
        "subresources": { "status": {} },
        "schema": { "openAPIV3Schema": schema },
    });
    let spec = json!({
        "group": "example.com",
        "names": { "kind": "Widget", "plural": "widgets" },
        "scope": "Namespaced",
        "versions": [version],
    });
    let crd = json!({ "spec": spec });
    let bed = Bed::of(ApiServer::new([Resource::from_crd(&crd).expect("a definition")]));
    let finalizers = |names: &[&str]| json!({ "metadata": { "finalizers": names } });
    bed.create_with("a", finalizers(&["z", "y"])).await;
    for (manager, applied, expected) in [
        ("one", finalizers(&["x", "y"]), json!(["z", "x", "y"])),
        ("two", finalizers(&["x"]), json!(["z", "x", "y"])),
        ("one", finalizers(&[]), json!(["z", "x", "y"])),
        ("two", json!({}), json!(["z", "y"])),
    ] {
        let object = bed.apply("a", manager, applied.clone()).await.done();
        assert_eq!(object["metadata"]["finalizers"], expected, "{manager}: {applied}");
    }

    let owners = |uids: [&str; 2]| {
        let owner = |uid: &&str| json!({ "apiVersion": "example.com/v1", "kind": "Gadget", "name": "b", "uid": uid });
        let named = uids.iter().filter(|uid| !uid.is_empty());
        json!({ "metadata": { "ownerReferences": named.map(owner).collect::<Vec<_>>() } })
    };
    bed.create_with("b", owners(["1", ""])).await;
    for (applied, expected) in [
        (owners(["", "2"]), owners(["1", "2"])),
        (owners(["", "3"]), owners(["1", "3"])),
    ] {
        let object = bed.apply("b", "one", applied).await.done();
        let references = &expected["metadata"]["ownerReferences"];
        assert_eq!(object["metadata"]["ownerReferences"], *references);
    }

    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status });
    let status =
        |conditions: Value, seen: Value| json!({ "status": { "conditions": conditions, "seen": seen, "plain": seen } });
    let one = status(json!([condition("Ready", "True")]), json!([1]));
    bed.apply("a/status", "one", one).await.done();
    let both = json!([condition("Synced", "True"), condition("Ready", "True")]);
    let two = bed
        .apply("a/status", "two&force=true", status(both, json!([2])))
        .await
        .done();
    let expected = json!({
        "conditions": [condition("Synced", "True"), condition("Ready", "True")],
        "seen": [1, 2],
        "plain": [2],
    });
    assert_eq!(two["status"], expected);
}
