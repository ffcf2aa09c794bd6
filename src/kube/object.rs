//! What is read of an object.

use super::kube_core::Resource;
use crate::{
    Observe, Slot,
    adapter::{conclusion::Status, trigger::Sight},
    digest::Digest,
};
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

#[cfg(test)]
mod tests {
    use super::super::kube_core::{DynamicObject, ObjectMeta};
    use super::*;
    use crate::Phase;
    use serde_json::{from_value, json};

    impl Observe for DynamicObject {
        fn phase(&self) -> Phase {
            Phase::Ready
        }
    }

    /// On a real API server the deletion mark also bumps the generation, so only here can each be seen alone.
    #[test]
    fn each_part_of_the_metadata_counts_by_itself() {
        let print = |change: fn(&mut ObjectMeta)| {
            let mut object: DynamicObject = from_value(json!({ "metadata": { "generation": 1 } })).expect("an object");
            change(&mut object.metadata);
            sight(&object).print
        };
        let prints = [
            print(|_| {}),
            print(|meta| meta.generation = Some(2)),
            print(|meta| meta.labels = Some([("a".into(), "b".into())].into())),
            print(|meta| meta.annotations = Some([("a".into(), "b".into())].into())),
            print(|meta| meta.finalizers = Some(vec!["a".into()])),
            print(|meta| meta.owner_references = Some(vec![Default::default()])),
            print(|meta| meta.deletion_timestamp = from_value(json!("1970-01-01T00:00:00Z")).expect("a time")),
        ];
        for (n, one) in prints.iter().enumerate() {
            assert!(one.is_some());
            assert!(
                prints[n + 1..].iter().all(|other| other != one),
                "{n} is not told from another"
            );
        }
        assert_eq!(print(|meta| meta.resource_version = Some("2".into())), prints[0]);
        assert_eq!(print(|meta| meta.generation = None), None);
    }
}
