#![doc = major!(title)]
//!
//! A [`Requeuer`] goes around the reconciler, is the error policy, and maps related objects. Together they decide
//! whether a trigger needs a run now and when the next run is due; nothing else of the controller changes.
//!
//! # Examples
//!
#![doc = major!(example no_run)]
//! use futures::StreamExt;
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::{Api, Client, CustomResource, runtime::{Controller, controller, watcher}};
//! use requeue_policy::{Observe, Phase, RequeueConfig, kube::Requeuer};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use std::sync::Arc;
//! use tracing::warn;
//!
//! #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
//! #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
//! struct AppSpec {}
//!
//! #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
//! struct AppStatus {
//!     ready: bool,
//! }
//!
//! impl Observe for App {
//!     fn phase(&self) -> Phase {
//!         match &self.status {
//!             Some(status) if status.ready => Phase::Ready,
//!             _ => Phase::Initializing,
//!         }
//!     }
//! }
//!
//! async fn reconcile(app: Arc<App>, client: Arc<Client>) -> Result<Phase, kube::Error> {
//!     // ... create what is missing, patch the status ...
//!     Ok(Phase::Ready)
//! }
//!
//! # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! let apps = Api::<App>::all(client.clone());
//! let children = Api::<ConfigMap>::all(client.clone());
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! Controller::new(apps, watcher::Config::default())
//!     .watches(children, watcher::Config::default(), requeue.owned())
//!     .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(client))
//!     .for_each(async |result| if let Err(controller::Error::QueueError(error)) = result { warn!(%error, "watch failed") })
//!     .await;
//! # Ok(())
//! # }
//! ```

mod decisions;
mod errors;
mod log;
mod news;
mod object;
mod outage;
mod reconcile;
mod related;
#[cfg(feature = "testing")]
mod steps;
#[cfg(feature = "testing")]
#[path = "../testing/mod.rs"]
pub mod testing;

major!(kube);

pub use crate::adapter::{
    classify::{AlwaysBackoff, Classify},
    outage::Outage,
    outcome::{Outcome, Retry},
    overrides::Overrides,
};
pub use reconcile::Reconcile;

use self::kube_core::Resource;
use self::kube_runtime::controller::Action;
use crate::{
    ConfigError, Observe, Requeue, RequeuePolicy,
    adapter::{clock::Clock, trigger},
    config,
};
use decisions::Shared;
use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A policy at work in a controller: what goes around its reconciler, its error policy and its mappers.
///
/// One for each `Controller`; clones share the policy and the memory. The memory is bounded: 140 bytes per
/// object at most, and an object that has not come back for the policy's longest interval (at least a minute) after it was due
/// is forgotten. What is forgotten costs one extra run. Nothing here panics unless the application's own functions do.
pub struct Requeuer<P, C = AlwaysBackoff> {
    shared: Arc<Shared<P>>,
    overrides: Arc<Overrides>,
    classify: Arc<C>,
}

impl<P: RequeuePolicy> Requeuer<P> {
    /// Puts a policy to work, from now on by tokio's clock.
    ///
    /// # Errors
    ///
    /// What [`Interval::validate`](crate::Interval::validate), [`RateLimit::validate`](crate::RateLimit::validate) and
    /// [`MaxRate::validate`](crate::MaxRate::validate) refuse, for each phase's interval and both limits, named as in a
    /// config file: `error.factor`.
    pub fn new(policy: P) -> Result<Self, ConfigError> {
        Self::with_clock(policy, Clock::start())
    }

    /// Puts a policy to work in a world of its own, where it is `now` at this moment; time goes on with tokio's clock.
    ///
    /// For tests in virtual time that make the same in every run: jitter depends on the time of day.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn new_at(policy: P, now: SystemTime) -> Result<Self, ConfigError> {
        Self::with_clock(policy, Clock::start_at(now))
    }

    fn with_clock(policy: P, clock: Clock) -> Result<Self, ConfigError> {
        config::validate(&policy)?;
        Ok(Self {
            shared: Arc::new(Shared::new(policy, clock)),
            overrides: Arc::default(),
            classify: Arc::new(AlwaysBackoff),
        })
    }
}

