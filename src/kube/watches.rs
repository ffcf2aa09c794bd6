//! The watches of a controller: events in, triggers out.

use super::{
    kube_core::Resource,
    kube_runtime::{
        WatchStreamExt as _,
        controller::{ReconcileReason, ReconcileRequest},
        reflector::{ObjectRef, Store},
        watcher::{self, Event},
    },
    object,
};
use crate::{
    Observed,
    engine::{
        Engine, log,
        memory::Key,
        objects::Objects,
        reason::{Reason, Source},
        sight::Sight,
        wakes::{Id, Wake},
    },
};
use futures::{Stream, StreamExt as _, future, stream};
use std::{hash::Hash, sync::Arc};

/// What every stream of a controller needs.
pub(super) struct Common<K: Resource + 'static>
where
    K::DynamicType: Eq + Hash,
{
    pub(super) engine: Arc<Engine>,
    pub(super) store: Store<K>,
    pub(super) dyntype: K::DynamicType,
}

impl<K: Resource + Clone + 'static> Clone for Common<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            store: self.store.clone(),
            dyntype: self.dyntype.clone(),
        }
    }
}

impl<K: Resource + Clone + 'static> Common<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    /// The object that a reference means, if it exists: one object has one reference, whatever the namespace of a child
    /// that refers to a cluster-scoped owner.
    pub(super) fn resolve(&self, reference: &ObjectRef<K>) -> Option<(Key, ObjectRef<K>)> {
        let object = self.store.get(reference)?;
        let key = object::key(object.meta())?;
        Some((key, self.reference(&object)))
    }

    fn reference(&self, object: &K) -> ObjectRef<K> {
        ObjectRef::from_obj_with(object, self.dyntype.clone())
    }

    /// The application asks for an object.
    pub(super) fn request(&self, reference: &ObjectRef<K>) -> Option<ReconcileRequest<K>> {
        // What does not exist yet is reconciled when it does.
        let (key, reference) = self.resolve(reference)?;
        let triggers = self.engine.requested(key, Reason::Requested);
        triggers.then(|| request(reference, custom("requested")))
    }

    /// The application asks for all objects.
    pub(super) fn request_all(&self) -> Vec<ReconcileRequest<K>> {
        self.all(ReconcileReason::BulkReconcile, |key| {
            self.engine.requested(key, Reason::RequestedForAll)
        })
    }

    fn all(&self, reason: ReconcileReason, triggers: impl Fn(Key) -> bool) -> Vec<ReconcileRequest<K>> {
        let objects = self.store.state();
        let triggered = objects
            .iter()
            .filter(|object| object::key(object.meta()).is_some_and(&triggers));
        triggered
            .map(|object| request(self.reference(object), reason.clone()))
            .collect()
    }

    /// Does what the engine asks for.
    pub(super) fn wake(&self, wake: Wake) -> Vec<ReconcileRequest<K>> {
        let reference = |object: &Source| {
            let reference = ObjectRef::new_with(object.name(), self.dyntype.clone());
            match object.namespace() {
                Some(namespace) => reference.within(namespace),
                None => reference,
            }
        };
        match wake {
            Wake::Request(object) => self.request(&reference(&object)).into_iter().collect(),
            Wake::Trigger(object) => {
                let object = self.resolve(&reference(&object));
                object
                    .map(|(_, object)| request(object, custom("again")))
                    .into_iter()
                    .collect()
            }
            Wake::Throttled => self.all(custom("another rate limit"), |key| self.engine.is_throttled(key)),
        }
    }
}

pub(super) fn named<'a, K: Resource>(reference: &'a ObjectRef<K>, kind: &'a str) -> Id<'a> {
    Id {
        kind,
        namespace: reference.namespace.as_deref(),
        name: &reference.name,
    }
}

pub(super) fn request<K: Resource>(obj_ref: ObjectRef<K>, reason: ReconcileReason) -> ReconcileRequest<K> {
    ReconcileRequest { obj_ref, reason }
}

pub(super) fn custom(reason: &str) -> ReconcileReason {
    ReconcileReason::Custom {
        reason: reason.to_owned(),
    }
}

