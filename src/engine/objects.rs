//! What exists of the controller's own objects, as its watch has shown it.

use super::{Engine, event::Shown, memory::Key, sight::Sight, wakes::Id};
use std::collections::HashSet;

/// The objects that a watch has shown; `R` refers to one.
#[derive(Clone)]
pub(crate) struct Objects<R> {
    known: HashSet<Key>,
    listed: Option<Listed<R>>,
    is_first: bool,
}

/// What a list has shown so far.
#[derive(Clone)]
struct Listed<R> {
    keys: HashSet<Key>,
    /// What is another version than before.
    changed: Vec<(R, Key, Sight)>,
}

impl<R> Objects<R> {
    /// Nothing is known before the first list.
    pub(crate) fn new() -> Self {
        Self {
            known: HashSet::new(),
            listed: None,
            is_first: true,
        }
    }

    /// Whether the first list has not ended.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }

    /// An event shows an object; returns whether to trigger it.
    pub(crate) fn apply(&mut self, engine: &Engine, id: Id<'_>, key: Key, sight: &Sight) -> bool {
        self.known.insert(key);
        engine.shown(id, key, sight, Shown::Watched)
    }

    /// An event shows that an object is gone.
    pub(crate) fn delete(&mut self, engine: &Engine, kind: &str, key: Key) {
        self.known.remove(&key);
        engine.gone(kind, key);
    }

    /// A list begins.
    pub(crate) fn begin_list(&mut self) {
        self.listed = Some(Listed {
            keys: HashSet::new(),
            changed: vec![],
        });
    }

    /// The list shows an object. The store has it at the end of the list, and no reconcile may start on it before.
    pub(crate) fn list(&mut self, engine: &Engine, reference: impl FnOnce() -> R, key: Key, sight: Sight) {
        let Some(listed) = &mut self.listed else { return };
        listed.keys.insert(key);
        if self.is_first || !engine.has_seen(key, sight.version) {
            listed.changed.push((reference(), key, sight));
        }
    }

    /// The list is complete, and the store has it; returns what to trigger.
    pub(crate) fn end_list(
        &mut self,
        engine: &Engine,
        kind: &str,
        id: impl for<'a> Fn(&'a R, &'a str) -> Id<'a>,
    ) -> Vec<R> {
        let Some(Listed { keys, changed }) = self.listed.take() else {
            return vec![];
        };
        let how = if std::mem::take(&mut self.is_first) {
            self.known.extend(engine.take_left(kind));
            Shown::First
        } else {
            Shown::Relisted
        };
        self.known.difference(&keys).for_each(|key| engine.gone(kind, *key));
        self.known = keys;
        let triggered = changed
            .into_iter()
            .filter(|(reference, key, sight)| engine.shown(id(reference, kind), *key, sight, how));
        triggered.map(|(reference, ..)| reference).collect()
    }

    /// The watch ends: the next one of the same engine finds out what exists no more.
    pub(crate) fn leave(&mut self, engine: &Engine, kind: &str) {
        engine.leave(kind, std::mem::take(&mut self.known));
    }
}
