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

mod log;
mod news;
mod object;
mod reconcile;
mod related;

major!(kube);

pub use crate::{
    classify::{AlwaysBackoff, Classify},
    outage::Outage,
    outcome::{Outcome, Retry},
};
pub use reconcile::Reconcile;

use self::kube_core::Resource;
use self::kube_runtime::controller::Action;
use crate::{
    ConfigError, Observe, Phase, Requeue, RequeuePolicy, Slot,
    clock::Clock,
    config,
    memory::{Memory, Record},
    trigger::{self, End, Verdict},
};
use news::News;
use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A policy at work in a controller: what goes around its reconciler, its error policy and its mappers.
///
/// One for each `Controller`; clones share the policy and the memory. The memory is bounded: 60 to 80 bytes per
/// object, and an object that has not come back for the policy's longest interval (at least a minute) after it was due
/// is forgotten. What is forgotten costs one extra run. Nothing here panics unless the application's own functions do.
pub struct Requeuer<P, C = AlwaysBackoff> {
    shared: Arc<Shared<P>>,
    classify: Arc<C>,
}

struct Shared<P> {
    policy: P,
    clock: Clock,
    memory: Memory,
    news: News,
}

impl<P: RequeuePolicy> Requeuer<P> {
    /// Puts a policy to work, from now on by tokio's clock.
    ///
    /// # Errors
    ///
    /// What [`Interval::validate`](crate::Interval::validate) and [`RateLimit::validate`](crate::RateLimit::validate)
    /// refuse, for each phase's interval and the rate limit, named as in a config file: `error.factor`.
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
        let intervals = Phase::ALL.map(|phase| policy.interval(phase).longest());
        let spans = intervals
            .into_iter()
            .chain(policy.rate_limit().map(|limit| 2 * limit.within));
        let grace = spans.fold(Duration::from_secs(60), Duration::max).as_micros() as u64;
        Ok(Self {
            shared: Arc::new(Shared {
                policy,
                clock,
                memory: Memory::new(grace),
                news: News::new(grace),
            }),
            classify: Arc::new(AlwaysBackoff),
        })
    }
}

impl<P, C> Requeuer<P, C> {
    /// Sets what to do after an error; without it every error backs off by the error interval.
    ///
    #[doc = major!(example)]
    /// use requeue_policy::{RequeueConfig, kube::{Requeuer, Retry}};
    /// use std::time::Duration;
    ///
    /// enum Error {
    ///     Throttled { retry_after: Duration },
    ///     InvalidSpec,
    ///     Other,
    /// }
    ///
    /// let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &Error| match error {
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
            classify: Arc::new(classify),
        }
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
    /// It returns `Result<impl Into<`[`Outcome`]`>, E>`: the [`Phase`] that it found or brought about, a [`Requeue`]
    /// of its own, or `()`.
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
        let shared = self.shared.clone();
        move |object, context| {
            if let Some(postponed) = shared.admit(&*object) {
                return Reconcile::answered(Ok(action(postponed)));
            }
            let run = reconcile(object.clone(), context);
            let shared = shared.clone();
            Reconcile::running(async move {
                let outcome = run.await?.into();
                Ok(action(shared.conclude(&*object, outcome.end(object.phase()), None)))
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
        move |object, error, _| action(shared.conclude(&*object, classify.classify(error).end(), Some(error)))
    }
}

impl<P: RequeuePolicy, C> Requeuer<P, C> {
    /// Returns the outage that a failure of this object, now, belongs to: how long it has lasted, and whether this is
    /// the last attempt.
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
        let since = trigger::since(&record, object::status(object), Phase::Failed, &shared.clock, now);
        Outage::new(since, slot.unwrap_or_default(), &shared.policy, shared.clock.wall(now))
    }
}

impl<P> Shared<P> {
    /// Returns what is remembered of an object.
    fn recall(&self, slot: Option<Slot>) -> Option<Record> {
        slot.and_then(|slot| self.memory.get(slot.bits()))
    }
}

impl<P: RequeuePolicy> Shared<P> {
    /// Decides on a trigger: `None` is a run, otherwise the answer to give in its place.
    fn admit<K: Resource + Observe>(&self, object: &K) -> Option<Requeue> {
        // Only what the API server has stored has a uid; anything else cannot be told apart and runs.
        let slot = object::slot(object)?;
        let sight = object::sight(object);
        let limit = self.policy.rate_limit();
        let now = self.clock.now();
        let news = self.news.take(object);
        let verdict = self.memory.update(slot.bits(), now, |record| {
            trigger::admit(record, &sight, news, limit, now)
        });
        log::trigger(object, verdict, limit);
        match verdict {
            Verdict::Run => None,
            Verdict::Postpone(requeue) => Some(requeue),
            Verdict::Hold { after, .. } => Some(Requeue::After(after)),
        }
    }

    /// Decides when the next run is due, now that one has ended.
    fn conclude<K: Resource + Observe>(&self, object: &K, end: End, error: Option<&(dyn Error + 'static)>) -> Requeue {
        let slot = object::slot(object);
        let status = object::status(object);
        let now = self.clock.now();
        let known = self.recall(slot);
        let record = known.unwrap_or_default();
        let place = slot.unwrap_or_default();
        // The application's policy and its `Observe` must not run under a lock.
        let conclusion = trigger::decide(&record, status, end, place, &self.policy, &self.clock, now);
        match (slot, known) {
            // One that ages out meanwhile stays forgotten, which costs a run.
            (Some(slot), Some(_)) => self.memory.modify(slot.bits(), now, |record| {
                trigger::conclude(record, &conclusion, now);
            }),
            // Aged out during a long run.
            (Some(slot), None) => {
                let sight = object::sight(object);
                self.memory.update(slot.bits(), now, |record| {
                    trigger::conclude_anew(record, &sight, &conclusion, now);
                });
            }
            (None, _) => {}
        }
        log::end(object, end.phase, &conclusion, error, &self.policy);
        conclusion.requeue
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
            .field("policy", &self.shared.policy)
            .field("tracked", &self.tracked())
            .finish_non_exhaustive()
    }
}

impl<P, C> Clone for Requeuer<P, C> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            classify: self.classify.clone(),
        }
    }
}
