//! Owner references and garbage collection.

use serde_json::{Value, json};

use crate::Bed;

/// A reference to a widget, or to a namespace.
fn reference(owner: &Value, blocks: bool) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": blocks,
    })
}

impl Bed {
    async fn create_owned(&self, name: &str, owners: &[&Value]) -> Value {
        let references: Vec<Value> = owners.iter().map(|owner| reference(owner, true)).collect();
        self.create_with(name, json!({ "metadata": { "ownerReferences": references } }))
            .await
    }

    async fn delete(&self, name: &str, propagation: &str) -> Value {
        let answer = self
            .send("DELETE", name, json!({ "propagationPolicy": propagation }))
            .await;
        answer.done()
    }

    async fn names(&self) -> Vec<String> {
        let list = self.get("").await;
        list.names().into_iter().map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn dependents_go_after_their_last_owner() {
    let bed = Bed::new();
    let (a, b) = (bed.create("a").await, bed.create("b").await);
    let only_a = bed.create_owned("of-a", &[&a]).await;
    bed.create_owned("of-of-a", &[&only_a]).await;
    bed.create_owned("of-both", &[&a, &b]).await;
    bed.create_with(
        "kept",
        json!({ "metadata": { "finalizers": ["x"], "ownerReferences": [reference(&a, false)] } }),
    )
    .await;
    let mut events = bed.watch("resourceVersion=7").await;

    bed.delete("a", "Background").await;
    let expected = [
        "DELETED a@8",
        "MODIFIED kept@9",
        "DELETED of-a@10",
        "MODIFIED of-both@11",
        "DELETED of-of-a@12",
    ];
    assert_eq!(events.soon().await, expected);
    assert!(bed.widget("kept").expect("it has a finalizer")["metadata"]["deletionTimestamp"].is_string());
    let of_both = bed.widget("of-both").expect("it has another owner");
    assert_eq!(of_both["metadata"]["ownerReferences"], json!([reference(&b, true)]));
    bed.delete("b", "Background").await;
    assert_eq!(bed.names().await, ["kept"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_is_known_by_its_uid() {
    let bed = Bed::new();
    let old = bed.create("a").await;
    bed.send("DELETE", "a", json!({})).await.done();
    let new = bed.create("a").await;
    bed.create_owned("of-old", &[&old]).await;
    bed.create_owned("of-new", &[&new]).await;
    let mut unknown = reference(&new, true);
    unknown["kind"] = "Gadget".into();
    bed.create_with("of-unknown", json!({ "metadata": { "ownerReferences": [unknown] } }))
        .await;
    assert_eq!(bed.names().await, ["a", "of-new", "of-unknown"]);
    bed.merge(
        "of-new",
        json!({ "metadata": { "ownerReferences": [reference(&old, true)] } }),
    )
    .await;
    assert_eq!(bed.names().await, ["a", "of-unknown"]);

    let nameless = reference(
        &json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a" } }),
        true,
    );
    let mut controls = reference(&new, true);
    controls["controller"] = true.into();
    for references in [json!([nameless]), json!([controls, controls])] {
        let body = json!({ "metadata": { "name": "b", "ownerReferences": references } });
        assert_eq!(bed.send("POST", "", body).await.verdict(), (422, "Invalid"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_outside_of_namespaces_owns_objects_in_all_of_them() {
    let bed = Bed::new();
    let namespace = bed
        .send("POST", "/api/v1/namespaces", json!({ "metadata": { "name": "a" } }))
        .await
        .done();
    bed.create_owned("b", &[&namespace]).await;
    let widget = bed.create("c").await;
    // The other way round nobody can look the owner up.
    let owned = json!({ "metadata": { "name": "d", "ownerReferences": [reference(&widget, true)] } });
    bed.send("POST", "/api/v1/namespaces", owned).await.done();
    let elsewhere = json!({ "metadata": { "name": "e", "ownerReferences": [reference(&widget, true)] } });
    let path = "/apis/example.com/v1/namespaces/elsewhere/widgets";
    bed.send("POST", path, elsewhere).await.done();
    assert!(
        bed.get(path).await.names().is_empty(),
        "an owner is in the same namespace"
    );
    bed.send("DELETE", "/api/v1/namespaces/a", json!({})).await.done();
    bed.send("DELETE", "c", json!({})).await.done();
    assert!(bed.names().await.is_empty());
    assert_eq!(bed.get("/api/v1/namespaces").await.names(), ["d"]);
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_dependents_go_first() {
    let bed = Bed::new();
    let a = bed.create("a").await;
    let b = bed.create("b").await;
    let child = bed.create_owned("child", &[&a]).await;
    bed.create_owned("grandchild", &[&child]).await;
    bed.create_owned("of-both", &[&a, &b]).await;
    let kept = json!({ "finalizers": ["x"], "ownerReferences": [reference(&a, true)] });
    bed.create_with("kept", json!({ "metadata": kept })).await;
    let mut events = bed.watch("resourceVersion=7").await;

    let marked = bed.delete("a", "Foreground").await;
    assert_eq!(marked["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let expected = [
        "MODIFIED a@8",
        "MODIFIED child@9",
        "MODIFIED kept@10",
        "MODIFIED of-both@11",
        "DELETED grandchild@12",
        "DELETED child@13",
    ];
    assert_eq!(events.soon().await, expected);
    bed.merge("kept", json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(events.soon().await, ["DELETED kept@14", "DELETED a@15"]);
    assert_eq!(bed.names().await, ["b", "of-both"]);

    // One that does not block goes with its owner, which does not wait for it.
    let loose = json!({ "finalizers": ["x"], "ownerReferences": [reference(&b, false)] });
    bed.create_with("loose", json!({ "metadata": loose })).await;
    bed.delete("b", "Foreground").await;
    assert_eq!(bed.names().await, ["loose"]);
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_without_their_owner() {
    let bed = Bed::new();
    let a = bed.create("a").await;
    bed.create_owned("child", &[&a]).await;
    let mut events = bed.watch("resourceVersion=3").await;
    let marked = bed.send("DELETE", "a?propagationPolicy=Orphan", json!({})).await.done();
    assert_eq!(marked["metadata"]["finalizers"], json!(["orphan"]));
    assert_eq!(events.soon().await, ["MODIFIED a@4", "MODIFIED child@5", "DELETED a@6"]);
    let child = bed.widget("child").expect("it stays");
    assert_eq!(child["metadata"].get("ownerReferences"), None);

    let options = json!({ "propagationPolicy": "Sideways" });
    assert_eq!(bed.send("DELETE", "child", options).await.verdict(), (422, "Invalid"));
    // A job that says nothing else leaves its pods behind.
    let job = bed
        .send(
            "POST",
            "/apis/batch/v1/namespaces/default/jobs",
            json!({ "metadata": { "name": "a" } }),
        )
        .await
        .done();
    bed.create_owned("of-job", &[&job]).await;
    bed.send("DELETE", "/apis/batch/v1/namespaces/default/jobs/a", json!({}))
        .await
        .done();
    assert_eq!(bed.names().await, ["child", "of-job"]);
}

#[tokio::test(start_paused = true)]
async fn a_later_deletion_changes_what_becomes_of_the_dependents() {
    let bed = Bed::new();
    let a = bed
        .create_with("a", json!({ "metadata": { "finalizers": ["y"] } }))
        .await;
    bed.create_with(
        "kept",
        json!({ "metadata": { "finalizers": ["x"], "ownerReferences": [reference(&a, true)] } }),
    )
    .await;
    bed.delete("a", "Foreground").await;
    let again = bed.send("DELETE", "a", json!({})).await.done();
    assert_eq!(again["metadata"]["finalizers"], json!(["y", "foregroundDeletion"]));
    let background = bed.delete("a", "Background").await;
    assert_eq!(background["metadata"]["finalizers"], json!(["y"]));
    bed.merge("a", json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(bed.names().await, ["kept"]);
}
