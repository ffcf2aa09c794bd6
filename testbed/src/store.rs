//! The objects, their versions and their history.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use crate::apply::Managers;
use crate::builtin;
use crate::call::{Call, Verb};
use crate::change::{Change, Key, Snapshot, Stored};
use crate::clock::Clock;
use crate::garbage::Garbage;
use crate::object::to_json;
use crate::random::Random;
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::watch::{self, Watcher};

/// How many changes are kept for watches that resume.
const HISTORY_LIMIT: usize = 10_000;

/// The answer to a request that was done.
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Bytes,
    /// Whether the request changed the status of an object.
    pub(crate) status_changed: bool,
}

/// The state of the server.
pub(crate) struct Store {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) watch_lag: Duration,
    pub(crate) resources: Vec<Resource>,
    pub(crate) tables: Vec<BTreeMap<Key, Stored>>,
    /// The resource version of the latest change.
    pub(crate) version: u64,
    pub(crate) history: VecDeque<Change>,
    history_limit: usize,
    /// The latest version that the history no longer leads on from.
    pub(crate) compacted: u64,
    pub(crate) watchers: Vec<Watcher>,
    pub(crate) garbage: Garbage,
}

impl Reply {
    /// An answer that does not report a change of a status.
    pub(crate) fn of(body: &Bytes) -> Self {
        Self {
            code: 200,
            body: body.clone(),
            status_changed: false,
        }
    }
}

impl Store {
    pub(crate) fn new(seed: u64) -> Self {
        let resources = builtin::resources();
        Self {
            clock: Clock::start(),
            random: Random::new(seed),
            watch_lag: Duration::ZERO,
            tables: resources.iter().map(|_| BTreeMap::new()).collect(),
            resources,
            version: 1,
            history: VecDeque::new(),
            history_limit: HISTORY_LIMIT,
            compacted: 1,
            watchers: Vec::new(),
            garbage: Garbage::default(),
        }
    }

    pub(crate) fn define(&mut self, resource: Resource) {
        match self.resources.iter_mut().find(|known| known.is_same_type(&resource)) {
            Some(known) => *known = resource,
            None => {
                self.resources.push(resource);
                self.tables.push(BTreeMap::new());
            }
        }
    }

    pub(crate) fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        let key = (namespace.to_owned(), name.to_owned());
        let tables = self.resources.iter().zip(&self.tables);
        let mut tables = tables.filter(|(resource, _)| resource.plural == plural);
        tables.find_map(|(_, table)| Some(&table.get(&key)?.value))
    }

    /// Sends watches an object once more.
    pub(crate) fn repeat(&mut self, plural: &str, namespace: &str, name: &str) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let mut tables = self.resources.iter().zip(&self.tables);
        let table = tables.position(|(resource, table)| resource.plural == plural && table.contains_key(&key));
        let Some(table) = table else {
            return false;
        };
        let stored = &self.tables[table][&key];
        let change = Change {
            at: Instant::now(),
            version: self.version,
            table,
            before: Some(stored.snapshot()),
            after: Some(stored.snapshot()),
            key,
        };
        // A watch resumes from what it saw last, and must not go back behind the latest change for a repeated one.
        let bookmark = watch::bookmark(&self.resources[table], self.version, false);
        self.watchers
            .retain(|watcher| watcher.send(&change, self.watch_lag) && watcher.note(table, &bookmark, self.version));
        true
    }

    pub(crate) fn set_history_limit(&mut self, limit: usize) {
        self.history_limit = limit;
        self.trim_history();
    }

    /// Forgets the history. The version moves on as if something else had been written, so that even a client that
    /// has seen every change is too old.
    pub(crate) fn expire(&mut self) {
        self.history.clear();
        self.version += 1;
        self.compacted = self.version;
    }

    /// Cuts watches: those of counted clients, and with `outside` those of the others too.
    pub(crate) fn cut_watches(&mut self, outside: bool) {
        self.watchers
            .retain(|watcher| !watcher.cut_unless(watcher.outside && !outside));
    }

    /// Does everything but watch.
    pub(crate) fn serve(&mut self, mut call: Call, content_type: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let reply = match call.verb {
            Verb::List => {
                let filter = call.filter();
                self.list(&filter, &call.query)
            }
            Verb::Get => Ok(Reply::of(&self.stored(&call)?.json)),
            Verb::Create => self.create(&call, body),
            Verb::Replace | Verb::ReplaceStatus => self.replace(&call, body),
            Verb::Patch | Verb::PatchStatus => self.patch(&call, content_type, body),
            Verb::Delete => self.delete(&call, body),
            Verb::DeleteCollection => {
                let filter = call.filter();
                self.delete_collection(&filter, &call.query, body)
            }
            Verb::Watch => unreachable!("a watch is answered with a stream"),
        };
        self.collect_garbage();
        reply
    }

    /// Stores an object under the next resource version.
    pub(crate) fn put(&mut self, table: usize, key: Key, mut value: Value, managers: Managers) -> Bytes {
        self.version += 1;
        value["metadata"]["resourceVersion"] = self.version.to_string().into();
        let stored = Stored {
            json: to_json(&value),
            value,
            managers,
        };
        self.change(table, key, Some(stored))
    }

    pub(crate) fn remove(&mut self, table: usize, key: Key) {
        self.version += 1;
        self.change(table, key, None);
    }

    fn change(&mut self, table: usize, key: Key, next: Option<Stored>) -> Bytes {
        let json = next.as_ref().map(|stored| stored.json.clone()).unwrap_or_default();
        let after = next.as_ref().map(Stored::snapshot);
        let before = match next {
            Some(stored) => self.tables[table].insert(key.clone(), stored),
            None => self.tables[table].remove(&key),
        };
        self.note_garbage(table, &key, before.as_ref().map(|stored| &stored.value));
        self.publish(table, key, before.map(|stored| stored.snapshot()), after);
        json
    }

    fn publish(&mut self, table: usize, key: Key, before: Option<Snapshot>, after: Option<Snapshot>) {
        let change = Change {
            at: Instant::now(),
            version: self.version,
            table,
            key,
            before,
            after,
        };
        self.watchers.retain(|watcher| watcher.send(&change, self.watch_lag));
        self.history.push_back(change);
        self.trim_history();
    }

    fn trim_history(&mut self) {
        let excess = self.history.len().saturating_sub(self.history_limit);
        if let Some(last) = self.history.drain(..excess).next_back() {
            self.compacted = last.version;
        }
    }

    pub(crate) fn stored(&self, call: &Call) -> Result<&Stored, Refusal> {
        let stored = self.tables[call.table].get(&call.key());
        stored.ok_or_else(|| self.missing(call))
    }

    pub(crate) fn missing(&self, call: &Call) -> Refusal {
        Refusal::not_found(self.resources[call.table].describe(&call.key().1))
    }
}
