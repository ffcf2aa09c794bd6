//! The API server that the other tests run against behaves as the real one does, in what a controller can notice.

mod support;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, VersionMatch, WatchEvent, WatchParams,
};
use kube::core::metadata::PartialObjectMeta;
use kube::runtime::controller::Action;
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Api, Client, CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use support::{ApiServer, Fault, RequestInfo, Requests, Resource, Verb};

#[derive(CustomResource, Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[kube(group = "example.com", version = "v1", kind = "Widget", namespaced)]
#[kube(status = "WidgetStatus", derive = "Default")]
struct WidgetSpec {
    size: u32,
    #[serde(default)]
    parts: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct WidgetStatus {
    phase: Option<String>,
}

fn server() -> ApiServer {
    ApiServer::new(
        1,
        [
            Resource::of::<Widget>(),
            Resource::of::<ConfigMap>()
                .without_status_subresource()
                .without_generation(),
            Resource::of::<Namespace>().without_generation(),
        ],
    )
}

fn widgets(server: &ApiServer) -> Api<Widget> {
    Api::default_namespaced(server.client())
}

fn widget(name: &str) -> Widget {
    Widget::new(name, WidgetSpec::default())
}

async fn create(server: &ApiServer, name: &str) -> Widget {
    let widgets = widgets(server);
    let created = widgets.create(&PostParams::default(), &widget(name)).await;
    created.expect("the widget can be created")
}

async fn merge(server: &ApiServer, name: &str, patch: Value) -> kube::Result<Widget> {
    let widgets = widgets(server);
    widgets.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

async fn merge_status(server: &ApiServer, name: &str, phase: &str) -> kube::Result<Widget> {
    let patch = json!({ "status": { "phase": phase } });
    let widgets = widgets(server);
    widgets
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
}

async fn label(server: &ApiServer, name: &str, color: &str) {
    let patch = json!({ "metadata": { "labels": { "color": color } } });
    merge(server, name, patch).await.expect("the widget can be labelled");
}

/// Sends what kube's typed client cannot, and returns the status code with the reason, or 200 with the kind.
async fn raw(client: Client, method: &str, uri: &str, content_type: &str, body: Value) -> (u16, String) {
    let request = http::Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())
        .expect("the request is valid");
    match client.request::<Value>(request).await {
        Ok(object) => (200, object["kind"].as_str().unwrap_or_default().to_owned()),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => (0, format!("{other:?}")),
    }
}

fn refused<T>(result: kube::Result<T>) -> (u16, String) {
    refusal(&result.err().expect("the request is refused"))
}

fn reason(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

async fn watch(
    server: &ApiServer,
    params: WatchParams,
    from: &str,
) -> impl Stream<Item = kube::Result<WatchEvent<Widget>>> + Unpin + use<> {
    let events = widgets(server).watch(&params, from).await;
    events.expect("the watch starts").boxed()
}

/// The next events, as "TYPE name@version"; the test fails if one takes longer than a second.
async fn take(
    events: &mut (impl Stream<Item = kube::Result<WatchEvent<Widget>>> + Unpin),
    count: usize,
) -> Vec<String> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let event = timeout(Duration::from_secs(1), events.next()).await;
        let event = event
            .unwrap_or_else(|_| panic!("only {taken:?}"))
            .expect("the watch goes on");
        taken.push(describe(event.expect("the watch is not cut")));
    }
    taken
}

fn describe(event: WatchEvent<Widget>) -> String {
    let object = |kind, widget: Widget| {
        format!(
            "{kind} {}@{}",
            widget.name_any(),
            widget.resource_version().unwrap_or_default()
        )
    };
    match event {
        WatchEvent::Added(widget) => object("ADDED", widget),
        WatchEvent::Modified(widget) => object("MODIFIED", widget),
        WatchEvent::Deleted(widget) => object("DELETED", widget),
        WatchEvent::Bookmark(bookmark) => format!("BOOKMARK @{}", bookmark.metadata.resource_version),
        WatchEvent::Error(status) => format!("ERROR {} {}", status.code, status.reason),
    }
}

async fn is_quiet(events: &mut (impl Stream<Item = kube::Result<WatchEvent<Widget>>> + Unpin)) -> bool {
    timeout(Duration::from_secs(1), events.next()).await.is_err()
}

/// What a real watcher reports, as a test compares it.
async fn observe(
    events: &mut (impl Stream<Item = watcher::Result<watcher::Event<Widget>>> + Unpin),
    count: usize,
) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let event = timeout(Duration::from_secs(600), events.next()).await;
        let event = event
            .unwrap_or_else(|_| panic!("only {seen:?}"))
            .expect("a watcher never ends");
        seen.push(match event {
            Ok(event) => event.to_string(),
            Err(watcher::Error::InitialListFailed(_)) => "list failed".to_owned(),
            Err(watcher::Error::WatchStartFailed(_)) => "watch refused".to_owned(),
            Err(watcher::Error::WatchError(status)) => format!("error {}", status.code),
            Err(watcher::Error::WatchFailed(_)) => "watch cut".to_owned(),
            Err(error) => error.to_string(),
        });
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_list_holds_one_namespace_or_all_with_the_version_of_the_latest_change() {
    let server = server();
    let elsewhere: Api<Widget> = Api::namespaced(server.client(), "elsewhere");
    let everywhere: Api<Widget> = Api::all(server.client());
    create(&server, "a").await;
    for name in ["a", "z"] {
        let created = elsewhere.create(&PostParams::default(), &widget(name)).await;
        created.expect("another namespace has names of its own");
    }

    let params = ListParams::default().limit(1);
    let in_default = widgets(&server).list(&params).await.expect("a list");
    let in_all = everywhere.list(&params).await.expect("a list");

    let names = |list: &kube::core::ObjectList<Widget>| -> Vec<String> {
        let name = |widget: &Widget| format!("{}/{}", widget.namespace().unwrap_or_default(), widget.name_any());
        list.items.iter().map(name).collect()
    };
    assert_eq!(names(&in_default), ["default/a"]);
    assert_eq!(names(&in_all), ["default/a", "elsewhere/a", "elsewhere/z"]);
    let latest = in_all.items[2].resource_version();
    assert!(latest.is_some());
    assert_eq!(in_default.metadata.resource_version, latest);
    assert_eq!(in_all.metadata.resource_version, latest);
}

