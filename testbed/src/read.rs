//! Lists, their pages, and the start of a watch.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::Instant;

use crate::change::Key;
use crate::object::{labels, to_json};
use crate::query::Query;
use crate::refusal::Refusal;
use crate::selector::Filter;
use crate::store::{Reply, Store};
use crate::watch::{self, Item, Line, Watcher};

/// Where the next page of a list starts, and which state it shows.
struct Token {
    version: u64,
    after: Key,
}

impl Token {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let refusal = || Refusal::bad_request("continue key is not valid");
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or_else(refusal);
        Ok(Self {
            version: part()?.parse().map_err(|_| refusal())?,
            after: (part()?.to_owned(), part()?.to_owned()),
        })
    }
}

impl Store {
    pub(crate) fn list(&self, filter: &Filter, query: &Query) -> Result<Reply, Refusal> {
        let asked = query.resource_version.unwrap_or(0);
        if asked > self.version {
            return Err(Refusal::unsupported("a resource version from the future"));
        }
        let token = query.continues.as_deref().map(Token::parse).transpose()?;
        let version = match &token {
            Some(_) if asked > 0 => {
                let message = "specifying resource version is not allowed when using continue";
                return Err(Refusal::bad_request(message));
            }
            Some(token) => token.version,
            None if query.exact => asked,
            None => self.version,
        };
        if version < self.compacted && version != self.version {
            let what = if token.is_some() {
                "continue parameter"
            } else {
                "resource version"
            };
            let message = format!("The provided {what} is too old to display a consistent list result: {version}");
            return Err(Refusal::new(410, "Expired", message));
        }
        let mut items = self.selected_at(filter, version);
        if let Some(token) = token {
            items.retain(|(key, _)| **key > token.after);
        }

        // A list of any version comes in one piece, as from the real one's cache.
        let limit = match query.limit {
            0 => items.len(),
            _ if query.resource_version == Some(0) => items.len(),
            limit => limit,
        };
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if items.len() > limit {
            let ((namespace, name), _) = items[limit - 1];
            metadata["continue"] = format!("{version}/{namespace}/{name}").into();
            if !filter.is_selective() {
                metadata["remainingItemCount"] = (items.len() - limit).into();
            }
            items.truncate(limit);
        }
        let resource = &self.resources[filter.table];
        let list = write_list(&resource.api_version(), &resource.kind, &metadata, &items);
        Ok(Reply::of(&list))
    }

    /// The objects that a filter selects; those of other namespaces are not even looked at.
    pub(crate) fn selected<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = (&'a Key, &'a Bytes)> {
        let first = (filter.namespace.clone().unwrap_or_default(), String::new());
        self.tables[filter.table]
            .range::<Key, _>((Bound::Included(first), Bound::Unbounded))
            .take_while(|((namespace, _), _)| filter.namespace.as_ref().is_none_or(|only| only == namespace))
            .filter(|(key, stored)| filter.selects(filter.table, key, labels(&stored.value)))
            .map(|(key, stored)| (key, &stored.json))
    }

    /// The same as it was at a version that the history leads back to.
    fn selected_at<'a>(&'a self, filter: &'a Filter, version: u64) -> Vec<(&'a Key, &'a Bytes)> {
        if version == self.version {
            return self.selected(filter).collect();
        }
        let now = self.tables[filter.table].iter();
        let mut objects: BTreeMap<&Key, (&Bytes, &Value)> = now
            .map(|(key, stored)| (key, (&stored.json, labels(&stored.value))))
            .collect();
        let later = self.history.iter().rev().take_while(|change| change.version > version);
        for change in later.filter(|change| change.table == filter.table) {
            match &change.before {
                Some(before) => objects.insert(&change.key, (&before.json, &before.labels)),
                None => objects.remove(&change.key),
            };
        }
        objects.retain(|key, (_, labels)| filter.selects(filter.table, key, labels));
        objects.into_iter().map(|(key, (json, _))| (key, json)).collect()
    }

    /// Starts a watch: what it missed is already in the returned queue.
    pub(crate) fn watch(
        &mut self,
        filter: Filter,
        query: &Query,
        outside: bool,
    ) -> Result<UnboundedReceiver<Item>, Refusal> {
        let from = query.resource_version.unwrap_or(0);
        let (queue, receiver) = mpsc::unbounded_channel();
        let (version, due) = (self.version, Instant::now());
        let send = |text| drop(queue.send(Ok(Line { text, version, due })));
        if from > self.version {
            return Err(Refusal::unsupported("a resource version from the future"));
        } else if from == 0 || query.initial_events {
            for (_, json) in self.selected(&filter) {
                send(watch::line("ADDED", json));
            }
            if query.initial_events {
                let resource = &self.resources[filter.table];
                send(watch::bookmark(resource, self.version, true));
            }
        } else if from < self.compacted {
            let message = format!("too old resource version: {from} ({})", self.compacted);
            let status = Refusal::new(410, "Expired", message).status();
            send(watch::line("ERROR", &to_json(&status)));
            return Ok(receiver);
        } else {
            let lag = if outside { Duration::ZERO } else { self.watch_lag };
            let missed = self.history.partition_point(|change| change.version <= from);
            let missed = self.history.range(missed..);
            for line in missed.filter_map(|change| change.line(&filter, lag)) {
                drop(queue.send(Ok(line)));
            }
        }
        // A watch that nobody reads any more would otherwise stay until the next change.
        self.watchers.retain(Watcher::is_open);
        self.watchers.push(Watcher { filter, queue, outside });
        Ok(receiver)
    }
}

/// Puts a list together of the JSON of its items.
pub(crate) fn write_list(api_version: &str, kind: &str, metadata: &Value, items: &[(&Key, &Bytes)]) -> Bytes {
    let mut list =
        format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}List","metadata":{metadata},"items":["#).into_bytes();
    for (position, (_, json)) in items.iter().enumerate() {
        if position > 0 {
            list.push(b',');
        }
        list.extend_from_slice(json);
    }
    list.extend_from_slice(b"]}");
    list.into()
}
