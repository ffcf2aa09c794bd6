//! The controller.

use super::{
    Requeuer, action, errors,
    first_lists::FirstLists,
    gate,
    kube_client::Api,
    kube_core::{ObjectMeta, Resource},
    kube_runtime::{
        applier,
        controller::{Action, Config, Error, ReconcileRequest},
        reflector::{self, ObjectRef, Store},
        utils::CancelableJoinHandle,
        watcher,
    },
    object,
    reconcile::Reconcile,
    related::{Changed, Related, owners},
    watches::{Common, Observer, Own, flat, lasting},
};
use crate::{
    Observed, Outcome, Retry,
    engine::{
        dispatch::Admission,
        reason::{Reason, Reasons},
    },
};
use futures::{
    FutureExt as _, Stream, StreamExt as _,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use serde::de::DeserializeOwned;
use std::{fmt, hash::Hash, sync::Arc};
use tokio::runtime::Handle;
use tracing::{Instrument as _, info};

/// Watches objects and reconciles them: kube's `Controller` with the triggers of this crate.
///
/// Its methods mean what those of `kube::runtime::Controller` mean, and its stream yields the same items. What differs:
///
/// - a trigger has a reason, and one that calls for no reconcile is not dispatched;
/// - a watch that fails logs it once, backs off by itself and stops no other; its errors are not in the stream;
/// - the reconciler returns an [`Outcome`], and the delay follows from it.
///
/// Returned by [`Requeuer::controller`]. Nothing happens before the stream that [`run`](Self::run) returns is polled.
#[must_use = "a controller does nothing unless it is run"]
pub struct Controller<K: Resource + 'static>
where
    K::DynamicType: Eq + Hash,
{
    common: Common<K>,
    observe: Observer<K>,
    triggers: stream::SelectAll<BoxStream<'static, ReconcileRequest<K>>>,
    /// The first lists of the watches beside the controller's own.
    first_lists: FirstLists,
    graceful: Vec<BoxFuture<'static, ()>>,
    forceful: Vec<BoxFuture<'static, ()>>,
    config: Config,
}

impl<K> Controller<K>
where
    K: Clone + Resource + DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + fmt::Debug + Unpin,
{
    pub(super) fn watching(
        requeuer: &Requeuer,
        api: Api<K>,
        config: watcher::Config,
        dyntype: K::DynamicType,
        observe: Observer<K>,
    ) -> Self {
        let writer = reflector::store::Writer::new(dyntype.clone());
        let store = writer.as_reader();
        let events = reflector::reflector(writer, watcher::watcher(api, config));
        Self::following(requeuer, store, events, dyntype, observe)
    }

    pub(super) fn following(
        requeuer: &Requeuer,
        store: Store<K>,
        events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
        dyntype: K::DynamicType,
        observe: Observer<K>,
    ) -> Self {
        let common = Common {
            engine: requeuer.engine.clone(),
            store,
            dyntype,
        };
        let kind = K::kind(&common.dyntype).into_owned();
        let mut own = Own::new(common.clone(), observe.clone());
        let first_lists = FirstLists::default();
        let others = first_lists.clone();
        let events = lasting(events, kind.clone()).then(move |event| {
            let was_first = own.is_first();
            let requests = own.handle(event);
            let others = (was_first && !own.is_first()).then(|| others.clone());
            async move {
                // What they show belongs to the first reconciles, and would trigger a second one each.
                if let Some(others) = others {
                    others.wait().await;
                }
                requests
            }
        });
        let waker = common.clone();
        let wakes = common.engine.listen(&kind).map(move |wake| waker.wake(wake));
        Self {
            common,
            observe,
            triggers: stream::SelectAll::from_iter([flat(events), flat(wakes)]),
            first_lists,
            // Never empty, so that one can be selected.
            graceful: vec![future::pending().boxed()],
            forceful: vec![future::pending().boxed()],
            config: Config::default(),
        }
    }

    /// Sets concurrency and debounce, as kube's controller has them.
    ///
    /// Debounce delays every dispatch, timers included: an object is due that much later, and one that is triggered again
    /// and again within it is not reconciled at all. This crate makes it superfluous.
    pub fn with_config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Returns the store of the controller's objects.
    pub fn store(&self) -> Store<K> {
        self.common.store.clone()
    }

    /// Watches the metadata of a kind of children, and reconciles an owner when a child of it changes or is gone.
    pub fn owns<Child>(self, api: Api<Child>, config: watcher::Config) -> Self
    where
        Child: Clone + Resource<DynamicType = ()> + DeserializeOwned + fmt::Debug + Send + 'static,
    {
        self.owns_with(api, (), config)
    }

    /// Does what [`owns`](Self::owns) does, for children whose type is known at run time only.
    pub fn owns_with<Child>(self, api: Api<Child>, dyntype: Child::DynamicType, config: watcher::Config) -> Self
    where
        Child: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Child::DynamicType: Eq + Hash + Clone + fmt::Debug,
    {
        self.owning(api, dyntype, config, None)
    }

    /// Does what [`owns_with`](Self::owns_with) does, and a change of a child triggers its owners only where `changed` says
    /// so of its metadata before and after, without `managedFields`.
    ///
    /// [`spec_or_metadata_changed`](super::spec_or_metadata_changed) ignores a change of the status alone: a Deployment that
    /// rolls out. A child that is new, gone or has other owners always triggers.
    pub fn owns_when<Child>(
        self,
        api: Api<Child>,
        dyntype: Child::DynamicType,
        config: watcher::Config,
        changed: impl Fn(&ObjectMeta, &ObjectMeta) -> bool + Send + 'static,
    ) -> Self
    where
        Child: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Child::DynamicType: Eq + Hash + Clone + fmt::Debug,
    {
        self.owning(api, dyntype, config, Some(Box::new(changed)))
    }

    fn owning<Child>(
        mut self,
        api: Api<Child>,
        dyntype: Child::DynamicType,
        config: watcher::Config,
        changed: Option<Changed>,
    ) -> Self
    where
        Child: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Child::DynamicType: Eq + Hash + Clone + fmt::Debug,
    {
        let kind = Child::kind(&dyntype).into_owned();
        let owner = self.common.dyntype.clone();
        // Later majors call it deprecated, for something that earlier ones do not have.
        #[allow(deprecated)]
        let events = super::kube_runtime::metadata_watcher(api, config);
        let events = lasting(events, kind);
        let mut children = Related::new(
            self.common.clone(),
            dyntype,
            Reason::Child,
            self.first_lists.one_more(),
            move |child: super::PartialObjectMeta<Child>| owners(&child.metadata, &owner),
            changed,
        );
        self.triggers
            .push(flat(events.map(move |event| children.handle(event))));
        self
    }

    /// Watches another kind of objects, and reconciles what `mapper` maps one to when that changes or is gone.
    pub fn watches<Other, I>(
        self,
        api: Api<Other>,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Other::DynamicType: Default + Eq + Hash + Clone + fmt::Debug,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watches_with(api, Other::DynamicType::default(), config, mapper)
    }

    /// Does what [`watches`](Self::watches) does, for objects whose type is known at run time only.
    pub fn watches_with<Other, I>(
        self,
        api: Api<Other>,
        dyntype: Other::DynamicType,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Other::DynamicType: Eq + Hash + Clone + fmt::Debug,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watching_others(api, dyntype, config, mapper, None)
    }

    /// Does what [`watches_with`](Self::watches_with) does, and a change triggers only where `changed` says so of the
    /// metadata before and after, as with [`owns_when`](Self::owns_when).
    ///
    /// An object that is new, gone or mapped to something else always triggers.
    pub fn watches_when<Other, I>(
        self,
        api: Api<Other>,
        dyntype: Other::DynamicType,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
        changed: impl Fn(&ObjectMeta, &ObjectMeta) -> bool + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Other::DynamicType: Eq + Hash + Clone + fmt::Debug,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watching_others(api, dyntype, config, mapper, Some(Box::new(changed)))
    }

    fn watching_others<Other, I>(
        mut self,
        api: Api<Other>,
        dyntype: Other::DynamicType,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
        changed: Option<Changed>,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + fmt::Debug + Send + 'static,
        Other::DynamicType: Eq + Hash + Clone + fmt::Debug,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        let events = lasting(watcher::watcher(api, config), Other::kind(&dyntype).into_owned());
        let map = move |other| mapper(other).into_iter().collect();
        let first = self.first_lists.one_more();
        let mut others = Related::new(self.common.clone(), dyntype, Reason::Related, first, map, changed);
        self.triggers.push(flat(events.map(move |event| others.handle(event))));
        self
    }

    /// Reconciles an object when the stream names it: a webhook, a queue.
    ///
    /// A reference by name means whatever object has that name then. One to an object that does not exist is dropped: the
    /// object is reconciled when it does exist.
    pub fn reconcile_on(mut self, references: impl Stream<Item = ObjectRef<K>> + Send + 'static) -> Self {
        let common = self.common.clone();
        let requests = references.map(move |reference| common.request(&reference).into_iter().collect());
        self.triggers.push(flat(requests));
        self
    }

    /// Reconciles all objects when the stream yields, also those that were given up.
    ///
    /// They take their places in the policy's [`max_rate`](crate::RequeuePolicy::max_rate), as timers do.
    pub fn reconcile_all_on(mut self, triggers: impl Stream<Item = ()> + Send + 'static) -> Self {
        let common = self.common.clone();
        self.triggers.push(flat(triggers.map(move |()| common.request_all())));
        self
    }

    /// Shuts down gracefully when the future resolves: no reconcile starts any more, and the stream ends when those that run
    /// have ended. May be called more than once; the first counts.
    ///
    /// It also ends a controller whose first list has not ended, as without its CRD.
    pub fn graceful_shutdown_on(mut self, trigger: impl Future<Output = ()> + Send + Sync + 'static) -> Self {
        self.graceful.push(trigger.boxed());
        self
    }

    /// Shuts down gracefully on Ctrl+C or SIGTERM, and at once on a second one.
    ///
    /// As with kube's controller, the process's default handlers of these signals stay off, and a reconcile that is cut off
    /// ends at its next await.
    pub fn shutdown_on_signal(mut self) -> Self {
        let (sender, receiver) = futures::channel::oneshot::channel();
        self.graceful.push(receiver.map(|_| ()).boxed());
        self.forceful.push(
            async {
                signal().await;
                info!(target: "requeue_policy", "shutting down: waiting for the reconciles that run; a second signal cuts them off");
                // Nobody may wait for it any more.
                let _ = sender.send(());
                signal().await;
                info!(target: "requeue_policy", "shutting down at once");
            }
            .boxed(),
        );
        self
    }

    /// Runs the controller: every error backs off by the policy's error interval.
    ///
    /// `reconcile` returns `Result<impl Into<Outcome>, E>`: the [`Phase`](crate::Phase) that it found or brought about, one
    /// with a delay of its own, or `()`. It is called, and its future spawned, as kube's controller does.
    ///
    /// # Panics
    ///
    /// When `reconcile` panics, and when it is polled outside of a tokio runtime.
    pub fn run<F, Fut, O, E, Ctx>(
        self,
        reconcile: F,
        context: Arc<Ctx>,
    ) -> impl Stream<Item = Result<(ObjectRef<K>, Action), Error<E, watcher::Error>>> + use<K, F, Fut, O, E, Ctx>
    where
        F: FnMut(Arc<K>, Arc<Ctx>) -> Fut,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<Outcome>,
        E: std::error::Error + Send + 'static,
    {
        self.run_with(reconcile, |_: &E, _: &K| Retry::Backoff, context)
    }

    /// Does what [`run`](Self::run) does, with errors told apart: `classify` says what to do after one.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and when `classify` panics.
    pub fn run_with<F, Fut, O, E, C, Ctx>(
        self,
        mut reconcile: F,
        classify: C,
        context: Arc<Ctx>,
    ) -> impl Stream<Item = Result<(ObjectRef<K>, Action), Error<E, watcher::Error>>> + use<K, F, Fut, O, E, C, Ctx>
    where
        F: FnMut(Arc<K>, Arc<Ctx>) -> Fut,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<Outcome>,
        E: std::error::Error + Send + 'static,
        C: Fn(&E, &K) -> Retry,
    {
        let (engine, observe) = (self.common.engine.clone(), self.observe.clone());
        let kind: Arc<str> = K::kind(&self.common.dyntype).into();
        let gate = move |object: Arc<K>, context: Arc<Ctx>| {
            let run = match gate::admit(&engine, &kind, &*object, &observe(&object), false) {
                Admission::Decline(requeue) => return Reconcile::answered(action(requeue)),
                Admission::Run(run) => run,
            };
            let span =
                tracing::debug_span!(target: "requeue_policy", "reconcile", reasons = %Reasons::from(run.reasons()));
            let future = span.in_scope(|| run.enter(|| reconcile(object.clone(), context)));
            let (engine, kind) = (engine.clone(), kind.clone());
            let task = async move { gate::conclude(&engine, &kind, &*object, run, future.instrument(span)).await };
            Reconcile::spawned(CancelableJoinHandle::spawn(task.in_current_span(), &Handle::current()))
        };
        let (engine, observe) = (self.common.engine.clone(), self.observe);
        let kind = K::kind(&self.common.dyntype).into_owned();
        let error_policy = move |object: Arc<K>, error: &E, _: Arc<Ctx>| {
            let (id, key) = (object::id(&*object, &kind), object::key(object.meta()));
            if let Some(what) = errors::denied(error) {
                engine.denied(id, key, what);
            }
            let retry = classify(error, &object);
            action(engine.error_policy(id, key, &observe(&object), retry, error, false))
        };
        let graceful = future::select_all(self.graceful).map(|_| ()).boxed().shared();
        let triggers = self.triggers.map(Ok::<_, watcher::Error>).take_until(graceful.clone());
        // Before its first list has ended the runner waits for the store and for nothing else.
        let store = self.common.store.clone();
        let has_not_begun = async move {
            graceful.await;
            if store.wait_until_ready().now_or_never().is_some() {
                future::pending::<()>().await;
            }
        };
        applier(gate, error_policy, context, self.common.store, triggers, self.config)
            .take_until(future::select_all(self.forceful).map(|_| ()).boxed())
            .take_until(has_not_begun.boxed())
    }
}

async fn signal() {
    let interrupt = tokio::signal::ctrl_c().map(drop);
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = future::pending();
    future::select(Box::pin(interrupt), Box::pin(terminate)).await;
}

impl<K: Resource + 'static> fmt::Debug for Controller<K>
where
    K::DynamicType: Eq + Hash,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller")
            .field("kind", &K::kind(&self.common.dyntype))
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// For [`Requeuer`]: what observes an object.
pub(super) fn observer<K>(observe: impl Fn(&K) -> Observed + Send + Sync + 'static) -> Observer<K> {
    Arc::new(observe)
}
