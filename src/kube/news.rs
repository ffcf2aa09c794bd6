//! Which objects were asked to run by something that is not visible in them.

use super::kube_core::Resource;
use super::kube_runtime::reflector::{Lookup, ObjectRef};
use super::object::hash;
use crate::{
    Slot,
    adapter::memory::Tick,
    sync::{AtomicU64, AtomicUsize, Mutex, Ordering, PoisonError},
};
use std::collections::HashMap;

/// News by uid where the reference has one, else by name; kept until a run starts, or for `grace` if none ever does.
pub(super) struct News {
    told: Mutex<HashMap<u64, Tick>>,
    /// The number of entries, so that a trigger without any news about costs no lock.
    len: AtomicUsize,
    grace: AtomicU64,
}

impl News {
    pub(super) fn new(grace: Tick) -> Self {
        Self {
            told: Mutex::default(),
            len: AtomicUsize::new(0),
            grace: AtomicU64::new(grace),
        }
    }

    /// For how long news that is not taken is kept from now on.
    pub(super) fn set_grace(&self, grace: Tick) {
        self.grace.store(grace, Ordering::Relaxed);
    }

    /// Keeps news of an object.
    pub(super) fn tell<K: Lookup>(&self, object: &ObjectRef<K>, now: Tick) {
        let key = match &object.extra.uid {
            Some(uid) => Slot::of(uid).bits(),
            None => name_key(object.namespace.as_deref(), &object.name),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() == told.capacity() {
            // Before it grows: references to objects that do not exist are never taken.
            let grace = self.grace.load(Ordering::Relaxed);
            told.retain(|_, since| since.saturating_add(grace) >= now);
        }
        told.insert(key, now);
        self.len.store(told.len(), Ordering::Release);
    }

    /// Returns whether there was news of this object, and forgets it.
    pub(super) fn take<K: Resource>(&self, object: &K) -> bool {
        if self.len.load(Ordering::Acquire) == 0 {
            return false;
        }
        let meta = object.meta();
        let by_uid = meta.uid.as_deref().map(|uid| Slot::of(uid).bits());
        let by_name = name_key(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let by_uid = by_uid.is_some_and(|key| told.remove(&key).is_some());
        let by_name = told.remove(&by_name).is_some();
        self.len.store(told.len(), Ordering::Release);
        by_uid || by_name
    }
}

fn name_key(namespace: Option<&str>, name: &str) -> u64 {
    hash((namespace, name))
}
