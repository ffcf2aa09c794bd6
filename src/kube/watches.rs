//! The watches of a controller: events in, triggers out.

use super::{
    kube_core::{ObjectMeta, Resource},
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
        self, Engine, log,
        memory::{Held, Key},
        objects::Objects,
        others::{Concern, Other, Others},
        reason::{Reason, Source},
        sight::Sight,
        wakes::{Id, Wake},
    },
};
use futures::{Stream, StreamExt as _, channel::oneshot, future, stream};
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
    fn resolve(&self, reference: &ObjectRef<K>) -> Option<(Key, ObjectRef<K>)> {
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

fn named<'a, K: Resource>(reference: &'a ObjectRef<K>, kind: &'a str) -> Id<'a> {
    Id {
        kind,
        namespace: reference.namespace.as_deref(),
        name: &reference.name,
    }
}

fn request<K: Resource>(obj_ref: ObjectRef<K>, reason: ReconcileReason) -> ReconcileRequest<K> {
    ReconcileRequest { obj_ref, reason }
}

fn custom(reason: &str) -> ReconcileReason {
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
struct Counted {
    engine: Arc<Engine>,
    group: String,
    plural: String,
}

impl Counted {
    fn new<T: Resource>(engine: &Arc<Engine>, dyntype: &T::DynamicType) -> Self {
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
            concerns: (self.map)(object),
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
            .concerns
            .iter()
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
                what: engine::memory::Event::Other {
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

/// Every request of a list, one after the other.
pub(super) fn flat<K: Resource + 'static>(
    requests: impl Stream<Item = Vec<ReconcileRequest<K>>> + Send + 'static,
) -> stream::BoxStream<'static, ReconcileRequest<K>>
where
    K::DynamicType: Eq + Hash,
{
    requests.flat_map(stream::iter).boxed()
}
