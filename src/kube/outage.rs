//! What a reconciler may know of an outage before it returns the error.

use super::kube_core::Resource;
use super::{Classify, Outage, Requeuer, object};
use crate::{Observe, Phase, RequeuePolicy, adapter::conclusion};

impl<P: RequeuePolicy, C> Requeuer<P, C> {
    /// Returns the outage that a failure of this object, now, belongs to: how long it has lasted, and whether this is
    /// the last attempt, if the error backs off. [`outage_of`](Self::outage_of) asks the classifier of the error, too.
    ///
    /// For a reconciler that wants to say so in its status, or to clean up, before it returns the error. It holds a clone
    /// of the `Requeuer`, say in its context; clones share the memory, also those made before [`on_error`](Self::on_error).
    ///
    #[doc = major!(example)]
    /// # use requeue_policy::{Observe, RequeueConfig, kube::Requeuer};
    /// struct Context {
    ///     requeue: Requeuer<RequeueConfig>,
    /// }
    ///
    /// fn message<K: kube::Resource + Observe>(app: &K, error: &str, context: &Context) -> String {
    ///     let outage = context.requeue.outage(app);
    ///     match outage.is_last {
    ///         true => format!("{error}; given up after {} retries, edit the spec to try again", outage.attempts),
    ///         false => error.to_owned(),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn outage<K: Resource + Observe>(&self, object: &K) -> Outage {
        let shared = &self.shared;
        let now = shared.clock.now();
        let slot = object::slot(object);
        let record = shared.recall(slot).unwrap_or_default();
        let since = conclusion::since(&record, object::status(object), Phase::Failed, &shared.clock, now);
        Outage::new(
            since,
            slot.unwrap_or_default(),
            &*shared.policy(),
            shared.clock.wall(now),
        )
    }

    /// Does what [`outage`](Self::outage) does, for the error with which the run is about to fail: `is_last` is as
    /// [`on_error`](Self::on_error) classifies it.
    ///
    /// `Retry::Never` is the last attempt whatever the deadline says, `Retry::After` and `Retry::NoFailure` never are, and
    /// with `Retry::Backoff` the policy decides.
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
