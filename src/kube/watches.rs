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
        self, Engine,
        event::Shown,
        log,
        memory::{Held, Key},
        reason::{Reason, Source},
        sight::Sight,
        version::Version,
        wakes::{Id, Wake},
    },
};
use futures::{Stream, StreamExt as _, channel::oneshot, future, stream};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

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

/// The controller's own objects.
pub(super) struct Own<K: Resource + 'static>
where
    K::DynamicType: Eq + Hash,
{
    common: Common<K>,
    observe: Observer<K>,
    /// What exists.
    known: HashSet<Key>,
    listed: Option<Listed<K>>,
    pub(super) is_first: bool,
    kind: String,
    _counted: Counted,
}

/// What a list has shown so far.
struct Listed<K: Resource> {
    keys: HashSet<Key>,
    /// What is another version than before.
    changed: Vec<(ObjectRef<K>, Key, Sight)>,
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
            known: HashSet::new(),
            listed: None,
            is_first: true,
            kind,
            _counted: counted,
        }
    }

    fn sight(&self, object: &K) -> Sight {
        let annotations = object.meta().annotations.as_ref();
        let overridden = self.common.engine.overridden(annotations);
        object::sight(object.meta(), &(self.observe)(object), overridden)
    }

    pub(super) fn handle(&mut self, event: Event<K>) -> Vec<ReconcileRequest<K>> {
        let engine = self.common.engine.clone();
        match event {
            Event::Apply(object) => {
                let Some(key) = object::key(object.meta()) else {
                    return vec![];
                };
                self.known.insert(key);
                let triggers = engine.shown(
                    object::id(&object, &self.kind),
                    key,
                    &self.sight(&object),
                    Shown::Watched,
                );
                let updated = || request(self.common.reference(&object), ReconcileReason::ObjectUpdated);
                triggers.then(updated).into_iter().collect()
            }
            Event::Delete(object) => {
                if let Some(key) = object::key(object.meta()) {
                    self.known.remove(&key);
                    engine.gone(&self.kind, key);
                }
                vec![]
            }
            Event::Init => {
                self.listed = Some(Listed {
                    keys: HashSet::new(),
                    changed: vec![],
                });
                vec![]
            }
            Event::InitApply(object) => {
                let sight = self.sight(&object);
                let (Some(key), Some(listed)) = (object::key(object.meta()), &mut self.listed) else {
                    return vec![];
                };
                listed.keys.insert(key);
                // The store has it at the end of the list, and no reconcile may start on it before.
                if self.is_first || !engine.has_seen(key, sight.version) {
                    listed.changed.push((self.common.reference(&object), key, sight));
                }
                vec![]
            }
            Event::InitDone => {
                let Some(Listed { keys, changed }) = self.listed.take() else {
                    return vec![];
                };
                let how = if std::mem::take(&mut self.is_first) {
                    self.known.extend(engine.take_left(&self.kind));
                    Shown::First
                } else {
                    Shown::Relisted
                };
                self.known
                    .difference(&keys)
                    .for_each(|key| engine.gone(&self.kind, *key));
                self.known = keys;
                let triggered = changed
                    .into_iter()
                    .filter(|(reference, key, sight)| engine.shown(named(reference, &self.kind), *key, sight, how));
                triggered
                    .map(|(reference, ..)| request(reference, ReconcileReason::ObjectUpdated))
                    .collect()
            }
        }
    }
}

/// The next controller of the same `Requeuer` finds out what exists no more.
impl<K: Resource + 'static> Drop for Own<K>
where
    K::DynamicType: Eq + Hash,
{
    fn drop(&mut self) {
        self.common.engine.leave(&self.kind, std::mem::take(&mut self.known));
    }
}

/// Other objects that concern the controller's: children by their owner references, or whatever a mapper maps.
pub(super) struct Others<K: Resource + 'static, T: Resource>
where
    K::DynamicType: Eq + Hash,
{
    common: Common<K>,
    dyntype: T::DynamicType,
    reason: fn(Source) -> Reason,
    map: Box<dyn Fn(T) -> Vec<ObjectRef<K>> + Send>,
    /// What exists, and whom it concerns.
    known: HashMap<Key, Known<K>>,
    listed: Option<HashMap<Key, Known<K>>>,
    /// Waits for the first list.
    first: Option<oneshot::Sender<()>>,
    _counted: Counted,
}

struct Known<K: Resource> {
    version: Version,
    source: Source,
    concerns: Vec<ObjectRef<K>>,
}

