//! What follows from an error, and what a reconciler may know of that before it returns it.

use super::kube_core::Resource;
use super::{Classify, Outage, Overrides, Requeuer, Retry, Shared, object};
use crate::{Observe, Requeue, RequeuePolicy};
use std::error::Error;

impl<P: RequeuePolicy, C> Requeuer<P, C> {
    /// Does what [`outage`](Self::outage) does, for the error with which the run is about to fail: `is_last` is as
    /// [`on_error`](Self::on_error) classifies it.
    ///
    /// [`Retry::Never`] is the last attempt whatever the deadline says, [`Retry::After`] and [`Retry::NoFailure`] never
    /// are, and with [`Retry::Backoff`] the policy decides.
    ///
    /// It asks the classifier of this `Requeuer`: to a clone that was made before `on_error`, every error backs off. So
    /// the classifier is a function, whose type a context can name.
    ///
    #[doc = major!(example)]
    /// # use requeue_policy::{Observe, RequeueConfig, kube::{Requeuer, Retry}};
    /// # #[derive(Debug, thiserror::Error)]
    /// # #[error("oops")]
    /// enum Error {
    ///     Kube(#[from] kube::Error),
    ///     InvalidSpec,
    /// }
    ///
    /// struct Context {
    ///     requeue: Requeuer<RequeueConfig, fn(&Error) -> Retry>,
    /// }
    ///
    /// fn classify(error: &Error) -> Retry {
    ///     match error {
    ///         Error::Kube(error) => error.into(),
    ///         Error::InvalidSpec => Retry::Never,
    ///     }
    /// }
    ///
    /// fn message<K: kube::Resource + Observe>(app: &K, error: &Error, ctx: &Context) -> String {
    ///     match ctx.requeue.outage_of(app, error).is_last {
    ///         true => format!("{error}; given up, change the spec to try again"),
    ///         false => error.to_string(),
    ///     }
    /// }
    ///
    /// let requeue = Requeuer::new(RequeueConfig::default())?.on_error(classify as fn(&Error) -> Retry);
    /// let ctx = Context { requeue: requeue.clone() };
    /// # assert_eq!(ctx.requeue.tracked(), 0);
    /// # Ok::<(), requeue_policy::ConfigError>(())
    /// ```
    #[must_use]
    pub fn outage_of<K: Resource + Observe, E>(&self, object: &K, error: &E) -> Outage
    where
        C: Classify<E>,
    {
        self.outage(object).after(self.classify.classify(error))
    }
}

impl<P: RequeuePolicy> Shared<P> {
    /// Decides when the next run is due, now that one has failed.
    pub(super) fn fail<K: Resource + Observe>(
        &self,
        object: &K,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        let slot = object::slot(object);
        // Only what is no failure leaves the phase as it was.
        let remembered = match retry {
            Retry::NoFailure(_) => self.recall(slot).and_then(|record| record.phases.reported()),
            _ => None,
        };
        let end = retry.end(remembered.unwrap_or_else(|| object.phase()));
        // Annotations override the interval of objects that are settled.
        self.conclude(object, slot, end, Some(error), &Overrides::new())
    }
}
