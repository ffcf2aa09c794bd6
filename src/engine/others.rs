//! What exists beside the controller's own objects, and whom it concerns: children by their owner references, or whatever a
//! mapper maps.

use super::{Engine, memory::Key, reason::Source, version::Version};
use std::collections::HashMap;

/// The objects that a watch has shown; `R` refers to one of the controller's own.
#[derive(Clone)]
pub(crate) struct Others<R> {
    known: HashMap<Key, Other<R>>,
    listed: Option<HashMap<Key, Other<R>>>,
}

/// An object in a version.
#[derive(Clone)]
pub(crate) struct Other<R> {
    pub(crate) version: Version,
    pub(crate) source: Source,
    pub(crate) concerns: Vec<R>,
}

/// A version that concerns those whom the object refers to, or did before.
pub(crate) struct Concern<R> {
    pub(crate) key: Key,
    pub(crate) latest: Other<R>,
    /// The number of the delivery.
    pub(crate) delivered: u64,
    /// Whether it may be the echo of an own write: not what only a list shows, and no deletion.
    pub(crate) may_be_echo: bool,
}

impl<R> Others<R> {
    /// Nothing is known before the first list.
    pub(crate) fn new() -> Self {
        Self {
            known: HashMap::new(),
            listed: None,
        }
    }

    /// The watch ends.
    pub(crate) fn leave(&mut self, engine: &Engine) {
        engine.forget_others(self.known.keys());
    }
}

impl<R: Clone> Others<R> {
    /// An event shows an object.
    pub(crate) fn apply(&mut self, engine: &Engine, key: Key, now: Other<R>) -> Option<Concern<R>> {
        let before = self.known.insert(key, now.clone());
        if before.as_ref().is_some_and(|before| before.version == now.version) {
            return None;
        }
        let delivered = engine.shown_other(key, now.version);
        Some(concern(key, before, now, delivered, true))
    }

    /// An event shows that an object is gone.
    pub(crate) fn delete(&mut self, engine: &Engine, key: Key, last: Other<R>) -> Concern<R> {
        let before = self.known.remove(&key);
        concern(key, before, last, engine.gone_other(key), false)
    }

    /// A list begins.
    pub(crate) fn begin_list(&mut self) {
        self.listed = Some(HashMap::new());
    }

    /// The list shows an object.
    pub(crate) fn list(&mut self, key: Key, now: Other<R>) {
        if let Some(listed) = &mut self.listed {
            listed.insert(key, now);
        }
    }

    /// The list is complete.
    pub(crate) fn end_list(&mut self, engine: &Engine) -> Vec<Concern<R>> {
        let listed = self.listed.take().unwrap_or_default();
        let mut before = std::mem::replace(&mut self.known, listed);
        let mut all = vec![];
        for (key, now) in &self.known {
            let before = before.remove(key);
            if before.as_ref().is_none_or(|before| before.version != now.version) {
                let delivered = engine.shown_other(*key, now.version);
                all.push(concern(*key, before, now.clone(), delivered, false));
            }
        }
        for (key, gone) in before {
            all.push(concern(key, None, gone, engine.gone_other(key), false));
        }
        all
    }
}

fn concern<R>(key: Key, before: Option<Other<R>>, now: Other<R>, delivered: u64, may_be_echo: bool) -> Concern<R> {
    let mut latest = now;
    latest
        .concerns
        .extend(before.into_iter().flat_map(|before| before.concerns));
    Concern {
        key,
        latest,
        delivered,
        may_be_echo,
    }
}