impl<K: Resource + Clone + 'static, T: Resource> Others<K, T>
where
    K::DynamicType: Eq + Hash + Clone,
{
    pub(super) fn new(
        common: Common<K>,
        dyntype: T::DynamicType,
        reason: fn(Source) -> Reason,
        first: oneshot::Sender<()>,
        map: impl Fn(T) -> Vec<ObjectRef<K>> + Send + 'static,
    ) -> Self {
        let counted = Counted::new::<T>(&common.engine, &dyntype);
        Self {
            common,
            dyntype,
            reason,
            map: Box::new(map),
            known: HashMap::new(),
            listed: None,
            first: Some(first),
            _counted: counted,
        }
    }

    fn look(&self, object: T) -> Option<(Key, Known<K>)> {
        let meta = object.meta();
        let (key, version) = (object::key(meta)?, object::version(meta));
        let kind = T::kind(&self.dyntype);
        let source = Source::new(
            &kind,
            meta.namespace.as_deref(),
            meta.name.as_deref().unwrap_or_default(),
        );
        let concerns = (self.map)(object);
        Some((
            key,
            Known {
                version,
                source,
                concerns,
            },
        ))
    }

    pub(super) fn handle(&mut self, event: Event<T>) -> Vec<ReconcileRequest<K>> {
        match event {
            Event::Apply(object) => {
                let Some((key, now)) = self.look(object) else {
                    return vec![];
                };
                let before = self.known.remove(&key);
                let triggered = if before.as_ref().is_some_and(|before| before.version == now.version) {
                    vec![]
                } else {
                    let delivered = self.common.engine.shown_other(key, now.version);
                    self.concern(key, before.as_ref(), Some(&now), delivered, true)
                };
                self.known.insert(key, now);
                triggered
            }
            Event::Delete(object) => {
                let Some((key, now)) = self.look(object) else {
                    return vec![];
                };
                let before = self.known.remove(&key);
                let delivered = self.common.engine.gone_other(key);
                self.concern(key, before.as_ref(), Some(&now), delivered, false)
            }
            Event::Init => {
                self.listed = Some(HashMap::new());
                vec![]
            }
            Event::InitApply(object) => {
                if let (Some((key, now)), Some(listed)) = (self.look(object), &mut self.listed) {
                    listed.insert(key, now);
                }
                vec![]
            }
            Event::InitDone => {
                let listed = self.listed.take().unwrap_or_default();
                let known = std::mem::replace(&mut self.known, listed);
                let mut triggered = vec![];
                for (key, now) in &self.known {
                    let before = known.get(key);
                    if before.is_none_or(|before| before.version != now.version) {
                        let delivered = self.common.engine.shown_other(*key, now.version);
                        triggered.extend(self.concern(*key, before, Some(now), delivered, false));
                    }
                }
                for (key, before) in known.iter().filter(|(key, _)| !self.known.contains_key(key)) {
                    let delivered = self.common.engine.gone_other(*key);
                    triggered.extend(self.concern(*key, Some(before), None, delivered, false));
                }
                if let Some(first) = self.first.take() {
                    // Nobody waits any more where it took too long.
                    let _ = first.send(());
                }
                triggered
            }
        }
    }

    /// Triggers those whom the object concerns, or did before.
    fn concern(
        &self,
        other: Key,
        before: Option<&Known<K>>,
        now: Option<&Known<K>>,
        delivered: u64,
        may_be_echo: bool,
    ) -> Vec<ReconcileRequest<K>> {
        let Some(latest) = now.or(before) else { return vec![] };
        let mut concerns: Vec<_> = [now, before]
            .into_iter()
            .flatten()
            .flat_map(|known| &known.concerns)
            .filter_map(|reference| self.common.resolve(reference))
            .collect();
        concerns.sort_by_key(|(key, _)| *key);
        concerns.dedup_by_key(|(key, _)| *key);
        let reason = (self.reason)(latest.source.clone());
        let kind = K::kind(&self.common.dyntype);
        let triggered = concerns.into_iter().filter(|(key, reference)| {
            let held = Held {
                what: engine::memory::Event::Other {
                    key: other,
                    reason: reason.clone(),
                },
                version: latest.version,
                delivered,
            };
            let id = named(reference, &kind);
            self.common.engine.related(id, *key, held, may_be_echo)
        });
        triggered
            .map(|(_, reference)| request(reference, custom(&reason.to_string())))
            .collect()
    }
}

impl<K: Resource + 'static, T: Resource> Drop for Others<K, T>
where
    K::DynamicType: Eq + Hash,
{
    fn drop(&mut self) {
        self.common.engine.forget_others(self.known.keys());
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
