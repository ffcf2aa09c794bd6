//! The types that are served: built-in ones, those of a definition, and those that are defined later.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::discovery::{Discovery, verbs};
use kube::{Api, Client, CustomResourceExt};
use kube_testbed::{ApiServer, Resource};
use serde_json::{Value, json};

use crate::{Bed, Widget};

#[tokio::test(start_paused = true)]
async fn built_in_types_are_served_as_they_are() {
    let bed = Bed::of(ApiServer::new([]));
    for (collection, generation, status) in [
        ("/api/v1/namespaces/default/configmaps", Value::Null, 404),
        ("/api/v1/namespaces/default/secrets", Value::Null, 404),
        ("/api/v1/namespaces/default/services", Value::Null, 200),
        ("/api/v1/namespaces/default/pods", json!(1), 200),
        ("/api/v1/namespaces", Value::Null, 200),
        ("/api/v1/nodes", Value::Null, 200),
        ("/apis/apps/v1/namespaces/default/deployments", json!(1), 200),
        ("/apis/batch/v1/namespaces/default/cronjobs", json!(1), 200),
        (
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            Value::Null,
            404,
        ),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", json!(1), 200),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", Value::Null, 404),
    ] {
        let created = bed
            .send("POST", collection, json!({ "metadata": { "name": "a" } }))
            .await
            .done();
        assert_eq!(created["metadata"]["generation"], generation, "{collection}");
        let namespaced = collection.contains("/default/");
        assert_eq!(created["metadata"]["namespace"].is_string(), namespaced, "{collection}");
        let patch = json!({ "status": { "a": 1 } });
        let patched = bed.send("MERGE", &format!("{collection}/a/status"), patch).await;
        assert_eq!(patched.code, status, "{collection}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_secret_is_stored_encoded() {
    let bed = Bed::of(ApiServer::new([]));
    let path = "/api/v1/namespaces/default/secrets";
    let texts = json!({ "a": "", "b": "f", "c": "fo", "d": "foo", "e": "Zürich?" });
    let secret = json!({ "metadata": { "name": "a" }, "data": { "b": "eA==" }, "stringData": texts });
    let created = bed.send("POST", path, secret).await.done();
    let data = json!({ "a": "", "b": "Zg==", "c": "Zm8=", "d": "Zm9v", "e": "WsO8cmljaD8=" });
    assert_eq!((&created["data"], created.get("stringData")), (&data, None));
    let patched = bed
        .merge(&format!("{path}/a"), json!({ "stringData": { "d": "foo" } }))
        .await;
    assert_eq!(patched, created, "nothing differs");
}

#[tokio::test(start_paused = true)]
async fn a_resource_is_what_its_definition_says() {
    type Change = fn(&mut Value);
    assert_eq!(
        Resource::from_crd(&Widget::crd()),
        Ok(Resource::namespaced("example.com", "v1", "Widget", "widgets"))
    );
    let crd = |change: Change| {
        let mut crd = json!({ "spec": {
            "group": "example.com",
            "names": { "kind": "Gadget", "plural": "gadgets" },
            "scope": "Cluster",
            "versions": [{ "name": "v1", "served": true, "storage": true }],
        }});
        change(&mut crd["spec"]);
        Resource::from_crd(&crd)
    };
    let gadget = Resource::cluster_scoped("example.com", "v1", "Gadget", "gadgets").without_status_subresource();
    assert_eq!(crd(|_| ()), Ok(gadget));
    let cases: [(Change, &str); 7] = [
        (|spec| spec["group"] = Value::Null, "spec.group is missing"),
        (|spec| spec["names"]["kind"] = Value::Null, "spec.names.kind is missing"),
        (
            |spec| spec["names"]["plural"] = Value::Null,
            "spec.names.plural is missing",
        ),
        (|spec| spec["scope"] = "Galaxy".into(), "spec.scope is \"Galaxy\""),
        (|spec| spec["versions"] = Value::Null, "spec.versions is missing"),
        (
            |spec| spec["versions"][0]["served"] = false.into(),
            "it serves no version",
        ),
        (
            |spec| spec["versions"][0]["name"] = Value::Null,
            "a version has no name",
        ),
    ];
    for (change, error) in cases {
        let error = format!("invalid CustomResourceDefinition: {error}");
        assert_eq!(crd(change).expect_err("it is invalid").to_string(), error);
    }
}

#[tokio::test(start_paused = true)]
async fn all_served_versions_hold_the_same_objects() {
    let crd = json!({ "spec": {
        "group": "example.com",
        "names": { "kind": "Widget", "plural": "widgets" },
        "scope": "Namespaced",
        "versions": [
            { "name": "v1alpha1", "served": false },
            { "name": "v1beta1", "served": true },
            { "name": "v1", "served": true, "storage": true, "subresources": { "status": {} } },
        ],
    }});
    let bed = Bed::of(ApiServer::new([Resource::from_crd(&crd).expect("a definition")]));
    bed.create("a").await;
    let beta = "/apis/example.com/v1beta1/namespaces/default/widgets";
    let body = json!({ "apiVersion": "example.com/v1beta1", "kind": "Widget", "metadata": { "name": "b" } });
    let created = bed.send("POST", beta, body).await.done();
    assert_eq!(created["apiVersion"], "example.com/v1beta1");
    assert_eq!(bed.widget("b").expect("it is stored")["apiVersion"], "example.com/v1");
    let list = bed.get(beta).await;
    assert_eq!(list.names(), ["a", "b"]);
    assert_eq!(
        (&list.body["apiVersion"], &list.body["items"][0]["apiVersion"]),
        (&json!("example.com/v1beta1"), &json!("example.com/v1beta1"))
    );
    assert_eq!(bed.get("b").await.done()["apiVersion"], "example.com/v1");
    let event = bed
        .get(&format!("{beta}?watch=1&resourceVersion=2&timeoutSeconds=1"))
        .await;
    assert_eq!(event.body["object"]["apiVersion"], "example.com/v1beta1");
    assert_eq!(bed.get("/apis/example.com/v1alpha1/widgets").await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn a_type_may_be_defined_later() {
    let bed = Bed::of(ApiServer::new([]));
    assert_eq!(bed.get("").await.code, 404);
    let widget = Resource::namespaced("example.com", "v1", "Widget", "widgets");
    bed.server.define(widget.clone());
    bed.create("a").await;
    bed.set_phase("a", "Ready").await;
    bed.server
        .define(widget.without_status_subresource().without_generation());
    assert_eq!(bed.send("MERGE", "a/status", json!({})).await.code, 404);
    let patched = bed.merge("a", json!({ "status": { "phase": "Done" } })).await;
    assert_eq!(
        (&patched["status"]["phase"], &patched["metadata"]["generation"]),
        (&json!("Done"), &json!(1))
    );
    assert_eq!(bed.server.status_writes(), 2);
    let nulls = bed.create_with("b", json!({ "status": null })).await;
    assert_eq!(nulls.get("status"), None);
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_a_client_applies_is_served() {
    let server = ApiServer::new([]);
    let client = Client::new(server.connect(), "default");
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    let params = PatchParams::apply("me").force();
    let applied = crds
        .patch("widgets.example.com", &params, &Patch::Apply(Widget::crd()))
        .await;
    let applied = applied.expect("it is applied");
    let established = kube::runtime::conditions::is_crd_established();
    assert!(kube::runtime::wait::Condition::matches_object(
        &established,
        Some(&applied)
    ));
    let bed = Bed::of(server);
    bed.create("a").await;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(
        bed.send("DELETE", &format!("{path}/widgets.example.com"), json!({}))
            .await
            .code,
        400
    );
    assert_eq!(bed.send("DELETE", path, json!({})).await.code, 400);
    let invalid = json!({ "metadata": { "name": "b" }, "spec": {} });
    assert_eq!(bed.send("POST", path, invalid).await.verdict(), (422, "Invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_client_discovers_what_is_served() {
    let server = crate::server();
    let client = Client::new(server.connect(), "default");
    let version = client.apiserver_version().await.expect("a version");
    assert_eq!(
        (version.major.as_str(), version.git_version.starts_with("v1.")),
        ("1", true)
    );
    let discovery = Discovery::new(client.clone()).run().await.expect("the groups");
    let group = discovery.get("example.com").expect("the group of the widgets");
    let (widget, capabilities) = group.recommended_kind("Widget").expect("the widgets");
    assert_eq!((widget.plural.as_str(), widget.version.as_str()), ("widgets", "v1"));
    assert!(capabilities.supports_operation(verbs::WATCH));
    assert_eq!(capabilities.subresources.len(), 1);
    assert!(
        discovery
            .get("")
            .is_some_and(|core| core.recommended_kind("ConfigMap").is_some())
    );
    let pinned = kube::core::GroupVersionKind::gvk("example.com", "v1", "Widget");
    kube::discovery::pinned_kind(&client, &pinned)
        .await
        .expect("the widgets");
    kube::discovery::group(&client, "apps").await.expect("the group");

    let bed = Bed::of(server);
    for (path, code) in [
        ("/readyz", 200),
        ("/apis/apps", 200),
        ("/apis/unknown", 404),
        ("/apis/example.com/v2", 404),
    ] {
        assert_eq!(bed.get(path).await.code, code, "{path}");
    }
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    assert!(config_maps.get_opt("a").await.expect("an answer").is_none());
}
