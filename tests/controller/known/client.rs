//! The application's client passes through unchanged.

use crate::world::{Oops, Thing, World, policy, requeuer};
use futures::TryStreamExt;
use http::Request;
use kube::{
    Api, Client, Error,
    api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams},
};
use kube_testbed::Fault;
use requeue_policy::{Outcome, Phase};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// What a client answers to each kind of request, as text.
async fn answers(client: &Client) -> Vec<String> {
    let things = Api::<Thing>::default_namespaced(client.clone());
    let params = PatchParams::default();
    let patch = Patch::Merge(json!({ "status": { "message": "the same" } }));
    let raw = Request::get("/apis/example.com/v1/namespaces/default/things/a")
        .body(vec![])
        .expect("a request");
    let put = json!({ "kind": "Thing" });
    let put = Request::put("/apis/example.com/v1/namespaces/default/things/a").body(put.to_string().into_bytes());
    let watch = things
        .watch(&WatchParams::default().timeout(1), "0")
        .await
        .expect("a watch");
    let watched: Vec<WatchEvent<Thing>> = watch.try_collect().await.expect("events");
    let text = |error: Error| format!("{error:?}");
    vec![
        format!("{:?}", things.get("none").await.map_err(text)),
        format!("{:?}", things.list(&ListParams::default()).await.map_err(text)),
        format!("{:?}", things.patch_status("a", &params, &patch).await.map_err(text)),
        format!("{:?}", things.patch("none", &params, &patch).await.map_err(text)),
        format!(
            "{:?}",
            things.delete("none", &DeleteParams::default()).await.map_err(text)
        ),
        format!("{:?}", client.request_text(raw).await.map_err(text)),
        format!("{:?}", client.request_text(put.expect("a request")).await.map_err(text)),
        format!("{} events", watched.len()),
        client.default_namespace().to_owned(),
        format!("{:?}", client.valid_until()),
    ]
}

#[tokio::test(start_paused = true)]
async fn answers_and_errors_are_byte_for_byte_what_they_are_without_it() {
    let both = Arc::new(Mutex::new(vec![]));
    let noted = both.clone();
    let world = World::new(move |_, things: Api<Thing>| {
        let noted = noted.clone();
        async move {
            let answers = answers(&things.into_client()).await;
            noted.lock().expect("no test panics here").push(answers);
            Ok::<_, Oops>(Outcome::from(Phase::Ready))
        }
    });
    world.create("a").await;
    world.patch_status(json!({ "message": "the same" })).await;
    world.start(policy("{ default: 1h }"));
    world.until(100.0).await;
    let plain = answers(&world.client()).await;
    let observed = both.lock().expect("no test panics here").clone();
    assert_eq!(observed, [plain]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_connection_is_the_same_with_it() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    world.create("a").await;
    world.server.on_request(|_| Some(Fault::Unreachable));
    let requeue = requeuer(policy("{}"));
    let (plain, observed) = (world.client(), requeue.client(world.client()));
    let error = |client: Client| async move {
        let things = Api::<Thing>::default_namespaced(client);
        things.get("a").await.expect_err("it is unreachable")
    };
    let (plain, observed) = (error(plain).await, error(observed).await);
    assert_eq!(format!("{plain:?}"), format!("{observed:?}"));
    let kept = world
        .client()
        .with_valid_until(Some("2030-01-01T00:00:00Z".parse().expect("a time")));
    assert_eq!(requeue.client(kept.clone()).valid_until(), kept.valid_until());
}
