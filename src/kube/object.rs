//! What is read of an object.

use super::kube_core::{ObjectMeta, Resource};
use crate::{
    Observed,
    digest::Digest,
    engine::{
        memory::Key,
        sight::{Content, Sight},
        version::Version,
        wakes::Id,
    },
    policy::slot::Slot,
};
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

fn hash(value: impl Hash) -> u64 {
    let mut digest = Digest::new();
    value.hash(&mut digest);
    digest.finish()
}

/// The object's key in the memory; `None` for an object that was never stored.
pub(super) fn key(meta: &ObjectMeta) -> Option<Key> {
    meta.uid.as_deref().map(|uid| Slot::of(uid).bits())
}

pub(super) fn version(meta: &ObjectMeta) -> Version {
    meta.resource_version.as_deref().map(Version::of).unwrap_or_default()
}

pub(super) fn id<'a, K: Resource>(object: &'a K, kind: &'a str) -> Id<'a> {
    let meta = object.meta();
    Id {
        kind,
        namespace: meta.namespace.as_deref(),
        name: meta.name.as_deref().unwrap_or("<unnamed>"),
    }
}

pub(super) fn sight(meta: &ObjectMeta, observed: &Observed, overridden: (bool, Option<Duration>)) -> Sight {
    let mut owners = Digest::new();
    for owner in meta.owner_references.iter().flatten() {
        // What else a reference holds is the owner's and does not change with it.
        (&owner.uid, owner.controller).hash(&mut owners);
    }
    let content = Content {
        generation: meta.generation,
        labels: hash(&meta.labels),
        annotations: hash(&meta.annotations),
        finalizers: hash(&meta.finalizers),
        owners: owners.finish(),
        fingerprint: observed.fingerprint_value(),
        is_deleted: meta.deletion_timestamp.is_some(),
    };
    Sight {
        deleted: meta.deletion_timestamp.as_ref().map(|time| time.0.into()),
        is_paused: overridden.0,
        interval: overridden.1,
        ..Sight::new(version(meta), content, observed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Phase, engine::reason::Changes};
    use serde_json::{from_value, json};

    /// On a real API server the deletion timestamp also increments the generation, so only here can each be seen alone.
    #[test]
    fn each_part_of_the_metadata_counts_by_itself() {
        let content = |change: fn(&mut ObjectMeta)| {
            let mut meta: ObjectMeta = from_value(json!({ "generation": 1 })).expect("metadata");
            change(&mut meta);
            sight(&meta, &Observed::new(Phase::Ready), (false, None)).content
        };
        let before = content(|_| {});
        type Change = fn(&mut ObjectMeta);
        let parts: [(Change, Changes); 6] = [
            (|meta| meta.generation = Some(2), Changes::GENERATION),
            (
                |meta| meta.labels = Some([("a".into(), "b".into())].into()),
                Changes::LABELS,
            ),
            (
                |meta| meta.annotations = Some([("a".into(), "b".into())].into()),
                Changes::ANNOTATIONS,
            ),
            (|meta| meta.finalizers = Some(vec!["a".into()]), Changes::FINALIZERS),
            (
                |meta| meta.owner_references = Some(vec![Default::default()]),
                Changes::OWNERS,
            ),
            (
                |meta| meta.deletion_timestamp = from_value(json!("1970-01-01T00:00:00Z")).expect("a time"),
                Changes::DELETION,
            ),
        ];
        for (change, changes) in parts {
            assert_eq!(content(change).changes(&before), changes);
        }
        assert!(
            content(|meta| meta.resource_version = Some("2".into()))
                .changes(&before)
                .is_empty()
        );
    }
}
