//! The watches beside the controller's own: children, and whatever a mapper maps.

use super::{
    kube_core::{ObjectMeta, Resource},
    kube_runtime::{controller::ReconcileRequest, reflector::ObjectRef, watcher::Event},
    object,
    watches::{Common, Counted, custom, named, request},
};
use crate::engine::{
    memory::{self, Held, Key},
    others::{Concern, Other, Others},
    reason::{Reason, Source},
};
use futures::channel::oneshot;
use std::{hash::Hash, sync::Arc};

/// A watch of other objects that concern the controller's.
pub(super) struct Related<K: Resource + 'static, T: Resource>
where
    K::DynamicType: Eq + Hash,
{
    common: Common<K>,
    dyntype: T::DynamicType,
    reason: fn(Source) -> Reason,
    map: Box<dyn Fn(T) -> Vec<ObjectRef<K>> + Send>,
    changed: Option<Changed>,
    others: Others<ObjectRef<K>, Meta>,
    /// Waits for the first list.
    first: Option<oneshot::Sender<()>>,
    _counted: Counted,
}

/// Whether a change of another object triggers: a function of the metadata before and after.
pub(super) type Changed = Box<dyn Fn(&ObjectMeta, &ObjectMeta) -> bool + Send>;

/// The metadata where it is compared.
type Meta = Option<Arc<ObjectMeta>>;

impl<K: Resource + Clone + 'static, T: Resource> Related<K, T>
where
    K::DynamicType: Eq + Hash + Clone,
{
    pub(super) fn new(
        common: Common<K>,
        dyntype: T::DynamicType,
        reason: fn(Source) -> Reason,
        first: oneshot::Sender<()>,
        map: impl Fn(T) -> Vec<ObjectRef<K>> + Send + 'static,
        changed: Option<Changed>,
    ) -> Self {
        let counted = Counted::new::<T>(&common.engine, &dyntype);
        Self {
            common,
            dyntype,
            reason,
            map: Box::new(map),
            changed,
            others: Others::new(),
            first: Some(first),
            _counted: counted,
        }
    }

    fn look(&self, object: T) -> Option<(Key, Other<ObjectRef<K>, Meta>)> {
        let meta = object.meta();
        let (key, version) = (object::key(meta)?, object::version(meta));
        let kind = T::kind(&self.dyntype);
        let name = meta.name.as_deref().unwrap_or_default();
        let source = Source::new(&kind, meta.namespace.as_deref(), name);
        let compared = self.changed.is_some().then(|| {
            Arc::new(ObjectMeta {
                // Large, and new with each write.
                managed_fields: None,
                ..meta.clone()
            })
        });
        let other = Other {
            version,
            source,
            concerns: (self.map)(object).into(),
            meta: compared,
        };
        Some((key, other))
    }

    pub(super) fn handle(&mut self, event: Event<T>) -> Vec<ReconcileRequest<K>> {
        let engine = self.common.engine.clone();
        let concerns = match event {
            Event::Apply(object) => {
                let look = self.look(object);
                let matters = matters(&self.changed);
                let concern = look.and_then(|(key, now)| self.others.apply(&engine, key, now, &matters));
                concern.into_iter().collect()
            }
            Event::Delete(object) => {
                let look = self.look(object);
                let concern = look.map(|(key, last)| self.others.delete(&engine, key, last));
                concern.into_iter().collect()
            }
            Event::Init => {
                self.others.begin_list();
                vec![]
            }
            Event::InitApply(object) => {
                if let Some((key, now)) = self.look(object) {
                    self.others.list(key, now);
                }
                vec![]
            }
            Event::InitDone => {
                let concerns = self.others.end_list(&engine, &matters(&self.changed));
                if let Some(first) = self.first.take() {
                    // Nobody waits any more where it took too long.
                    let _ = first.send(());
                }
                concerns
            }
        };
        concerns.into_iter().flat_map(|concern| self.concern(concern)).collect()
    }

    /// Triggers those whom an object concerns.
    fn concern(&self, concern: Concern<ObjectRef<K>>) -> Vec<ReconcileRequest<K>> {
        let mut concerned: Vec<_> = concern
            .all()
            .filter_map(|reference| self.common.resolve(reference))
            .collect();
        concerned.sort_by_key(|(key, _)| *key);
        concerned.dedup_by_key(|(key, _)| *key);
        let engine = &self.common.engine;
        if !concern.matters {
            for (key, _) in concerned {
                engine.passed(key, concern.key, concern.version, concern.delivered);
            }
            return vec![];
        }
        let reason = (self.reason)(concern.source);
        let kind = K::kind(&self.common.dyntype);
        let triggered = concerned.into_iter().filter(|(key, reference)| {
            let held = Held {
                what: memory::Event::Other {
                    key: concern.key,
                    reason: reason.clone(),
                },
                version: concern.version,
                delivered: concern.delivered,
            };
            engine.related(named(reference, &kind), *key, held, concern.may_be_echo)
        });
        triggered
            .map(|(_, reference)| request(reference, custom(&reason.to_string())))
            .collect()
    }
}

fn matters(changed: &Option<Changed>) -> impl Fn(&Meta, &Meta) -> bool {
    move |before, now| match (changed, before, now) {
        (Some(changed), Some(before), Some(now)) => changed(before, now),
        _ => true,
    }
}

impl<K: Resource + 'static, T: Resource> Drop for Related<K, T>
where
    K::DynamicType: Eq + Hash,
{
    fn drop(&mut self) {
        self.others.leave(&self.common.engine);
    }
}

/// The owners of a child.
pub(super) fn owners<K: Resource>(child: &ObjectMeta, owner: &K::DynamicType) -> Vec<ObjectRef<K>>
where
    K::DynamicType: Clone,
{
    let references = child.owner_references.iter().flatten();
    references
        .filter_map(|reference| ObjectRef::from_owner_ref(child.namespace.as_deref(), reference, owner.clone()))
        .collect()
}

/// Returns whether more than the status changed from one version of an object to another: its generation, labels,
/// annotations, finalizers, owner references or deletion timestamp. For [`Controller::owns_when`](super::Controller::owns_when).
///
/// An object without a generation, such as a ConfigMap or Secret, has no status either: any change counts. It never panics.
#[must_use]
pub fn spec_or_metadata_changed(before: &ObjectMeta, now: &ObjectMeta) -> bool {
    now.generation.is_none()
        || before.generation != now.generation
        || before.labels != now.labels
        || before.annotations != now.annotations
        || before.finalizers != now.finalizers
        || before.owner_references != now.owner_references
        || before.deletion_timestamp != now.deletion_timestamp
}
