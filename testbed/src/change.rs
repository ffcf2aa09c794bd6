//! Stored objects and their changes.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use crate::apply::Managers;
use crate::object::{labels, to_json};
use crate::selector::Filter;
use crate::watch::{self, Line};

/// A namespace, empty for a cluster-wide object, and a name.
pub(crate) type Key = (String, String);

/// An object. Its JSON is made once per change and shared by answers, watches and the history.
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) json: Bytes,
    pub(crate) managers: Managers,
}

/// An object before or after a change.
pub(crate) struct Snapshot {
    pub(crate) json: Bytes,
    pub(crate) labels: Value,
}

/// A change, from which each watch makes its own event.
pub(crate) struct Change {
    pub(crate) at: Instant,
    pub(crate) version: u64,
    pub(crate) table: usize,
    pub(crate) key: Key,
    pub(crate) before: Option<Snapshot>,
    pub(crate) after: Option<Snapshot>,
}

impl Stored {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            json: self.json.clone(),
            labels: labels(&self.value).clone(),
        }
    }
}

impl Change {
    /// The line that a watch with this filter gets of this change, if any, so late.
    pub(crate) fn line(&self, filter: &Filter, lag: Duration) -> Option<Line> {
        Some(Line {
            text: self.event(filter)?,
            version: self.version,
            due: self.at + lag,
        })
    }

    fn event(&self, filter: &Filter) -> Option<Bytes> {
        let selects = |snapshot: &&Snapshot| filter.selects(self.table, &self.key, &snapshot.labels);
        let before = self.before.as_ref().filter(selects);
        let after = self.after.as_ref().filter(selects);
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(watch::line("ADDED", &after.json)),
            (Some(_), Some(after)) => Some(watch::line("MODIFIED", &after.json)),
            (Some(before), None) => {
                let mut last: Value =
                    serde_json::from_slice(&before.json).expect("a stored object was written as JSON");
                last["metadata"]["resourceVersion"] = self.version.to_string().into();
                Some(watch::line("DELETED", &to_json(&last)))
            }
        }
    }
}
