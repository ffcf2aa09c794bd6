//! The controller's cache of the object, and what the watch has yet to show.

use crate::engine::memory::Tick;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, VecDeque};

/// Returns the last object with what changed from the first to the second.
pub(super) type Merge<K> = fn(&K, &K, &K) -> K;

pub(super) struct Cache<K> {
    lag: Tick,
    merge: Option<Merge<K>>,
    object: Option<K>,
    /// What is yet to be shown, and when; `None` for a deletion.
    underway: VecDeque<(Tick, Option<K>)>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            lag: 0,
            merge: None,
            object: None,
            underway: VecDeque::new(),
        }
    }
}

impl<K> Cache<K> {
    pub(super) fn lagging(lag: Tick, merge: Merge<K>) -> Self {
        Self {
            lag,
            merge: Some(merge),
            ..Self::default()
        }
    }

    pub(super) fn object(&self) -> Option<&K> {
        self.object.as_ref()
    }

    /// How to write what a reconcile made of an object that may be older than the API server's.
    pub(super) fn merge(&self) -> Option<Merge<K>> {
        self.merge
    }

    /// The API server has another version, or none any more.
    pub(super) fn write(&mut self, now: Tick, object: Option<K>) {
        self.underway.push_back((now.saturating_add(self.lag), object));
    }

    /// A list shows what the API server has.
    pub(super) fn list(&mut self, object: Option<K>) {
        self.object = object;
        self.underway.clear();
    }

    /// When the watch shows the next version.
    pub(super) fn next(&self) -> Option<Tick> {
        self.underway.front().map(|(at, _)| *at)
    }

    /// Shows the next version, if it is time: the cache has it, or the object that is gone is returned.
    pub(super) fn deliver(&mut self, now: Tick) -> Option<Result<(), K>> {
        self.next().filter(|at| *at <= now)?;
        let (_, object) = self.underway.pop_front()?;
        let before = std::mem::replace(&mut self.object, object);
        match before {
            Some(gone) if self.object.is_none() => Some(Err(gone)),
            _ => Some(Ok(())),
        }
    }
}

/// As a merge patch does: what is not a map is replaced as a whole.
pub(super) fn merge<K: Serialize + DeserializeOwned + Clone>(read: &K, written: &K, stored: &K) -> K {
    let json = |object: &K| serde_json::to_value(object).expect("an object of a Kubernetes API is JSON");
    let (before, mut merged) = (json(read), json(stored));
    if before == merged {
        return written.clone();
    }
    patch(&before, &json(written), &mut merged);
    serde_json::from_value(merged).expect("an object of a Kubernetes API is read as it is written")
}

fn patch(read: &Value, written: &Value, onto: &mut Value) {
    let none = Map::new();
    let (Value::Object(written), Value::Object(onto)) = (written, onto) else {
        return;
    };
    let read = read.as_object().unwrap_or(&none);
    let fields: BTreeSet<_> = read.keys().chain(written.keys()).collect();
    for field in fields {
        match (read.get(field), written.get(field)) {
            (before, after) if before == after => {}
            (_, None) => {
                onto.remove(field);
            }
            (before, Some(after)) => {
                let into = onto.entry(field.clone()).or_insert(Value::Null);
                if after.is_object() && into.is_object() {
                    patch(before.unwrap_or(&Value::Null), after, into);
                } else {
                    *into = after.clone();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reconcile_writes_what_it_changed_and_nothing_else() {
        let read = json!({ "spec": 1, "status": { "a": 1, "gone": 1, "list": [1, 2], "deep": { "b": 1, "c": 1 } } });
        let written = json!({ "spec": 1, "status": { "a": 1, "new": 1, "list": [2], "deep": { "b": 2, "c": 1 } } });
        let stored = json!({ "spec": 3, "status": { "a": 3, "gone": 3, "list": [3], "deep": { "b": 3, "c": 3 } } });
        assert_eq!(
            merge(&read, &written, &stored),
            json!({ "spec": 3, "status": { "a": 3, "new": 1, "list": [2], "deep": { "b": 2, "c": 3 } } })
        );
        assert_eq!(merge(&read, &written, &read), written);
        assert_eq!(merge(&json!({}), &written, &json!({})), written);
    }
}
