//! Which objects were asked for in a controller that does not say what its triggers are for.

use super::memory::{Key, Tick};
use crate::{
    digest::Digest,
    policy::slot::Slot,
    sync::{AtomicU64, AtomicUsize, Mutex, Ordering, PoisonError},
};
use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

/// Requests by uid where the reference has one, else by name; kept until a reconcile starts, or for `grace` if none does.
pub(crate) struct Requests {
    since: Mutex<HashMap<Key, Tick>>,
    /// The number of entries, so that a trigger without any request about costs no lock.
    len: AtomicUsize,
    grace: AtomicU64,
}

impl Requests {
    pub(crate) fn new(grace: Tick) -> Self {
        Self {
            since: Mutex::default(),
            len: AtomicUsize::new(0),
            grace: AtomicU64::new(grace),
        }
    }

    /// For how long a request that is not taken is kept from now on.
    pub(crate) fn set_grace(&self, grace: Tick) {
        self.grace.store(grace, Ordering::Relaxed);
    }

    /// Keeps a request for an object.
    pub(crate) fn add(&self, uid: Option<&str>, namespace: Option<&str>, name: &str, now: Tick) {
        let key = match uid {
            Some(uid) => Slot::of(uid).bits(),
            None => name_key(namespace, name),
        };
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.len() == since.capacity() {
            // Before it grows: references to objects that do not exist are never taken.
            let grace = self.grace.load(Ordering::Relaxed);
            since.retain(|_, since| since.saturating_add(grace) >= now);
        }
        since.insert(key, now);
        self.len.store(since.len(), Ordering::Release);
    }

    /// Returns whether there was a request for this object, and forgets it.
    pub(crate) fn take(&self, key: Key, namespace: Option<&str>, name: &str) -> bool {
        if self.len.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let by_uid = since.remove(&key).is_some();
        let by_name = since.remove(&name_key(namespace, name)).is_some();
        self.len.store(since.len(), Ordering::Release);
        by_uid || by_name
    }
}

fn name_key(namespace: Option<&str>, name: &str) -> Key {
    let mut digest = Digest::new();
    (namespace, name).hash(&mut digest);
    digest.finish()
}
