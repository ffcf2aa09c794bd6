//! The watchers and controllers of kube's runtime.

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::PostParams;
use kube::core::metadata::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use kube_testbed::ApiServer;
use tokio::time::timeout;

use crate::{Widget, WidgetSpec, own_reconciler, server};

fn widgets(server: &ApiServer) -> Api<Widget> {
    Api::default_namespaced(Client::new(server.connect(), "default"))
}

async fn create(server: &ApiServer, name: &str) {
    let widgets: Api<Widget> = Api::default_namespaced(Client::new(server.connect_outside(), "default"));
    let widget = Widget::new(name, WidgetSpec::default());
    let created = widgets.create(&PostParams::default(), &widget).await;
    created.expect("the widget can be created");
}

/// What a watcher reports, as a test compares it.
async fn observe<K: ResourceExt>(
    events: &mut (impl Stream<Item = watcher::Result<watcher::Event<K>>> + Unpin),
    count: usize,
) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let event = timeout(Duration::from_secs(600), events.next()).await;
        let event = event
            .unwrap_or_else(|_| panic!("only {seen:?}"))
            .expect("a watcher never ends");
        seen.push(match event {
            Ok(watcher::Event::Apply(object)) => format!("Apply({})", object.name_any()),
            Ok(watcher::Event::Delete(object)) => format!("Delete({})", object.name_any()),
            Ok(watcher::Event::Init) => "Init".to_owned(),
            Ok(watcher::Event::InitApply(object)) => format!("InitApply({})", object.name_any()),
            Ok(watcher::Event::InitDone) => "InitDone".to_owned(),
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
async fn a_watcher_starts_with_pages_or_a_stream_of_what_there_is() {
    let server = server();
    for name in ["a", "b", "c"] {
        create(&server, name).await;
    }
    let expected = ["Init", "InitApply(a)", "InitApply(b)", "InitApply(c)", "InitDone"];
    for (config, lists) in [
        (watcher::Config::default().page_size(2), 2),
        (watcher::Config::default().any_semantic(), 3),
        (watcher::Config::default().streaming_lists(), 3),
    ] {
        let mut events = pin!(watcher(widgets(&server), config.clone()));
        assert_eq!(observe(&mut events, 5).await, expected, "{config:?}");
        assert_eq!(server.requests().list, lists, "{config:?}");
    }
    let metadata: Api<PartialObjectMeta<Widget>> = Api::default_namespaced(Client::new(server.connect(), "default"));
    let mut events = pin!(watcher(metadata, watcher::Config::default()));
    assert_eq!(observe(&mut events, 5).await, expected);
    create(&server, "d").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(d)"]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_resumes_after_a_cut_and_lists_again_after_410() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).default_backoff());
    assert_eq!(observe(&mut events, 2).await, ["Init", "InitDone"]);
    create(&server, "a").await;
    assert_eq!(observe(&mut events, 1).await, ["Apply(a)"]);

    server.close_watches();
    create(&server, "b").await;
    assert_eq!(observe(&mut events, 2).await, ["watch cut", "Apply(b)"]);
    assert_eq!((server.requests().list, server.requests().watch), (1, 2));

    // Repeated events move no watcher back: otherwise "b" would come once more.
    assert!(server.repeat("widgets", "default", "a"));
    assert_eq!(observe(&mut events, 1).await, ["Apply(a)"]);
    server.close_watches();
    create(&server, "c").await;
    assert_eq!(observe(&mut events, 2).await, ["watch cut", "Apply(c)"]);

    server.expire();
    server.close_watches();
    let expected = [
        "watch cut",
        "error 410",
        "Init",
        "InitApply(a)",
        "InitApply(b)",
        "InitApply(c)",
        "InitDone",
    ];
    assert_eq!(observe(&mut events, 7).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_finds_what_changed_while_the_server_was_unreachable() {
    let server = server();
    let mut events = pin!(watcher(widgets(&server), watcher::Config::default()).default_backoff());
    assert_eq!(observe(&mut events, 2).await, ["Init", "InitDone"]);
    assert!(
        timeout(Duration::from_secs(1), events.next()).await.is_err(),
        "the watch is open"
    );
    server.set_reachable(false);
    let error = widgets(&server).get("a").await.expect_err("there is no connection");
    assert!(matches!(error, kube::Error::Service(_)), "{error:?}");
    create(&server, "a").await;
    assert_eq!(
        observe(&mut events, 3).await,
        ["watch cut", "watch refused", "watch refused"]
    );
    server.set_reachable(true);
    assert_eq!(observe(&mut events, 1).await, ["Apply(a)"]);
}

#[tokio::test(start_paused = true)]
async fn a_reconciler_of_an_operator_runs_for_a_day() {
    let start = std::time::Instant::now();
    let day = own_reconciler::a_day().await.expect("the day passes");
    assert_eq!((day.reconciles, day.status_writes), (148, 2));
    let requests = day.requests;
    assert_eq!((requests.patch, requests.patch_status, requests.list), (148, 148, 2));
    assert_eq!(
        requests.total,
        requests.patch + requests.patch_status + requests.list + requests.watch
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
