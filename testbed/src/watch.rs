//! Open watches.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::call::Call;
use crate::change::Change;
use crate::object::to_json;
use crate::resource::Resource;
use crate::selector::Filter;
use crate::server::ApiServer;
use crate::shape::Shape;

/// How often a watch that asks for bookmarks gets one.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// When a watch that names no timeout is closed.
const DEFAULT_TIMEOUT_SECONDS: u64 = 290;

/// A line of a watch.
pub(crate) struct Line {
    pub(crate) text: Bytes,
    /// The resource version of the change it reports.
    pub(crate) version: u64,
    /// When the client gets it.
    pub(crate) due: Instant,
}

/// A line of a watch, or the error that cuts it.
pub(crate) type Item = Result<Line, io::Error>;

/// The server's end of an open watch.
pub(crate) struct Watcher {
    pub(crate) filter: Filter,
    pub(crate) queue: UnboundedSender<Item>,
    /// Whether an outside client watches.
    pub(crate) outside: bool,
}

impl Watcher {
    /// Sends the client a change; false when the client has gone.
    pub(crate) fn send(&self, change: &Change, lag: Duration) -> bool {
        let lag = if self.outside { Duration::ZERO } else { lag };
        match change.line(&self.filter, lag) {
            Some(line) => self.queue.send(Ok(line)).is_ok(),
            None => self.is_open(),
        }
    }

    /// Sends this bookmark if the watch is on this table; false when the client has gone.
    pub(crate) fn note(&self, table: usize, text: &Bytes, version: u64) -> bool {
        let line = Line {
            text: text.clone(),
            version,
            due: Instant::now(),
        };
        self.filter.table != table || self.queue.send(Ok(line)).is_ok()
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Cuts the watch as a lost connection would, unless it is spared; returns whether it is cut.
    pub(crate) fn cut_unless(&self, spared: bool) -> bool {
        if !spared {
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut");
            // A client that has gone has nothing left to cut.
            drop(self.queue.send(Err(error)));
        }
        !spared
    }
}

/// One line of a watch.
pub(crate) fn line(kind: &str, object: &[u8]) -> Bytes {
    let start = format!(r#"{{"type":"{kind}","object":"#);
    [start.as_bytes(), object, b"}\n"].concat().into()
}

/// The line that says how far a watch has come, and perhaps that the objects there were at the start are complete.
pub(crate) fn bookmark(resource: &Resource, version: u64, initial_events_end: bool) -> Bytes {
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
pub(crate) struct Reader {
    server: ApiServer,
    table: usize,
    outside: bool,
    shape: Shape,
    queue: UnboundedReceiver<Item>,
    /// What was sent and has not arrived.
    backlog: VecDeque<Line>,
    /// The error that cuts the watch.
    cut: Option<io::Error>,
    /// Whether nothing more will be sent.
    ended: bool,
    /// The latest version that the client has seen.
    seen: u64,
    bookmarks: bool,
    next_bookmark: Instant,
    closes: Instant,
    closed: bool,
    timer: Pin<Box<Sleep>>,
}

impl Reader {
    pub(crate) fn new(
        server: ApiServer,
        call: &Call,
        queue: UnboundedReceiver<Item>,
        outside: bool,
        shape: Shape,
    ) -> Self {
        // Zero leaves the choice to the server, too.
        let seconds = call.query.timeout_seconds.filter(|seconds| *seconds > 0);
        let timeout = Duration::from_secs(seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS));
        let now = Instant::now();
        Self {
            server,
            table: call.table,
            outside,
            shape,
            queue,
            backlog: VecDeque::new(),
            cut: None,
            ended: false,
            seen: 0,
            bookmarks: call.query.bookmarks,
            next_bookmark: now + BOOKMARK_INTERVAL,
            closes: now + timeout,
            closed: false,
            timer: Box::pin(sleep_until(now + timeout)),
        }
    }

    /// The next line, as soon as it is due.
    pub(crate) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if self.closed {
                return Poll::Ready(None);
            }
            self.receive(context);
            let now = Instant::now();
            let held_until = if self.outside {
                now
            } else {
                self.server.controls().watches_held_until
            };
            let due = self.backlog.front().map(|line| line.due.max(held_until));
            if due.is_some_and(|due| due <= now) {
                return Poll::Ready(self.backlog.pop_front().map(|line| Ok(self.deliver(line))));
            }
            if let Some(error) = self.cut.take() {
                self.closed = true;
                return Poll::Ready(Some(Err(error)));
            }
            if self.ended && due.is_none() {
                return Poll::Ready(None);
            }
            let mut wakes = self.closes;
            if self.bookmarks {
                wakes = wakes.min(self.next_bookmark);
            }
            wakes = wakes.max(held_until);
            if wakes <= now {
                match self.wake(now) {
                    Some(line) => return Poll::Ready(Some(Ok(self.shape.of_line(line)))),
                    None => continue,
                }
            }
            self.timer.as_mut().reset(due.map_or(wakes, |due| due.min(wakes)));
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn receive(&mut self, context: &mut Context<'_>) {
        while !self.ended {
            match self.queue.poll_recv(context) {
                Poll::Ready(Some(Ok(line))) => self.backlog.push_back(line),
                Poll::Ready(Some(Err(error))) => self.cut = Some(error),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
        }
    }

    fn deliver(&mut self, line: Line) -> Bytes {
        self.seen = self.seen.max(line.version);
        self.shape.of_line(line.text)
    }

    /// Closes the watch when it is time, and makes the bookmark, if the watch asks for them.
    fn wake(&mut self, now: Instant) -> Option<Bytes> {
        self.closed = now >= self.closes;
        self.next_bookmark = now + BOOKMARK_INTERVAL;
        let server = self.server.clone();
        server.with_store(|store| {
            // A bookmark promises that nothing before it is missing.
            while let Ok(item) = self.queue.try_recv() {
                match item {
                    Ok(line) => self.backlog.push_back(line),
                    Err(error) => self.cut = Some(error),
                }
            }
            let version = match self.backlog.front() {
                Some(line) => self.seen.max(line.version.saturating_sub(1)),
                None => store.version,
            };
            self.bookmarks.then(|| {
                self.seen = version;
                bookmark(&store.resources[self.table], version, false)
            })
        })
    }
}
