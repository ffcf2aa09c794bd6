//! What a controller does with a [`Requeuer`], step by step, for `testing`.

use super::{Requeuer, kube_core::Resource, object};
use crate::{
    ConfigError, Observe, Outcome, Requeue, Retry,
    engine::{
        Engine, Policy,
        clock::{Clock, Hand},
        dispatch::{Admission, Reconcile},
        event::Shown,
        memory::{Flags, Key},
        reason::Reason,
    },
};
use std::{error::Error, time::SystemTime};

impl Requeuer {
    /// Puts a policy to work by a clock that is set by hand.
    pub(crate) fn by_hand(policy: Policy, start: SystemTime, hand: Hand) -> Result<Self, ConfigError> {
        let engine = Engine::new(policy, Clock::by_hand(start, hand))?;
        Ok(Self { engine })
    }

    /// The watch shows an object; returns whether that triggers it.
    pub(crate) fn shown<K>(&self, object: &K, how: Shown) -> bool
    where
        K: Resource + Observe,
        K::DynamicType: Default,
    {
        let meta = object.meta();
        let overridden = self.engine.overridden(meta.annotations.as_ref());
        let sight = object::sight(meta, &object.observe(), overridden);
        self.engine
            .shown(object::id(object, &kind::<K>()), key(object), &sight, how)
    }

    /// The watch shows that an object is gone.
    pub(crate) fn gone<K>(&self, object: &K)
    where
        K: Resource,
        K::DynamicType: Default,
    {
        self.engine.gone(&kind::<K>(), key(object));
    }

    /// The application asks for an object; returns whether that triggers it.
    pub(crate) fn requested<K: Resource>(&self, object: &K, reason: Reason) -> bool {
        self.engine.requested(key(object), reason)
    }

    /// The runner dispatches a trigger.
    pub(crate) fn dispatch<K>(&self, object: &K) -> Result<Reconcile, Requeue>
    where
        K: Resource + Observe,
        K::DynamicType: Default,
    {
        let (meta, kind) = (object.meta(), kind::<K>());
        let annotations = meta.annotations.as_ref();
        let sight = object::sight(meta, &object.observe(), self.engine.overridden(annotations));
        match self
            .engine
            .admit(object::id(object, &kind), Some(key(object)), &sight, annotations, false)
        {
            Admission::Run(reconcile) => Ok(reconcile),
            Admission::Decline(requeue) => Err(requeue),
        }
    }

    /// Whether a reconcile of the object waits for the cache to contain its last write.
    pub(crate) fn waits_for_its_write<K: Resource>(&self, object: &K) -> bool {
        let state = self.engine.memory.get(key(object));
        state.is_some_and(|state| state.flags.has(Flags::WAITING))
    }

    /// The reconcile has written the object, as its client says.
    pub(crate) fn wrote<K: Resource>(&self, object: &K) {
        let key = key(object);
        self.engine.wrote_now(key, object::version(object.meta()));
    }

    /// The reconcile has succeeded.
    pub(crate) fn succeeded<K>(&self, object: &K, reconcile: Reconcile, outcome: Outcome) -> Requeue
    where
        K: Resource,
        K::DynamicType: Default,
    {
        self.engine
            .succeeded(object::id(object, &kind::<K>()), reconcile, outcome)
    }

    /// The reconcile has failed.
    pub(crate) fn failed<K>(
        &self,
        object: &K,
        reconcile: Reconcile,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue
    where
        K: Resource,
        K::DynamicType: Default,
    {
        self.engine
            .failed(object::id(object, &kind::<K>()), reconcile, retry, error)
    }
}

fn key<K: Resource>(object: &K) -> Key {
    object::key(object.meta()).unwrap_or_default()
}

fn kind<K: Resource>() -> String
where
    K::DynamicType: Default,
{
    K::kind(&K::DynamicType::default()).into_owned()
}

/// Whether two states of an object differ in what triggers a reconcile, the phase aside.
pub(crate) fn differ<K: Resource + Observe>(before: &K, after: &K) -> bool {
    let content = |object: &K| object::sight(object.meta(), &object.observe(), (false, None)).content;
    !content(after).changes(&content(before)).is_empty()
}