/// A watch that goes on for ever: it backs off by itself, and the log has its failure and its recovery.
pub(super) fn lasting<T: Send + 'static>(
    watch: impl Stream<Item = watcher::Result<Event<T>>> + Send + 'static,
    kind: String,
) -> impl Stream<Item = Event<T>> + Send + 'static {
    let mut is_failing = false;
    watch.default_backoff().filter_map(move |event| {
        let event = match event {
            Ok(event) => {
                // A list that begins may fail like the one before.
                let is_there = !matches!(event, Event::Init | Event::InitApply(_));
                if is_there && std::mem::take(&mut is_failing) {
                    log::watch_recovered(&kind);
                }
                Some(event)
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    log::watch_failed(&kind, &error);
                }
                None
            }
        };
        future::ready(event)
    })
}

/// A watch that the engine counts as long as it lasts.
pub(super) struct Counted {
    engine: Arc<Engine>,
    group: String,
    plural: String,
}

impl Counted {
    pub(super) fn new<T: Resource>(engine: &Arc<Engine>, dyntype: &T::DynamicType) -> Self {
        let (group, plural) = (T::group(dyntype).into_owned(), T::plural(dyntype).into_owned());
        engine.watch(&group, &plural);
        Self {
            engine: engine.clone(),
            group,
            plural,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.engine.unwatch(&self.group, &self.plural);
    }
}

/// The watch of the controller's own objects.
pub(super) struct Own<K: Resource + 'static>
where
    K::DynamicType: Eq + Hash,
{
    common: Common<K>,
    observe: Observer<K>,
    objects: Objects<ObjectRef<K>>,
    kind: String,
    _counted: Counted,
}

/// How the controller observes an object.
pub(super) type Observer<K> = Arc<dyn Fn(&K) -> Observed + Send + Sync>;

impl<K: Resource + Clone + 'static> Own<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    pub(super) fn new(common: Common<K>, observe: Observer<K>) -> Self {
        let counted = Counted::new::<K>(&common.engine, &common.dyntype);
        let kind = K::kind(&common.dyntype).into_owned();
        Self {
            common,
            observe,
            objects: Objects::new(),
            kind,
            _counted: counted,
        }
    }

    /// Whether the first list has not ended.
    pub(super) fn is_first(&self) -> bool {
        self.objects.is_first()
    }

    fn sight(&self, object: &K) -> Sight {
        let annotations = object.meta().annotations.as_ref();
        let overridden = self.common.engine.overridden(annotations);
        object::sight(object.meta(), &(self.observe)(object), overridden)
    }

    pub(super) fn handle(&mut self, event: Event<K>) -> Vec<ReconcileRequest<K>> {
        let engine = self.common.engine.clone();
        let triggered = match event {
            Event::Apply(object) => {
                let Some(key) = object::key(object.meta()) else {
                    return vec![];
                };
                let sight = self.sight(&object);
                let id = object::id(&object, &self.kind);
                let triggers = self.objects.apply(&engine, id, key, &sight);
                triggers.then(|| self.common.reference(&object)).into_iter().collect()
            }
            Event::Delete(object) => {
                if let Some(key) = object::key(object.meta()) {
                    self.objects.delete(&engine, &self.kind, key);
                }
                vec![]
            }
            Event::Init => {
                self.objects.begin_list();
                vec![]
            }
            Event::InitApply(object) => {
                if let Some(key) = object::key(object.meta()) {
                    let sight = self.sight(&object);
                    let reference = || self.common.reference(&object);
                    self.objects.list(&engine, reference, key, sight);
                }
                vec![]
            }
            Event::InitDone => self.objects.end_list(&engine, &self.kind, named),
        };
        triggered
            .into_iter()
            .map(|reference| request(reference, ReconcileReason::ObjectUpdated))
            .collect()
    }
}

impl<K: Resource + 'static> Drop for Own<K>
where
    K::DynamicType: Eq + Hash,
{
    fn drop(&mut self) {
        self.objects.leave(&self.common.engine, &self.kind);
    }
}

/// Every request of a list, one after the other.
pub(super) fn flat<K: Resource + 'static>(
    requests: impl Stream<Item = Vec<ReconcileRequest<K>>> + Send + 'static,
) -> stream::BoxStream<'static, ReconcileRequest<K>>
where
    K::DynamicType: Eq + Hash,
{
    requests.flat_map(stream::iter).boxed()
}
