//! Counts, latency and faults.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube_testbed::{Fault, Requests, Verb};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Bed;

#[tokio::test(start_paused = true)]
async fn requests_are_counted_and_those_from_outside_are_not() {
    let mut bed = Bed::new();
    let use_all = async |bed: &Bed| {
        let created = bed.create("a").await;
        bed.send("PUT", "a", created).await.done();
        bed.set_phase("a", "Ready").await;
        bed.set_phase("a", "Ready").await;
        let mut current = bed.get("a").await.done();
        current["status"]["phase"] = "Done".into();
        bed.send("PUT", "a/status", current).await.done();
        bed.merge("a", json!({ "spec": { "size": 9 } })).await;
        bed.get("").await.done();
        drop(bed.watch("").await);
        bed.send("DELETE", "a", json!({})).await.done();
        assert_eq!(bed.get("/unknown").await.code, 404);
    };
    bed.connection = bed.server.connect_outside();
    use_all(&bed).await;
    assert_eq!(
        (bed.server.requests(), bed.server.status_writes()),
        (Requests::default(), 0)
    );
    bed.connection = bed.server.connect();
    use_all(&bed).await;
    let expected = Requests {
        list: 1,
        watch: 1,
        get: 1,
        create: 1,
        replace: 1,
        replace_status: 1,
        patch: 1,
        patch_status: 2,
        delete: 1,
        total: 11,
    };
    assert_eq!((bed.server.requests(), bed.server.status_writes()), (expected, 2));
    let before = bed.server.requests();
    use_all(&bed).await;
    assert_eq!(bed.server.requests() - before, expected);
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_as_long_as_the_latency() {
    let mut bed = Bed::new();
    let latency = Duration::from_millis(70);
    bed.server.set_latency(latency);
    let start = Instant::now();
    bed.create("a").await;
    assert_eq!(start.elapsed(), latency);
    bed.connection = bed.server.connect_outside();
    bed.create("b").await;
    assert_eq!(start.elapsed(), latency);
}

#[tokio::test(start_paused = true)]
async fn a_hook_makes_requests_fail() {
    let mut bed = Bed::new();
    bed.create("a").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (hook_seen, hook_server) = (seen.clone(), bed.server.clone());
    bed.server.on_request(move |request| {
        let mut seen = hook_seen.lock().expect("nothing panicked");
        seen.push((
            request.verb,
            request.plural.clone(),
            request.namespace.clone(),
            request.name.clone(),
        ));
        assert!(hook_server.object("widgets", "default", "a").is_some());
        match seen.len() {
            1 => Some(Fault::Status {
                code: 429,
                reason: "TooManyRequests",
                retry_after: Some(Duration::from_secs(7)),
            }),
            2 => Some(Fault::Unreachable),
            3 => Some(Fault::LostResponse),
            _ => None,
        }
    });
    let phase = json!({ "status": { "phase": "Ready" } });
    let refused = bed.send("MERGE", "a/status", phase.clone()).await;
    assert_eq!(refused.verdict(), (429, "TooManyRequests"));
    assert_eq!(refused.body["details"]["retryAfterSeconds"], 7);
    for (error, stored) in [
        ("the API server is unreachable", Value::Null),
        (
            "the connection broke before the answer arrived",
            json!({ "phase": "Ready" }),
        ),
    ] {
        let failed = bed.try_send("MERGE", "a/status", &phase).await;
        assert_eq!(failed.err().expect("no answer").to_string(), error);
        assert_eq!(bed.widget("a").expect("it is there")["status"], stored);
    }
    bed.set_phase("a", "Done").await;
    let about = (
        Verb::PatchStatus,
        "widgets".to_owned(),
        Some("default".to_owned()),
        Some("a".to_owned()),
    );
    assert_eq!(*seen.lock().expect("nothing panicked"), vec![about; 4]);
    assert_eq!((bed.server.requests().patch_status, bed.server.status_writes()), (4, 2));

    bed.server.on_request(|_| Some(Fault::Unreachable));
    bed.connection = bed.server.connect_outside();
    bed.get("a").await.done();
}

#[tokio::test(start_paused = true)]
async fn a_status_fault_names_when_to_retry_in_a_header() {
    let bed = Bed::new();
    bed.server.on_request(|_| {
        Some(Fault::Status {
            code: 503,
            reason: "ServiceUnavailable",
            // The protocol has whole seconds: never earlier than asked for.
            retry_after: Some(Duration::from_millis(6001)),
        })
    });
    let client = kube::Client::new(bed.server.connect(), "default");
    let request = http::Request::get("/api/v1/namespaces").body(Vec::new().into());
    let answer = client.send(request.expect("a valid request")).await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
}