#[tokio::test(start_paused = true)]
async fn cluster_wide_objects_have_no_namespace() {
    let server = server();
    let namespaces: Api<Namespace> = Api::all(server.client());
    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": "a" } })).expect("a namespace");
    let created = namespaces.create(&PostParams::default(), &namespace).await;
    assert_eq!(created.expect("it is created").namespace(), None);
    assert!(server.object("namespaces", "", "a").is_some());
    let patch = Patch::Merge(json!({ "status": { "phase": "Active" } }));
    let patched = namespaces.patch_status("a", &PatchParams::default(), &patch).await;
    let status = patched.expect("its status is patched").status;
    assert_eq!(status.and_then(|status| status.phase), Some("Active".to_owned()));
    assert_eq!(
        namespaces
            .list(&ListParams::default())
            .await
            .expect("a list")
            .items
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_sends_what_happened_after_its_version_and_what_happens() {
    let server = server();
    create(&server, "a").await;
    let b = create(&server, "b").await;
    create(&server, "c").await;
    let mut events = watch(
        &server,
        WatchParams::default(),
        &b.resource_version().unwrap_or_default(),
    )
    .await;
    merge_status(&server, "a", "Ready").await.expect("the patch is done");
    widgets(&server)
        .delete("b", &DeleteParams::default())
        .await
        .expect("the deletion is done");

    assert_eq!(take(&mut events, 3).await, ["ADDED c@4", "MODIFIED a@5", "DELETED b@6"]);
    assert!(is_quiet(&mut events).await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_version_starts_with_what_there_is() {
    let server = server();
    create(&server, "a").await;
    create(&server, "b").await;
    let mut events = watch(&server, WatchParams::default(), "0").await;
    create(&server, "c").await;
    assert_eq!(take(&mut events, 3).await, ["ADDED a@2", "ADDED b@3", "ADDED c@4"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_sees_its_own_namespace_and_type_only() {
    let server = server();
    let mut events = watch(&server, WatchParams::default(), "1").await;
    let elsewhere: Api<Widget> = Api::namespaced(server.client(), "elsewhere");
    let created = elsewhere.create(&PostParams::default(), &widget("a")).await;
    created.expect("the widget is created");
    let config_maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let config_map: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "a" } })).expect("a config map");
    let created = config_maps.create(&PostParams::default(), &config_map).await;
    created.expect("the config map is created");
    create(&server, "b").await;
    assert_eq!(take(&mut events, 1).await, ["ADDED b@4"]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_may_get_its_list_as_a_stream() {
    let server = server();
    create(&server, "a").await;
    let config = watcher::Config::default().streaming_lists();
    let mut events = pin!(watcher(widgets(&server), config));
    assert_eq!(observe(&mut events, 3).await, ["Init", "InitApply(a)", "InitDone"]);
    create(&server, "b").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(b)"]);
    assert_eq!(server.requests().list, 0);

    let mut events = watch(&server, WatchParams::streaming_lists(), "2").await;
    let expected = ["ADDED a@2", "ADDED b@3", "BOOKMARK @3"];
    assert_eq!(take(&mut events, 3).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_watch_gets_a_bookmark_every_minute_and_one_before_it_closes_after_its_timeout() {
    let server = server();
    let start = Instant::now();
    let events = watch(&server, WatchParams::default().timeout(150), "1").await;
    create(&server, "a").await;
    let events: Vec<_> = events
        .map_ok(|event| (start.elapsed().as_secs(), describe(event)))
        .try_collect()
        .await
        .expect("the watch ends without an error");
    let expected = [
        (0, "ADDED a@2"),
        (60, "BOOKMARK @2"),
        (120, "BOOKMARK @2"),
        (150, "BOOKMARK @2"),
    ];
    assert_eq!(events, expected.map(|(at, event)| (at, event.to_owned())));
    assert_eq!(start.elapsed().as_secs(), 150);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_asks_for_nothing_else_gets_no_bookmarks_and_closes_after_290_seconds() {
    let server = server();
    let start = Instant::now();
    // Kube's client always names a timeout, and with zero leaves the choice to the server.
    let params = WatchParams::default().disable_bookmarks().timeout(0);
    let events = watch(&server, params, "1").await;
    assert_eq!(events.count().await, 0);
    assert_eq!(start.elapsed().as_secs(), 290);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_before_the_kept_history_is_told_so_and_ends() {
    let server = server();
    server.set_history_limit(2);
    for name in ["a", "b", "c"] {
        create(&server, name).await;
    }
    let mut enough = watch(&server, WatchParams::default(), "2").await;
    assert_eq!(take(&mut enough, 2).await, ["ADDED b@3", "ADDED c@4"]);
    let mut too_old = watch(&server, WatchParams::default(), "1").await;
    assert_eq!(take(&mut too_old, 1).await, ["ERROR 410 Expired"]);
    assert!(too_old.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_changes_are_kept() {
    let server = server();
    create(&server, "a").await;
    for change in 1..10_000 {
        let patched = merge(&server, "a", json!({ "spec": { "size": change } })).await;
        patched.expect("the patch is done");
    }
    let mut events = watch(&server, WatchParams::default(), "1").await;
    assert_eq!(take(&mut events, 1).await, ["ADDED a@2"]);
    merge_status(&server, "a", "Ready").await.expect("the patch is done");
    let mut events = watch(&server, WatchParams::default(), "1").await;
    assert_eq!(take(&mut events, 1).await, ["ERROR 410 Expired"]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_lists_again_when_its_version_has_expired() {
    let server = server();
    create(&server, "a").await;
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).default_backoff());
    assert_eq!(observe(&mut events, 3).await, ["Init", "InitApply(a)", "InitDone"]);
    create(&server, "b").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(b)"]);

    server.expire();
    create(&server, "c").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(c)"], "the open watch goes on");

    server.expire();
    server.close_watches();
    widgets(&server)
        .delete("a", &DeleteParams::default())
        .await
        .expect("the deletion is done");
    let expected = [
        "watch cut",
        "error 410",
        "Init",
        "InitApply(b)",
        "InitApply(c)",
        "InitDone",
    ];
    assert_eq!(observe(&mut events, 6).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_resumes_without_a_list_when_its_watch_was_cut() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).default_backoff());
    assert_eq!(observe(&mut events, 2).await, ["Init", "InitDone"]);
    create(&server, "a").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(a)"]);

    server.close_watches();
    create(&server, "b").await;
    assert_eq!(observe(&mut events, 2).await, ["watch cut", "Apply(b)"]);
    assert_eq!((server.requests().list, server.requests().watch), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_finds_what_changed_while_the_server_was_unreachable() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).default_backoff());
    assert_eq!(observe(&mut events, 2).await, ["Init", "InitDone"]);
    assert!(timeout(Duration::from_secs(1), events.next()).await.is_err());

    server.set_reachable(false);
    let error = widgets(&server).get("a").await.expect_err("there is no connection");
    assert!(matches!(error, kube::Error::Service(_)), "{error:?}");
    let outside: Api<Widget> = Api::default_namespaced(server.outside_client());
    let created = outside.create(&PostParams::default(), &widget("a")).await;
    created.expect("other clients still get through");
    assert_eq!(
        observe(&mut events, 3).await,
        ["watch cut", "watch refused", "watch refused"]
    );

    server.set_reachable(true);
    assert_eq!(observe(&mut events, 1).await, ["Apply(a)"]);
}

#[tokio::test(start_paused = true)]
async fn an_outside_watch_outlasts_a_server_that_the_client_cannot_reach() {
    let server = server();
    let outside: Api<Widget> = Api::default_namespaced(server.outside_client());
    let events = outside.watch(&WatchParams::default(), "1").await;
    let mut events = events.expect("the watch starts").boxed();
    server.set_reachable(false);
    server.set_reachable(true);
    create(&server, "a").await;
    assert_eq!(take(&mut events, 1).await, ["ADDED a@2"]);

    server.close_watches();
    assert!(events.next().await.is_some_and(|event| event.is_err()));
}

#[tokio::test(start_paused = true)]
async fn a_field_selector_selects_by_name_and_namespace() {
    let server = server();
    create(&server, "a").await;
    create(&server, "b").await;
    let count = async |selector| {
        let params = ListParams::default().fields(selector);
        widgets(&server).list(&params).await.expect("a list").items.len()
    };
    assert_eq!(count("metadata.name=b").await, 1);
    assert_eq!(count("metadata.name = b").await, 1);
    assert_eq!(count("metadata.name==b,metadata.namespace=default").await, 1);
    assert_eq!(count("metadata.name!=b,metadata.namespace=default").await, 1);
    assert_eq!(count("metadata.namespace=elsewhere").await, 0);

    let params = WatchParams::default().fields("metadata.name=b");
    let mut events = watch(&server, params, "1").await;
    assert_eq!(take(&mut events, 1).await, ["ADDED b@3"]);
    label(&server, "a", "red").await;
    label(&server, "b", "red").await;
    assert_eq!(take(&mut events, 1).await, ["MODIFIED b@5"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_enters_and_leaves_a_watch_as_its_labels_change() {
    let server = server();
    create(&server, "a").await;
    create(&server, "b").await;
    let params = WatchParams::default().labels("color==red,shape!=round");
    let mut live = watch(&server, params.clone(), "1").await;
    for color in ["blue", "red", "red dark", "red"] {
        label(&server, "a", color).await;
    }
    merge_status(&server, "a", "Ready").await.expect("the patch is done");
    let patch = json!({ "metadata": { "labels": { "shape": "round" } } });
    merge(&server, "a", patch).await.expect("the patch is done");

    let expected = ["ADDED a@5", "DELETED a@6", "ADDED a@7", "MODIFIED a@8", "DELETED a@9"];
    assert_eq!(take(&mut live, 5).await, expected);
    let mut replayed = watch(&server, params, "1").await;
    assert_eq!(take(&mut replayed, 5).await, expected);

    label(&server, "b", "red").await;
    let params = ListParams::default().labels("color=red");
    let list = widgets(&server).list(&params).await.expect("a list");
    assert_eq!(list.items.len(), 2);
    let params = ListParams::default().labels("color=red,shape!=round");
    let list = widgets(&server).list(&params).await.expect("a list");
    assert_eq!(list.items.iter().map(Widget::name_any).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_supported_is_refused() {
    let server = server();
    let created = create(&server, "a").await;
    let widgets = widgets(&server);
    let bad = reason(400, "BadRequest");
    for selector in ["spec.size=1", "status.phase=Ready"] {
        let params = ListParams::default().fields(selector);
        assert_eq!(refused(widgets.list(&params).await), bad, "{selector}");
    }
    for selector in [
        "color in (red)",
        "color",
        "!color",
        "color notin (a=b)",
        "a b=c",
        "a=b=c",
    ] {
        let params = ListParams::default().labels(selector);
        assert_eq!(refused(widgets.list(&params).await), bad, "{selector}");
    }
    let params = ListParams::default().continue_token("next");
    assert_eq!(refused(widgets.list(&params).await), bad);
    assert_eq!(refused(widgets.list(&ListParams::default().at("9")).await), bad);
    let params = ListParams::default().at("2").matching(VersionMatch::Exact);
    assert_eq!(refused(widgets.list(&params).await), bad);
    assert_eq!(
        refused(widgets.watch(&WatchParams::default(), "9").await.map(|_| ())),
        bad
    );
    let dry_run = PatchParams::default().dry_run();
    let patch = Patch::Merge(json!({}));
    assert_eq!(refused(widgets.patch("a", &dry_run, &patch).await), bad);
    let dry_run = DeleteParams::default().dry_run();
    assert_eq!(refused(widgets.delete("a", &dry_run).await), bad);
    let all = ListParams::default();
    let deleted = widgets.delete_collection(&DeleteParams::default(), &all).await;
    assert_eq!(refused(deleted), bad);
    let accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
    let table = http::Request::get("/api/v1/namespaces").header("accept", accept);
    let table = table.body(Vec::new()).expect("a valid request");
    assert_eq!(refused(server.client().request::<Value>(table).await), bad);

    let patch = Patch::Strategic(json!({ "spec": { "size": 1 } }));
    let patched = widgets.patch("a", &PatchParams::default(), &patch).await;
    assert_eq!(refused(patched), reason(415, "UnsupportedMediaType"));
    let uri = "/apis/example.com/v1/namespaces/default/widgets/a";
    let answer = raw(server.client(), "PATCH", uri, "application/merge-patch+json", json!(1)).await;
    assert_eq!(answer, bad);
    for query in ["colour=1", "labelSelector=a%3Db", "watch=maybe", "fieldSelector=%f"] {
        let answer = raw(server.client(), "GET", &format!("{uri}?{query}"), "", json!({})).await;
        assert_eq!(answer, bad, "{query}");
    }
    let answer = raw(server.client(), "GET", &format!("{uri}?pretty=true"), "", json!({})).await;
    assert_eq!(answer, reason(200, "Widget"), "harmless parameters are ignored");

    let after = server.object("widgets", "default", "a").expect("it is still there");
    assert_eq!(
        after["metadata"]["resourceVersion"].as_str(),
        created.metadata.resource_version.as_deref()
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_and_objects_are_not_found() {
    let server = server();
    let gone = reason(404, "NotFound");
    let widgets = widgets(&server);
    assert_eq!(refused(widgets.get("a").await), gone);
    assert_eq!(refused(widgets.delete("a", &DeleteParams::default()).await), gone);
    assert_eq!(refused(merge(&server, "a", json!({})).await), gone);
    assert_eq!(refused(merge_status(&server, "a", "Ready").await), gone);
    let secrets: Api<Secret> = Api::default_namespaced(server.client());
    assert_eq!(refused(secrets.list(&ListParams::default()).await), gone);
    create(&server, "a").await;
    for uri in [
        "/",
        "/apis/example.com/v2/widgets",
        "/apis/example.com/v1/widgets/a",
        "/apis/example.com/v1/namespaces/default/widgets/a/scale",
        "/api/v1/namespaces/default/namespaces",
    ] {
        let answer = raw(server.client(), "GET", uri, "", json!({})).await;
        assert_eq!(answer, gone, "{uri}");
    }
    let body = json!({ "metadata": { "name": "b" } });
    let answer = raw(server.client(), "POST", "/apis/example.com/v1/widgets", "", body).await;
    assert_eq!(answer, gone, "a widget needs a namespace");
    let error = widgets.get("b").await.expect_err("there is no b");
    assert!(
        error.to_string().contains(r#"widgets.example.com "b" not found"#),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_may_ask_for_the_metadata_only() {
    let server = server();
    create(&server, "a").await;
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let read = async |suffix: &str| {
        let uri = format!("/apis/example.com/v1/namespaces/default/widgets{suffix}");
        let request = http::Request::get(uri).header("accept", accept);
        let request = request.body(Vec::new()).expect("a valid request");
        server.client().request_text(request).await
    };
    let metadata = server.object("widgets", "default", "a").expect("it is there")["metadata"].clone();
    let partial = json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": metadata,
    });
    let parse = |text: String| -> Value { serde_json::from_str(&text).expect("JSON") };
    assert_eq!(parse(read("/a").await.expect("an object")), partial);
    let list = parse(read("").await.expect("a list"));
    assert_eq!(list["items"], json!([partial]));
    assert_eq!(list["metadata"]["resourceVersion"], "2");
    assert_eq!(refused(read("/b").await), reason(404, "NotFound"));
    let line = read("?watch=1&resourceVersion=1&timeoutSeconds=1").await;
    let line = parse(line.expect("one event"));
    assert_eq!(line, json!({ "type": "ADDED", "object": partial }));

    let metadata: Api<PartialObjectMeta<Widget>> = Api::default_namespaced(server.client());
    let mut events = pin!(watcher(metadata, watcher::Config::default()).default_backoff());
    let mut versions = Vec::new();
    let mut next = async || match events.next().await {
        Some(Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object))) => object.resource_version(),
        _ => None,
    };
    for _ in 0..3 {
        versions.extend(next().await);
    }
    create(&server, "b").await;
    versions.extend(next().await);
    assert_eq!(versions, ["2", "3"]);

    server.expire();
    let line = read("?watch=1&resourceVersion=2").await.expect("one event");
    assert_eq!(parse(line)["object"]["code"], 410);
}

#[tokio::test(start_paused = true)]
async fn a_new_object_gets_its_metadata_from_the_server() {
    let server = server();
    tokio::time::advance(Duration::from_secs(90)).await;
    let proposed: Widget = serde_json::from_value(json!({
        "metadata": {
            "name": "a",
            "uid": "mine",
            "generation": 7,
            "creationTimestamp": "2000-01-01T00:00:00Z",
            "deletionTimestamp": "2000-01-01T00:00:00Z",
        },
        "spec": { "size": 3 },
        "status": { "phase": "Ready" },
    }))
    .expect("a widget");
    let created = widgets(&server).create(&PostParams::default(), &proposed).await;
    let created = created.expect("the widget is created");
    assert_eq!(created.metadata.namespace.as_deref(), Some("default"));
    assert_eq!(created.metadata.generation, Some(1));
    assert_eq!(created.metadata.resource_version.as_deref(), Some("2"));
    let timestamp = created.metadata.creation_timestamp.map(|time| time.0.to_string());
    assert_eq!(timestamp.as_deref(), Some("2030-01-01T00:01:30Z"));
    assert_eq!(server.now().to_string(), "2030-01-01T00:01:30Z");
    assert_eq!(created.metadata.deletion_timestamp, None);
    assert_ne!(created.metadata.uid.as_deref(), Some("mine"));
    assert!(created.status.is_none(), "the status is not written with the object");
    assert_eq!(created.spec.size, 3);
}

#[tokio::test(start_paused = true)]
async fn uids_are_uuids_that_the_seed_determines() {
    let uids = async |seed| {
        let server = ApiServer::new(seed, [Resource::of::<Widget>()]);
        let mut uids = Vec::new();
        for name in ["a", "b"] {
            uids.push(create(&server, name).await.metadata.uid.expect("a uid"));
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
        assert_eq!(uid.chars().nth(14), Some('4'), "{uid}");
        assert!(
            uid.chars().nth(19).is_some_and(|variant| "89ab".contains(variant)),
            "{uid}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_is_given_once_or_generated() {
    let server = server();
    create(&server, "a").await;
    let widgets = widgets(&server);
    let again = widgets.create(&PostParams::default(), &widget("a")).await;
    assert_eq!(refused(again), reason(409, "AlreadyExists"));

    let mut nameless = widget("");
    nameless.metadata.name = None;
    let created = widgets.create(&PostParams::default(), &nameless).await;
    assert_eq!(refused(created), reason(422, "Invalid"));
    nameless.metadata.generate_name = Some("part-".to_owned());
    let mut names = Vec::new();
    for _ in 0..2 {
        let created = widgets.create(&PostParams::default(), &nameless).await;
        names.push(created.expect("it is created").name_any());
    }
    assert!(
        names.iter().all(|name| name.starts_with("part-") && name.len() == 10),
        "{names:?}"
    );
    assert_ne!(names[0], names[1]);

    let mut elsewhere = widget("b");
    elsewhere.metadata.namespace = Some("elsewhere".to_owned());
    let created = widgets.create(&PostParams::default(), &elsewhere).await;
    assert_eq!(refused(created), reason(400, "BadRequest"));
    let mut copied = widget("b");
    copied.metadata.resource_version = Some("1".to_owned());
    let created = widgets.create(&PostParams::default(), &copied).await;
    assert_eq!(refused(created), reason(400, "BadRequest"));
}

#[tokio::test(start_paused = true)]
async fn an_object_without_finalizers_is_deleted_at_once() {
    let server = server();
    let created = create(&server, "a").await;
    let mut events = watch(&server, WatchParams::default(), "2").await;
    let deleted = widgets(&server).delete("a", &DeleteParams::default()).await;
    let status = deleted
        .expect("it is deleted")
        .right()
        .expect("a status, not the object");
    assert!(status.is_success());
    assert_eq!(status.details.map(|details| details.uid), created.metadata.uid);
    assert_eq!(server.object("widgets", "default", "a"), None);
    assert_eq!(take(&mut events, 1).await, ["DELETED a@3"]);
    assert_ne!(create(&server, "a").await.metadata.uid, created.metadata.uid);
}

#[tokio::test(start_paused = true)]
async fn an_object_with_finalizers_stays_until_the_last_one_goes() {
    let server = server();
    create(&server, "a").await;
    let finalizers = |list: Value| json!({ "metadata": { "finalizers": list } });
    let patched = merge(&server, "a", finalizers(json!(["x", "y"]))).await;
    assert_eq!(patched.expect("it is patched").metadata.generation, Some(1));
    tokio::time::advance(Duration::from_secs(5)).await;
    let mut events = watch(&server, WatchParams::default(), "3").await;

    let widgets = widgets(&server);
    let delete = async || {
        let deleted = widgets.delete("a", &DeleteParams::default()).await;
        deleted.expect("it is being deleted").left().expect("the object")
    };
    let deleted = delete().await;
    let timestamp = deleted
        .metadata
        .deletion_timestamp
        .as_ref()
        .map(|time| time.0.to_string());
    assert_eq!(timestamp.as_deref(), Some("2030-01-01T00:00:05Z"));
    assert_eq!(deleted.metadata.generation, Some(2));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(
        delete().await.metadata,
        deleted.metadata,
        "a second deletion changes nothing"
    );

    let more = merge(&server, "a", finalizers(json!(["x", "y", "z"]))).await;
    assert_eq!(refused(more), reason(422, "Invalid"));
    let undelete = merge(&server, "a", json!({ "metadata": { "deletionTimestamp": null } })).await;
    assert!(undelete.expect("it is ignored").metadata.deletion_timestamp.is_some());
    merge(&server, "a", finalizers(json!(["y"]))).await.expect("one goes");
    assert!(server.object("widgets", "default", "a").is_some());
    merge_status(&server, "a", "Deleting")
        .await
        .expect("its status still changes");
    merge(&server, "a", finalizers(json!([])))
        .await
        .expect("the last one goes");
    assert_eq!(server.object("widgets", "default", "a"), None);
    let expected = ["MODIFIED a@4", "MODIFIED a@5", "MODIFIED a@6", "DELETED a@7"];
    assert_eq!(take(&mut events, 4).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_refused_when_its_preconditions_do_not_hold() {
    let server = server();
    let created = create(&server, "a").await;
    let widgets = widgets(&server);
    let delete = async |uid: Option<String>, resource_version: Option<String>| {
        let preconditions = Preconditions { resource_version, uid };
        widgets
            .delete("a", &DeleteParams::default().preconditions(preconditions))
            .await
    };
    let conflict = reason(409, "Conflict");
    assert_eq!(refused(delete(Some("other".to_owned()), None).await), conflict);
    assert_eq!(refused(delete(None, Some("1".to_owned())).await), conflict);
    let deleted = delete(created.metadata.uid, created.metadata.resource_version).await;
    assert!(deleted.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_must_be_based_on_the_latest_version() {
    let server = server();
    let mut mine = create(&server, "a").await;
    let mut theirs = mine.clone();
    let widgets = widgets(&server);
    theirs.spec.size = 1;
    let replaced = widgets.replace("a", &PostParams::default(), &theirs).await;
    assert_eq!(replaced.expect("it is replaced").spec.size, 1);

    mine.spec.size = 2;
    let replaced = widgets.replace("a", &PostParams::default(), &mine).await;
    assert_eq!(refused(replaced), reason(409, "Conflict"));
    mine.metadata.resource_version = None;
    let replaced = widgets.replace("a", &PostParams::default(), &mine).await;
    assert_eq!(refused(replaced), reason(422, "Invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_removes_what_it_leaves_out() {
    let server = server();
    create(&server, "a").await;
    label(&server, "a", "red").await;
    let mut bare = widgets(&server).get("a").await.expect("it is there");
    bare.metadata.labels = None;
    let replaced = widgets(&server).replace("a", &PostParams::default(), &bare).await;
    assert_eq!(replaced.expect("it is replaced").metadata.labels, None);
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_merges_and_removes() {
    let server = server();
    create(&server, "a").await;
    label(&server, "a", "red").await;
    let patch = json!({
        "metadata": { "labels": { "color": null, "shape": "round" } },
        "spec": { "parts": ["x"] },
    });
    let patched = merge(&server, "a", patch).await.expect("it is patched");
    assert_eq!(json!(patched.labels()), json!({ "shape": "round" }));
    assert_eq!(json!(patched.spec), json!({ "size": 0, "parts": ["x"] }));
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_tests_and_changes() {
    let server = server();
    create(&server, "a").await;
    let uri = "/apis/example.com/v1/namespaces/default/widgets/a";
    let send =
        async |uri: &str, patch: Value| raw(server.client(), "PATCH", uri, "application/json-patch+json", patch).await;
    let size = |before, after| {
        json!([
            { "op": "test", "path": "/spec/size", "value": before },
            { "op": "replace", "path": "/spec/size", "value": after },
        ])
    };
    assert_eq!(send(uri, size(0, 4)).await, reason(200, "Widget"));
    assert_eq!(send(uri, size(0, 5)).await, reason(422, "Invalid"));
    let stale = json!([{ "op": "replace", "path": "/metadata/resourceVersion", "value": "2" }]);
    assert_eq!(send(uri, stale).await, reason(409, "Conflict"));
    let status = json!([{ "op": "add", "path": "/status", "value": { "phase": "Ready" } }]);
    assert_eq!(send(&format!("{uri}/status"), status).await, reason(200, "Widget"));
    assert_eq!(send(uri, json!({ "op": "no list" })).await, reason(400, "BadRequest"));
    let stored = server.object("widgets", "default", "a").expect("it is there");
    assert_eq!(stored["spec"]["size"], 4);
    assert_eq!(stored["status"], json!({ "phase": "Ready" }));
    assert_eq!(server.requests().patch_status, 1);
}

#[tokio::test(start_paused = true)]
async fn an_applied_object_is_created_or_merged() {
    let server = server();
    let widgets = widgets(&server);
    let params = PatchParams::apply("test").force();
    let applied = json!({
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": { "labels": { "color": "red" } },
        "spec": { "size": 1, "parts": ["x", "y"] },
    });
    let created = widgets.patch("a", &params, &Patch::Apply(&applied)).await;
    let created = created.expect("it is created");
    assert_eq!(
        (created.name_any().as_str(), created.metadata.generation),
        ("a", Some(1))
    );

    let applied = json!({
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": { "labels": null },
        "spec": { "parts": ["z"] },
    });
    let merged = widgets.patch("a", &params, &Patch::Apply(&applied)).await;
    let merged = merged.expect("it is merged");
    assert_eq!(json!(merged.spec), json!({ "size": 1, "parts": ["z"] }));
    assert_eq!(json!(merged.labels()), json!({ "color": "red" }), "a null is not sent");

    let applied = json!({
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "spec": { "size": 5 },
        "status": { "phase": "Ready" },
    });
    let merged = widgets.patch_status("a", &params, &Patch::Apply(&applied)).await;
    let merged = merged.expect("its status is merged");
    assert_eq!(merged.spec.size, 1);
    assert_eq!(merged.status.and_then(|status| status.phase).as_deref(), Some("Ready"));
    let missing = widgets.patch_status("b", &params, &Patch::Apply(&applied)).await;
    assert_eq!(refused(missing), reason(404, "NotFound"));

    let nobody = PatchParams::default();
    let refusal = widgets.patch("a", &nobody, &Patch::Apply(&applied)).await;
    assert_eq!(refused(refusal), reason(400, "BadRequest"));
    let typeless = Patch::Apply(json!({ "spec": {} }));
    assert_eq!(
        refused(widgets.patch("a", &params, &typeless).await),
        reason(400, "BadRequest")
    );
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_carries_a_stale_version_is_refused() {
    let server = server();
    create(&server, "a").await;
    label(&server, "a", "red").await;
    let patch = |version| {
        json!({
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": { "resourceVersion": version },
            "spec": { "size": 1 },
            "status": { "phase": "Ready" },
        })
    };
    let widgets = widgets(&server);
    let params = PatchParams::apply("test");
    let conflict = reason(409, "Conflict");
    assert_eq!(refused(merge(&server, "a", patch("2")).await), conflict);
    let stale = Patch::Merge(patch("2"));
    assert_eq!(refused(widgets.patch_status("a", &params, &stale).await), conflict);
    let stale = Patch::Apply(patch("2"));
    assert_eq!(refused(widgets.patch("a", &params, &stale).await), conflict);
    assert!(merge(&server, "a", patch("3")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_through_its_subresource_only() {
    let server = server();
    create(&server, "a").await;
    let both = json!({
        "metadata": { "labels": { "color": "red" } },
        "spec": { "size": 1 },
        "status": { "phase": "Ready" },
    });
    let patched = merge(&server, "a", both.clone()).await.expect("it is patched");
    assert_eq!((patched.spec.size, patched.status.is_none()), (1, true));

    let mut both = both;
    both["spec"]["size"] = 2.into();
    both["metadata"]["labels"]["color"] = "blue".into();
    let widgets = widgets(&server);
    let params = PatchParams::default();
    let patched = widgets.patch_status("a", &params, &Patch::Merge(&both)).await;
    let mut patched = patched.expect("its status is patched");
    assert_eq!((patched.spec.size, patched.labels()["color"].as_str()), (1, "red"));
    assert_eq!(
        patched.status.as_ref().and_then(|status| status.phase.as_deref()),
        Some("Ready")
    );

    patched.spec.size = 3;
    patched.status = Some(WidgetStatus {
        phase: Some("Done".to_owned()),
    });
    let replaced = widgets.replace_status("a", &PostParams::default(), &patched).await;
    let mut replaced = replaced.expect("its status is replaced");
    assert_eq!(replaced.spec.size, 1);
    assert_eq!(
        replaced.status.as_ref().and_then(|status| status.phase.as_deref()),
        Some("Done")
    );

    replaced.status = None;
    let replaced = widgets.replace("a", &PostParams::default(), &replaced).await;
    assert!(replaced.expect("it is replaced").status.is_some());
    assert!(widgets.get_status("a").await.expect("it can be read").status.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_the_subresource_a_status_is_an_ordinary_part() {
    let server = ApiServer::new(1, [Resource::of::<Widget>().without_status_subresource()]);
    create(&server, "a").await;
    let patched = merge(&server, "a", json!({ "status": { "phase": "Ready" } })).await;
    let patched = patched.expect("it is patched");
    assert!(patched.status.is_some());
    assert_eq!(patched.metadata.generation, Some(2));
    assert_eq!(
        refused(merge_status(&server, "a", "Done").await),
        reason(404, "NotFound")
    );
    assert_eq!(server.status_writes(), 1);

    let uri = "/apis/example.com/v1/namespaces/default/widgets";
    let body = json!({
        "metadata": { "name": "b" },
        "spec": { "size": 1 },
        "status": null,
    });
    raw(server.client(), "POST", uri, "application/json", body).await;
    let stored = server.object("widgets", "default", "b").expect("it is created");
    assert_eq!(stored.get("status"), None, "a null is nothing");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_no_change() {
    let server = server();
    create(&server, "a").await;
    merge_status(&server, "a", "Ready").await.expect("it is patched");
    let widgets = widgets(&server);
    let before = server.object("widgets", "default", "a");
    let mut events = watch(&server, WatchParams::default(), "3").await;

    merge_status(&server, "a", "Ready").await.expect("it is patched");
    let patch =
        json!({ "metadata": { "finalizers": [], "labels": {}, "resourceVersion": null }, "spec": { "size": 0 } });
    merge(&server, "a", patch).await.expect("it is patched");
    let same = widgets.get("a").await.expect("it is there");
    widgets
        .replace("a", &PostParams::default(), &same)
        .await
        .expect("it is replaced");
    widgets
        .replace_status("a", &PostParams::default(), &same)
        .await
        .expect("it is replaced");

    assert_eq!(server.object("widgets", "default", "a"), before);
    assert!(is_quiet(&mut events).await);
    assert_eq!(server.status_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_generation_counts_changes_outside_metadata_and_status() {
    let server = server();
    create(&server, "a").await;
    label(&server, "a", "red").await;
    let patched = merge_status(&server, "a", "Ready").await.expect("it is patched");
    assert_eq!(patched.metadata.generation, Some(1));
    let patched = merge(&server, "a", json!({ "spec": { "size": 1 } })).await;
    assert_eq!(patched.expect("it is patched").metadata.generation, Some(2));
    let patched = merge(&server, "a", json!({ "data": 1 })).await;
    assert_eq!(patched.expect("it is patched").metadata.generation, Some(3));

    let config_maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let patch = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "b" } });
    for data in ["b", "c"] {
        let mut patch = patch.clone();
        patch["data"]["a"] = data.into();
        let applied = config_maps
            .patch("a", &PatchParams::apply("test"), &Patch::Apply(patch))
            .await;
        assert_eq!(applied.expect("it is applied").metadata.generation, None);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_cannot_change_what_the_server_sets() {
    let server = server();
    let created = create(&server, "a").await;
    let patch = json!({
        "metadata": {
            "generation": 9,
            "creationTimestamp": "2000-01-01T00:00:00Z",
            "deletionTimestamp": "2000-01-01T00:00:00Z",
            "managedFields": [{ "manager": "me" }],
            "uid": null,
        },
    });
    let patched = merge(&server, "a", patch).await.expect("it is patched");
    assert_eq!(patched.metadata, created.metadata);

    let patched = merge(&server, "a", json!({ "metadata": { "uid": "other" } })).await;
    assert_eq!(refused(patched), reason(422, "Invalid"));
    let mut other = created.clone();
    other.metadata.uid = Some("other".to_owned());
    let replaced = widgets(&server).replace("a", &PostParams::default(), &other).await;
    assert_eq!(refused(replaced), reason(409, "Conflict"));
    for field in [json!({ "metadata": { "name": "b" } }), json!({ "kind": "Gadget" })] {
        assert_eq!(refused(merge(&server, "a", field).await), reason(400, "BadRequest"));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_the_client_are_counted_and_those_from_outside_are_not() {
    let server = server();
    let use_all = async |client: Client| {
        let widgets: Api<Widget> = Api::default_namespaced(client.clone());
        let (post, params) = (PostParams::default(), PatchParams::default());
        let mut a = widgets.create(&post, &widget("a")).await?;
        a.spec.size += 1;
        let a = widgets.replace("a", &post, &a).await?;
        let phase = |phase| Patch::Merge(json!({ "status": { "phase": phase } }));
        widgets.patch_status("a", &params, &phase("Ready")).await?;
        widgets.patch_status("a", &params, &phase("Ready")).await?;
        let mut a = widgets.get(&a.name_any()).await?;
        a.status = Some(WidgetStatus::default());
        widgets.replace_status("a", &post, &a).await?;
        widgets
            .patch("a", &params, &Patch::Merge(json!({ "spec": { "size": 9 } })))
            .await?;
        widgets.list(&ListParams::default()).await?;
        let _watch = widgets.watch(&WatchParams::default(), "1").await?;
        widgets.delete("a", &DeleteParams::default()).await?;
        raw(client, "GET", "/unknown", "", json!({})).await;
        Ok::<(), kube::Error>(())
    };
    use_all(server.outside_client()).await.expect("all are done");
    assert_eq!(server.requests(), Requests::default());
    assert_eq!(server.status_writes(), 0);

    use_all(server.client()).await.expect("all are done");
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
    assert_eq!(server.requests(), expected);
    assert_eq!(server.status_writes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_as_long_as_the_latency() {
    let server = server();
    let start = Instant::now();
    create(&server, "a").await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    server.set_latency(Duration::from_millis(70));
    create(&server, "b").await;
    assert_eq!(start.elapsed(), Duration::from_millis(70));
    let outside: Api<Widget> = Api::default_namespaced(server.outside_client());
    outside.get("b").await.expect("it is there");
    assert_eq!(start.elapsed(), Duration::from_millis(70));
}

#[tokio::test(start_paused = true)]
async fn a_hook_makes_requests_fail() {
    let server = server();
    create(&server, "a").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook_seen = seen.clone();
    let hook_server = server.clone();
    server.on_request(move |request| {
        let mut seen = hook_seen.lock().expect("nothing panicked");
        seen.push(request.clone());
        assert!(hook_server.object("widgets", "default", "a").is_some());
        match (request.verb, seen.len()) {
            (Verb::PatchStatus, 1) => Some(Fault::Status {
                code: 429,
                reason: "TooManyRequests",
                retry_after: Some(Duration::from_secs(7)),
            }),
            (Verb::PatchStatus, 2) => Some(Fault::Unreachable),
            _ => None,
        }
    });

    let error = merge_status(&server, "a", "Ready")
        .await
        .expect_err("too many requests");
    let kube::Error::Api(status) = &error else {
        panic!("no status: {error:?}");
    };
    assert_eq!(refusal(&error), reason(429, "TooManyRequests"));
    assert_eq!(
        status.details.as_ref().map(|details| details.retry_after_seconds),
        Some(7)
    );
    let error = merge_status(&server, "a", "Ready").await.expect_err("no connection");
    assert!(matches!(error, kube::Error::Service(_)), "{error:?}");
    let unwritten = server.object("widgets", "default", "a").expect("it is there");
    assert_eq!(unwritten["status"], Value::Null);
    merge_status(&server, "a", "Ready")
        .await
        .expect("the third one is done");

    let outside: Api<Widget> = Api::default_namespaced(server.outside_client());
    outside.get("a").await.expect("other clients have no faults");
    let info = RequestInfo {
        verb: Verb::PatchStatus,
        plural: "widgets".to_owned(),
        namespace: Some("default".to_owned()),
        name: Some("a".to_owned()),
    };
    assert_eq!(*seen.lock().expect("nothing panicked"), vec![info; 3]);
    assert_eq!((server.requests().patch_status, server.status_writes()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_status_fault_names_when_to_retry_in_a_header() {
    let server = server();
    server.on_request(|_| {
        Some(Fault::Status {
            code: 503,
            reason: "ServiceUnavailable",
            retry_after: Some(Duration::from_secs(7)),
        })
    });
    let request = http::Request::get("/api/v1/namespaces").body(Vec::new().into());
    let answer = server
        .client()
        .send(request.expect("a valid request"))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
}

/// What the controller of a test works with.
struct Context {
    widgets: Api<Widget>,
    start: Instant,
    /// The second of each reconciliation.
    seconds: Mutex<Vec<u64>>,
}

async fn reconcile(widget: Arc<Widget>, context: Arc<Context>) -> kube::Result<Action> {
    let second = context.start.elapsed().as_secs();
    context.seconds.lock().expect("nothing panicked").push(second);
    let patch = Patch::Merge(json!({ "status": { "phase": "Ready" } }));
    let (name, params) = (widget.name_any(), PatchParams::default());
    context.widgets.patch_status(&name, &params, &patch).await?;
    Ok(Action::requeue(Duration::from_secs(600)))
}

#[tokio::test(start_paused = true)]
async fn a_controller_runs_in_virtual_time() {
    let server = server();
    create(&server, "a").await;
    let context = Arc::new(Context {
        widgets: widgets(&server),
        start: Instant::now(),
        seconds: Mutex::default(),
    });
    let controller = Controller::new(widgets(&server), watcher::Config::default())
        .run(reconcile, |_, error, _| panic!("{error}"), context.clone())
        .for_each(async |result| drop(result.expect("the reconciliation succeeds")));
    let change = async {
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let outside: Api<Widget> = Api::default_namespaced(server.outside_client());
        let patch = Patch::Merge(json!({ "spec": { "size": 1 } }));
        let patched = outside.patch("a", &PatchParams::default(), &patch).await;
        patched.expect("the widget is changed");
        tokio::time::sleep(Duration::from_secs(700)).await;
    };
    tokio::select! {
        () = controller => panic!("a controller never ends"),
        () = change => {}
    }
    // The status that the first reconciliation writes is a change, and brings the second.
    let seconds = context.seconds.lock().expect("nothing panicked");
    assert_eq!(*seconds, [0, 0, 600, 1000, 1600]);
    assert_eq!(server.status_writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn watches_that_are_held_tell_all_in_order_when_they_are_let_go() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).applied_objects());
    create(&server, "a").await;
    assert_eq!(
        events
            .next()
            .await
            .expect("a watch goes on")
            .expect("no error")
            .name_any(),
        "a"
    );
    server.hold_watches(Duration::from_secs(5));
    create(&server, "b").await;
    create(&server, "c").await;
    assert!(
        timeout(Duration::from_secs(4), events.next()).await.is_err(),
        "a held watch tells nothing"
    );
    let held = Instant::now();
    for name in ["b", "c"] {
        assert_eq!(
            events
                .next()
                .await
                .expect("a watch goes on")
                .expect("no error")
                .name_any(),
            name
        );
    }
    assert!(held.elapsed() <= Duration::from_millis(1100));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_shows_the_object_as_it_is_and_moves_no_watch_back() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).applied_objects());
    let first = create(&server, "a").await;
    events.next().await.expect("a watch goes on").expect("no error");
    create(&server, "b").await;
    events.next().await.expect("a watch goes on").expect("no error");
    assert!(server.repeat("widgets", "default", "a"));
    let again = events.next().await.expect("a watch goes on").expect("no error");
    assert_eq!(again.resource_version(), first.resource_version());
    // "b" is not told once more.
    server.close_watches();
    let mut rest = pin!(events.filter_map(async |event| event.ok()));
    let rest = timeout(Duration::from_secs(1), rest.next()).await;
    assert!(rest.is_err(), "{rest:?}");
    assert!(!server.repeat("widgets", "default", "c"));
}
