//! Open watches.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep_until};

use super::api_server::ApiServer;
use super::request::{Filter, Query};
use super::resource::Resource;
use super::store::{Change, to_json};

/// How often a watch that asks for bookmarks gets one.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// When a watch that names no timeout is closed.
const DEFAULT_TIMEOUT_SECONDS: u64 = 290;

/// A line of a watch, or the error that cuts it.
pub(super) type Item = Result<Bytes, io::Error>;

/// The server's end of an open watch.
pub(super) struct Watcher {
    pub(super) filter: Filter,
    pub(super) queue: UnboundedSender<Item>,
    /// Whether an outside client watches.
    pub(super) outside: bool,
}

impl Watcher {
    /// Tells the client of a change; false when the client has gone.
    pub(super) fn send(&self, change: &Change) -> bool {
        match change.event(&self.filter) {
            Some(line) => self.queue.send(Ok(line)).is_ok(),
            None => self.is_open(),
        }
    }

    /// Sends this bookmark if the watch is on this table; false when the client has gone.
    pub(super) fn note(&self, table: usize, bookmark: &Bytes) -> bool {
        self.filter.table != table || self.queue.send(Ok(bookmark.clone())).is_ok()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Cuts the watch as a lost connection would, unless it is spared; returns whether it is cut.
    pub(super) fn cut_unless(&self, spared: bool) -> bool {
        if !spared {
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut");
            // A client that has gone has nothing left to cut.
            drop(self.queue.send(Err(error)));
        }
        !spared
    }
}

/// One line of a watch.
pub(super) fn line(kind: &str, object: &[u8]) -> Bytes {
    let start = format!(r#"{{"type":"{kind}","object":"#);
    [start.as_bytes(), object, b"}\n"].concat().into()
}

/// The line that tells how far a watch has come, and perhaps that the objects there were at the start are complete.
pub(super) fn bookmark(resource: &Resource, version: u64, initial_events_end: bool) -> Bytes {
    let mut object = json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind,
        "metadata": { "resourceVersion": version.to_string() },
    });
    if initial_events_end {
        object["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    line("BOOKMARK", &to_json(&object))
}

/// The client's end of an open watch.
struct Reader {
    server: ApiServer,
    table: usize,
    queue: UnboundedReceiver<Item>,
    bookmarks: bool,
    next_bookmark: Instant,
    closes: Instant,
    closed: bool,
}

/// The body of the answer to a watch.
pub(super) fn stream(
    server: ApiServer,
    table: usize,
    query: &Query,
    queue: UnboundedReceiver<Item>,
) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + use<> {
    // Zero means no wish, too.
    let seconds = query.timeout_seconds.filter(|seconds| *seconds > 0);
    let timeout = Duration::from_secs(seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS));
    let now = Instant::now();
    let reader = Reader {
        server,
        table,
        queue,
        bookmarks: query.bookmarks,
        next_bookmark: now + BOOKMARK_INTERVAL,
        closes: now + timeout,
        closed: false,
    };
    futures::stream::unfold(reader, |mut reader| async {
        let item = reader.next().await?;
        Some((item.map(Frame::data), reader))
    })
}

impl Reader {
    async fn next(&mut self) -> Option<Item> {
        if self.closed {
            return None;
        }
        let wakes = if self.bookmarks {
            self.closes.min(self.next_bookmark)
        } else {
            self.closes
        };
        let item = tokio::select! {
            biased;
            item = self.queue.recv() => item,
            () = sleep_until(wakes) => self.wake(),
        };
        let held_until = self.server.watches_held_until();
        if held_until > Instant::now() {
            sleep_until(held_until).await;
        }
        item
    }

    /// Sends a bookmark, and closes the watch when it is time.
    fn wake(&mut self) -> Option<Item> {
        let (table, queue) = (self.table, &mut self.queue);
        // A change that came meanwhile goes first: a bookmark promises that nothing before it is missing.
        let (line, caught_up) = self.server.with_store(|store| match queue.try_recv() {
            Ok(item) => (item, false),
            Err(_) => {
                let resource = &store.resources()[table];
                (Ok(bookmark(resource, store.version(), false)), true)
            }
        });
        if caught_up {
            self.closed = Instant::now() >= self.closes;
            self.next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
        }
        (self.bookmarks || !caught_up).then_some(line)
    }
}
