//! What the simulation reads in an object.

use crate::{
    behaviour::SECOND,
    clock::START,
    world::{INTERVAL, PAUSED},
};
use kube::ResourceExt as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use verify::{Micros, Thing};

pub(crate) fn version(thing: &Thing) -> u64 {
    let version = thing.metadata.resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// Whether an annotation pauses it.
pub(crate) fn is_paused(thing: &Thing) -> bool {
    thing.annotations().get(PAUSED).is_some_and(|text| text == "true")
}

/// The interval that an annotation gives it.
pub(crate) fn interval(thing: &Thing) -> Option<Micros> {
    let millis = thing.annotations().get(INTERVAL)?.strip_suffix("ms")?;
    millis.parse::<Micros>().ok().map(|millis| millis * 1000)
}

/// When it was deleted, if it waits for its finalizers.
pub(crate) fn deleted(thing: &Thing) -> Option<Micros> {
    let at = thing.metadata.deletion_timestamp.as_ref()?;
    Some((at.0.as_second() - START.as_secs() as i64) * SECOND)
}

/// What may be meant for the reconciler, of the object alone, as the guide lists it.
pub(crate) fn content(thing: &Thing) -> u64 {
    let meta = &thing.metadata;
    let owners = meta.owner_references.iter().flatten().map(|owner| &owner.uid);
    let mut hasher = DefaultHasher::new();
    (meta.generation, &meta.labels, &meta.annotations, &meta.finalizers).hash(&mut hasher);
    (meta.deletion_timestamp.is_some(), owners.collect::<Vec<_>>()).hash(&mut hasher);
    thing.status.as_ref().and_then(|status| status.token).hash(&mut hasher);
    hasher.finish()
}
