//! What is read of an object.

use crate::{
    Observe, Slot,
    digest::Digest,
    trigger::{Sight, Status},
};
use kube_core::Resource;
use std::hash::{Hash, Hasher};

pub(super) fn hash(value: impl Hash) -> u64 {
    let mut digest = Digest::new();
    value.hash(&mut digest);
    digest.finish()
}

/// The object's place in the interval and its key in the memory; `None` for an object that was never stored.
pub(super) fn slot<K: Resource>(object: &K) -> Option<Slot> {
    object.meta().uid.as_deref().map(Slot::of)
}

pub(super) fn status<K: Observe>(object: &K) -> Status {
    Status {
        phase: object.phase(),
        since: object.last_transition(),
    }
}

pub(super) fn sight<K: Resource + Observe>(object: &K) -> Sight {
    let meta = object.meta();
    Sight {
        version: hash(&meta.resource_version) as u32,
        print: meta.generation.map(|generation| {
            let mut digest = Digest::new();
            generation.hash(&mut digest);
            meta.labels.hash(&mut digest);
            meta.annotations.hash(&mut digest);
            meta.finalizers.hash(&mut digest);
            for owner in meta.owner_references.iter().flatten() {
                // What else a reference holds is the owner's and does not change with it.
                (&owner.uid, owner.controller).hash(&mut digest);
            }
            meta.deletion_timestamp.is_some().hash(&mut digest);
            object.fingerprint().hash(&mut digest);
            digest.finish()
        }),
        phase: object.phase(),
    }
}
