//! What a controller does with a [`Requeuer`], step by step, for `testing`.

use super::kube_core::Resource;
use super::{Outcome, Requeuer, Retry, object};
use crate::{
    ConfigError, Observe, Requeue, RequeuePolicy,
    adapter::clock::{Clock, Hand},
};
use std::{error::Error, time::SystemTime};

impl<P: RequeuePolicy> Requeuer<P> {
    /// Puts a policy to work by a clock that is set by hand.
    pub(crate) fn by_hand(policy: P, start: SystemTime, hand: Hand) -> Result<Self, ConfigError> {
        Self::with_clock(policy, Clock::by_hand(start, hand))
    }

    /// What the reconciler does first: `None` is a run, otherwise the answer to give in its place.
    pub(crate) fn trigger<K: Resource + Observe>(&self, object: &K) -> Option<Requeue> {
        self.shared.admit(object, object::slot(object), &self.overrides)
    }

    /// What the reconciler does at the end of a run that succeeded.
    pub(crate) fn succeeded<K: Resource + Observe>(&self, object: &K, outcome: Outcome) -> Requeue {
        self.shared.conclude(
            object,
            object::slot(object),
            outcome.end(object.phase()),
            None,
            &self.overrides,
        )
    }

    /// What the error policy does.
    pub(crate) fn failed<K: Resource + Observe>(
        &self,
        object: &K,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        self.shared.fail(object, retry, error)
    }
}

/// Whether two states of an object differ in what wakes the controller at once, the phase aside.
pub(crate) fn differ<K: Resource + Observe + Clone>(before: &K, after: &K) -> bool {
    let print = |object: &K| {
        // One that was never stored has none, and without it everything counts.
        let mut object = object.clone();
        object.meta_mut().generation.get_or_insert(1);
        object::sight(&object).print
    };
    print(before) != print(after)
}