impl<P, C> Requeuer<P, C> {
    /// Sets what to do after an error; without it every error backs off by the error interval.
    ///
    /// The closure takes the error that the reconciler returns: with kube's helper `finalizer` that is
    /// `finalizer::Error<E>`, [told apart once more](crate::guide::embedding#an-ok-from-a-clean-up-removes-the-finalizer).
    ///
    /// kube's own errors [say so themselves](crate::guide::semantics#an-error-of-kube-says-itself-how-to-retry).
    ///
    #[doc = major!(example)]
    /// use requeue_policy::{RequeueConfig, kube::{Requeuer, Retry}};
    /// use std::time::Duration;
    ///
    /// enum Error {
    ///     Kube(kube::Error),
    ///     Throttled { retry_after: Duration },
    ///     InvalidSpec,
    ///     Other,
    /// }
    ///
    /// let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &Error| match error {
    ///     Error::Kube(error) => error.into(),
    ///     Error::Throttled { retry_after } => Retry::After(*retry_after),
    ///     Error::InvalidSpec => Retry::Never,
    ///     Error::Other => Retry::Backoff,
    /// });
    /// # assert_eq!(requeue.tracked(), 0);
    /// # Ok::<(), requeue_policy::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_error<E, F: Fn(&E) -> Retry>(self, classify: F) -> Requeuer<P, F> {
        Requeuer {
            shared: self.shared,
            overrides: self.overrides,
            classify: Arc::new(classify),
        }
    }

    /// Lets an operator override the policy for one object by annotation; without it nothing can be overridden.
    ///
    /// The keys are this `Requeuer`'s and of the clones that are made of it, not of those made before.
    ///
    #[doc = major!(example)]
    /// use requeue_policy::{RequeueConfig, kube::{Overrides, Requeuer}};
    ///
    /// let overrides = Overrides::new().interval("example.com/poll-interval").paused("example.com/paused");
    /// let requeue = Requeuer::new(RequeueConfig::default())?.overrides(overrides);
    /// # assert_eq!(requeue.tracked(), 0);
    /// # Ok::<(), requeue_policy::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overrides(self, overrides: Overrides) -> Self {
        Self {
            overrides: Arc::new(overrides),
            ..self
        }
    }

    /// Returns the policy that is in force.
    #[must_use]
    pub fn policy(&self) -> Arc<P> {
        self.shared.policy()
    }

    /// Replaces the policy, for all clones and for the controller that runs, at once and whole: no decision sees a
    /// part of it. One INFO line says so, or one WARN line that it is refused.
    ///
    /// It counts from each object's next trigger or end of a run on; what is due by the old policy stays due. To try all
    /// objects at once, trigger them: `Controller::reconcile_all_on`.
    ///
    /// # Errors
    ///
    /// As [`new`](Requeuer::new); the old policy stays in force then.
    pub fn set_policy(&self, policy: P) -> Result<(), ConfigError>
    where
        P: RequeuePolicy,
    {
        if let Err(refused) = config::validate(&policy) {
            log::policy_refused(&refused);
            return Err(refused);
        }
        self.shared.replace(policy);
        Ok(())
    }

    /// Returns how many of the [tracked](Self::tracked) objects are failing and are tried again: those that are paused,
    /// too, and none that was given up.
    #[must_use]
    pub fn failing(&self) -> usize {
        self.shared.memory.failing()
    }

    /// Returns how long a timer that fires now has to wait for its place in the policy's
    /// [`max_rate`](RequeuePolicy::max_rate): zero where the fleet is carried.
    #[must_use]
    pub fn max_rate_wait(&self) -> Duration
    where
        P: RequeuePolicy,
    {
        let shared = &self.shared;
        let wait = |rate| Duration::from_micros(shared.places.wait(rate, shared.clock.now()));
        shared.policy().max_rate().map_or(Duration::ZERO, wait)
    }

    /// Returns how many objects are remembered: those that exist, and those that left within the longest interval.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.shared.memory.len()
    }

    /// Returns the time by which this decides: tokio's clock on top of the wall clock that the process started with.
    ///
    /// For tests in virtual time, where a reconciler that writes a `lastTransitionTime` needs the same clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.shared.clock.wall(self.shared.clock.now())
    }

    /// Returns a predicate for `WatchStreamExt::predicate_filter`, for controllers built with `Controller::for_stream`.
    ///
    /// It drops the changes that call for no run before they become triggers. Use it together with
    /// [`reconciler`](Self::reconciler), of the same `Requeuer`.
    pub fn predicate<K>(&self) -> impl Fn(&K) -> Option<u64> + Send + Sync + 'static + use<P, C, K>
    where
        P: Send + Sync + 'static,
        K: Resource + Observe,
    {
        let shared = self.shared.clone();
        move |object: &K| {
            let (slot, sight) = (object::slot(object)?, object::sight(object));
            let now = shared.clock.now();
            shared
                .memory
                .modify(slot.bits(), now, |record| trigger::filtered(record, &sight));
            Some(object::hash((sight.print?, sight.phase)))
        }
    }

    /// Wraps the application's reconciler into what `Controller::run` takes; it is called only when the object needs a
    /// run.
    ///
    /// It returns `Result<impl Into<`[`Outcome`]`>, E>`: the [`Phase`](crate::Phase) that it found or brought about, a
    /// [`Requeue`] of its own, or `()`.
    ///
    /// A trigger needs a run when the object is due, was not seen before, has news, or has another generation, other
    /// labels, annotations, finalizers or owner references, a deletion mark, another phase or fingerprint than the
    /// last run saw; and when nothing of it changed, so that a timer or another object is the cause. Otherwise only
    /// its status was written, and the trigger is answered with "requeue when due". An object that has used up its
    /// [rate limit](RequeuePolicy::rate_limit) is postponed to its next place, unless it is due.
    pub fn reconciler<K, Ctx, F, Fut, O, E>(
        &self,
        reconcile: F,
    ) -> impl Fn(Arc<K>, Arc<Ctx>) -> Reconcile<E> + use<P, C, K, Ctx, F, Fut, O, E>
    where
        P: RequeuePolicy + Send + Sync + 'static,
        K: Resource + Observe + Send + Sync + 'static,
        F: Fn(Arc<K>, Arc<Ctx>) -> Fut,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<Outcome>,
        E: Send + 'static,
    {
        let (shared, overrides) = (self.shared.clone(), self.overrides.clone());
        move |object, context| {
            let slot = object::slot(&*object);
            if let Some(postponed) = shared.admit(&*object, slot, &overrides) {
                return Reconcile::answered(Ok(action(postponed)));
            }
            let run = reconcile(object.clone(), context);
            let (shared, overrides) = (shared.clone(), overrides.clone());
            Reconcile::running(async move {
                let outcome = run.await?.into();
                let end = outcome.end(object.phase());
                Ok(action(shared.conclude(&*object, slot, end, None, &overrides)))
            })
        }
    }

    /// Returns the error policy that `Controller::run` takes, the other half of [`reconciler`](Self::reconciler).
    ///
    /// The first error starts the failing clock, a success stops it; where the object itself is failed and says since
    /// when, the older of the two counts. A failure of a run that an event started inside the backoff keeps the time
    /// at which the next attempt was due.
    pub fn error_policy<K, E, Ctx>(&self) -> impl Fn(Arc<K>, &E, Arc<Ctx>) -> Action + use<P, C, K, E, Ctx>
    where
        P: RequeuePolicy,
        C: Classify<E>,
        K: Resource + Observe,
        E: Error + 'static,
    {
        let (shared, classify) = (self.shared.clone(), self.classify.clone());
        move |object, error, _| action(shared.fail(&*object, classify.classify(error), error))
    }
}

fn action(requeue: Requeue) -> Action {
    match requeue {
        Requeue::After(delay) => Action::requeue(delay),
        Requeue::AwaitChange => Action::await_change(),
    }
}

impl<P: fmt::Debug, C> fmt::Debug for Requeuer<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requeuer")
            .field("policy", &self.policy())
            .field("tracked", &self.tracked())
            .finish_non_exhaustive()
    }
}

impl<P, C> Clone for Requeuer<P, C> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            overrides: self.overrides.clone(),
            classify: self.classify.clone(),
        }
    }
}
