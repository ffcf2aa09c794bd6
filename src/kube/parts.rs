//! The parts for a `kube::runtime::Controller` of one's own.

use super::{
    Requeuer, action, errors, gate,
    kube_core::Resource,
    kube_runtime::{
        controller::Action,
        reflector::{Lookup, ObjectRef},
    },
    object,
    reconcile::Reconcile,
    related::owners,
};
use crate::{Observe, Outcome, Retry, engine::dispatch::Admission};
use std::{error::Error, sync::Arc};

/// The parts for a `kube::runtime::Controller` of your own.
///
/// kube does not say what a trigger is for, and merges triggers. So the parts compare the object with what the last
/// reconcile saw, and guess. Prefer [`controller`](Self::controller), which knows. What the guesses cost:
///
/// - a change of a child under plain `owns`, during a reconcile that writes status, waits until the object is due; use
///   [`owned`](Self::owned) with `watches` instead;
/// - where such a trigger may have been merged into the echo of a status write, an object that awaits a change is reconciled
///   after the policy's longest interval;
/// - an object that awaits a change and is not triggered for a day is forgotten, and any other one that does not come back
///   for the longest interval after it was due; what is forgotten is reconciled once more;
/// - a reconcile may start on a cache that does not contain the controller's own last write.
impl Requeuer {
    /// Wraps a reconciler into what `Controller::run` takes; it is called only when the object needs a reconcile.
    ///
    /// Use it with the [`error_policy`](Self::error_policy) of the same `Requeuer`, or it never learns that a reconcile
    /// failed; a WARN line says so.
    pub fn reconciler<K, Ctx, F, Fut, O, E>(
        &self,
        reconcile: F,
    ) -> impl Fn(Arc<K>, Arc<Ctx>) -> Reconcile<E> + use<K, Ctx, F, Fut, O, E>
    where
        K: Resource + Observe + Send + Sync + 'static,
        K::DynamicType: Default,
        F: Fn(Arc<K>, Arc<Ctx>) -> Fut,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<Outcome>,
        E: Send + 'static,
    {
        let engine = self.engine.clone();
        let kind: Arc<str> = K::kind(&K::DynamicType::default()).into();
        move |object, context| {
            let run = match gate::admit(&engine, &kind, &*object, &object.observe(), true) {
                Admission::Decline(requeue) => return Reconcile::answered(action(requeue)),
                Admission::Run(run) => run,
            };
            let future = run.enter(|| reconcile(object.clone(), context));
            let (engine, kind) = (engine.clone(), kind.clone());
            Reconcile::running(async move { gate::conclude(&engine, &kind, &*object, run, future).await })
        }
    }

    /// Returns the error policy that `Controller::run` takes; `classify` says what to do after an error.
    pub fn error_policy<K, E, Ctx, C>(&self, classify: C) -> impl Fn(Arc<K>, &E, Arc<Ctx>) -> Action + use<K, E, Ctx, C>
    where
        C: Fn(&E, &K) -> Retry,
        K: Resource + Observe,
        K::DynamicType: Default,
        E: Error + 'static,
    {
        let engine = self.engine.clone();
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        move |object, error, _| {
            let (id, key) = (object::id(&*object, &kind), object::key(object.meta()));
            if let Some(what) = errors::denied(error) {
                engine.denied(id, key, what);
            }
            action(engine.error_policy(id, key, &object.observe(), classify(error, &object), error, true))
        }
    }

    /// Returns a mapper for `Controller::watches` that triggers the owners of a child, in place of `Controller::owns`.
    ///
    /// It costs more than `owns`, which asks the API server for the metadata of the children only. From kube 3.1 on that is
    /// so here, too, where `children` is an `Api<PartialObjectMeta<Child>>`.
    pub fn owned<K, Child>(&self) -> impl Fn(Child) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<K, Child>
    where
        K: Resource + 'static,
        K::DynamicType: Default + Clone + Send + Sync,
        Child: Resource,
    {
        self.owned_with(K::DynamicType::default())
    }

    /// Does what [`owned`](Self::owned) does, for owners whose type is known at run time only.
    pub fn owned_with<K, Child>(
        &self,
        owner: K::DynamicType,
    ) -> impl Fn(Child) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<K, Child>
    where
        K: Resource + 'static,
        K::DynamicType: Clone + Send + Sync,
        Child: Resource,
    {
        self.related(move |child: Child| owners(child.meta(), &owner))
    }

    /// Wraps a mapper for `Controller::watches`, so that the objects to which it maps are reconciled at once.
    pub fn related<K, Other, I, M>(
        &self,
        mapper: M,
    ) -> impl Fn(Other) -> Vec<ObjectRef<K>> + Send + Sync + 'static + use<K, Other, I, M>
    where
        K: Lookup + 'static,
        M: Fn(Other) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = ObjectRef<K>>,
    {
        let engine = self.engine.clone();
        move |other| {
            let related: Vec<_> = mapper(other).into_iter().collect();
            for object in &related {
                engine.ask(object.extra.uid.as_deref(), object.namespace.as_deref(), &object.name);
            }
            related
        }
    }
}
