//! What the controller's own cache takes of the heap, beside which this crate's share is small.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    ResourceExt,
    runtime::{reflector, watcher::Event},
};
use libtest_mimic::Failed;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

const CHAPTER: &str = include_str!("../../src/guide/choosing_intervals.rs");
const OBJECTS: usize = 1000;

pub(crate) fn the_cache_of_whole_objects_takes_far_more_memory_than_what_is_remembered() -> Result<(), Failed> {
    let json = deployment(0).to_string();
    let whole = bytes_per_object(|_| {})?;
    let trimmed = bytes_per_object(|deployment| deployment.managed_fields_mut().clear())?;
    println!(
        "\n    a Deployment of {} bytes: {whole} bytes in the cache, {trimmed} without managedFields",
        json.len()
    );
    let kilobytes = |bytes: usize| format!("{:.1}", bytes as f64 / 1000.0);
    let claim = format!(
        "a Deployment of {} bytes of JSON takes {} kB of heap there, {} kB without its `managedFields`",
        json.len(),
        kilobytes(whole),
        kilobytes(trimmed)
    );
    let words = |text: &str| {
        let lines = text.lines().map(|line| line.trim_start_matches("//!"));
        lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    };
    if !words(CHAPTER).contains(&claim) {
        return Err(format!("the chapter does not say {claim:?}").into());
    }
    Ok(())
}

fn bytes_per_object(modify: impl Fn(&mut Deployment)) -> Result<usize, Failed> {
    let (_reader, mut writer) = reflector::store::<Deployment>();
    // What is there once per kind is not an object's.
    let mut put = |n| -> Result<(), Failed> {
        let mut deployment: Deployment = serde_json::from_str(&deployment(n).to_string())?;
        modify(&mut deployment);
        writer.apply_watcher_event(&Event::Apply(deployment));
        Ok(())
    };
    put(0)?;
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    for n in 1..=OBJECTS {
        put(n)?;
    }
    let change = region.change();
    Ok((change.bytes_allocated - change.bytes_deallocated) / OBJECTS)
}

/// As `kubectl get -o json` shows one with a single container.
fn deployment(n: usize) -> serde_json::Value {
    let probe = json!({ "httpGet": { "path": "/healthz", "port": 8080, "scheme": "HTTP" }, "periodSeconds": 10, "timeoutSeconds": 1 });
    let condition = |name: &str, reason: &str| {
        json!({
            "type": name, "status": "True", "reason": reason, "message": format!("Deployment has been {reason}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z", "lastUpdateTime": "2026-01-01T00:00:00Z",
        })
    };
    let labels = json!({ "app.kubernetes.io/name": "web", "app.kubernetes.io/instance": format!("web-{n:07}") });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": format!("web-{n:07}"), "namespace": "default", "uid": format!("0b1e1e5c-7a0f-4a52-9d3e-{n:012}"),
            "resourceVersion": "1234567", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels,
            "annotations": { "deployment.kubernetes.io/revision": "1" },
            "managedFields": [{
                "manager": "kubectl", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": { "f:labels": { "f:app.kubernetes.io/name": {}, "f:app.kubernetes.io/instance": {} } },
                    "f:spec": {
                        "f:replicas": {}, "f:selector": {},
                        "f:template": { "f:metadata": { "f:labels": {} }, "f:spec": { "f:containers": {
                            "k:{\"name\":\"web\"}": { ".": {}, "f:image": {}, "f:name": {}, "f:resources": {} },
                        } } },
                    },
                },
            }],
        },
        "spec": {
            "replicas": 3,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "serviceAccountName": "web", "containers": [{
                    "name": "web", "image": "registry.example.com/web:1.27.3",
                    "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
                    "env": [{ "name": "LOG", "value": "info" }, { "name": "REGION", "value": "eu-central-1" }],
                    "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
                    "livenessProbe": probe, "readinessProbe": probe,
                }] },
            },
        },
        "status": {
            "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3, "observedGeneration": 1,
            "conditions": [condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable")],
        },
    })
}
