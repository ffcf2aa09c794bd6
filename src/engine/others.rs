//! What exists beside the controller's own objects, and whom it concerns: children by their owner references, or whatever a
//! mapper maps.

use super::{Engine, memory::Key, reason::Source, version::Version};
use std::{collections::HashMap, sync::Arc};

/// The objects that a watch has shown; `R` refers to one of the controller's own, `M` is what is compared.
#[derive(Clone)]
pub(crate) struct Others<R, M> {
    known: HashMap<Key, Other<R, M>>,
    listed: Option<HashMap<Key, Other<R, M>>>,
}

/// An object in a version.
#[derive(Clone)]
pub(crate) struct Other<R, M> {
    pub(crate) version: Version,
    pub(crate) source: Source,
    pub(crate) concerns: Arc<[R]>,
    pub(crate) meta: M,
}

/// A version that concerns those whom the object refers to, or did before.
pub(crate) struct Concern<R> {
    pub(crate) key: Key,
    pub(crate) version: Version,
    pub(crate) source: Source,
    concerns: Arc<[R]>,
    before: Option<Arc<[R]>>,
    /// The number of the delivery.
    pub(crate) delivered: u64,
    /// Whether it may be the echo of an own write: not what only a list shows, and no deletion.
    pub(crate) may_be_echo: bool,
    /// Whether it is a change that the application wants to hear of.
    pub(crate) matters: bool,
}

impl<R> Concern<R> {
    /// Those whom it concerns; one may come twice.
    pub(crate) fn all(&self) -> impl Iterator<Item = &R> {
        self.concerns
            .iter()
            .chain(self.before.iter().flat_map(|before| before.iter()))
    }
}

impl<R, M> Others<R, M> {
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

impl<R: Clone + PartialEq, M: Clone> Others<R, M> {
    /// An event shows an object.
    pub(crate) fn apply(
        &mut self,
        engine: &Engine,
        key: Key,
        now: Other<R, M>,
        matters: &dyn Fn(&M, &M) -> bool,
    ) -> Option<Concern<R>> {
        let before = self.known.insert(key, now.clone());
        if before.as_ref().is_some_and(|before| before.version == now.version) {
            return None;
        }
        let delivered = engine.shown_other(key, now.version);
        let matters = before.as_ref().is_none_or(|before| differ(before, &now, matters));
        Some(concern(key, before, now, delivered, true, matters))
    }

    /// An event shows that an object is gone.
    pub(crate) fn delete(&mut self, engine: &Engine, key: Key, last: Other<R, M>) -> Concern<R> {
        let before = self.known.remove(&key);
        concern(key, before, last, engine.gone_other(key), false, true)
    }

    /// A list begins.
    pub(crate) fn begin_list(&mut self) {
        self.listed = Some(HashMap::new());
    }

    /// The list shows an object.
    pub(crate) fn list(&mut self, key: Key, now: Other<R, M>) {
        if let Some(listed) = &mut self.listed {
            listed.insert(key, now);
        }
    }

    /// The list is complete.
    pub(crate) fn end_list(&mut self, engine: &Engine, matters: &dyn Fn(&M, &M) -> bool) -> Vec<Concern<R>> {
        let listed = self.listed.take().unwrap_or_default();
        let mut known = std::mem::replace(&mut self.known, listed);
        let mut all = vec![];
        for (key, now) in &self.known {
            let before = known.remove(key);
            if before.as_ref().is_none_or(|before| before.version != now.version) {
                let delivered = engine.shown_other(*key, now.version);
                let matters = before.as_ref().is_none_or(|before| differ(before, now, matters));
                all.push(concern(*key, before, now.clone(), delivered, false, matters));
            }
        }
        for (key, gone) in known {
            all.push(concern(key, None, gone, engine.gone_other(key), false, true));
        }
        all
    }
}

fn differ<R: PartialEq, M>(before: &Other<R, M>, now: &Other<R, M>, matters: &dyn Fn(&M, &M) -> bool) -> bool {
    before.concerns != now.concerns || matters(&before.meta, &now.meta)
}

fn concern<R, M>(
    key: Key,
    before: Option<Other<R, M>>,
    now: Other<R, M>,
    delivered: u64,
    may_be_echo: bool,
    matters: bool,
) -> Concern<R> {
    Concern {
        key,
        version: now.version,
        source: now.source,
        concerns: now.concerns,
        before: before.map(|before| before.concerns),
        delivered,
        may_be_echo,
        matters,
    }
}
