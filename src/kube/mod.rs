#![doc = major!(title)]
//!
//! A [`Requeuer`] is a policy at work. It makes a [`Controller`], which watches objects and decides whether a trigger needs a
//! reconcile now and when the next one is due, and a client, by which it knows what the controller itself writes.
//!
//! # Examples
//!
#![doc = major!(example no_run)]
//! use futures::StreamExt;
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::{Api, Client, CustomResource, runtime::watcher};
#![doc = major!(module "use requeue_policy::{Observe, Observed, Phase, RequeueConfig, " "::Requeuer};")]
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use std::{future::ready, sync::Arc};
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
//!     fn observe(&self) -> Observed {
//!         match &self.status {
//!             Some(status) if status.ready => Observed::new(Phase::Ready),
//!             _ => Observed::new(Phase::Initializing),
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
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let ctx = Arc::new(requeue.client(client.clone()));
//! requeue
//!     .controller(Api::<App>::all(client.clone()), watcher::Config::default())
//!     .owns(Api::<ConfigMap>::all(client), watcher::Config::default())
//!     .run(reconcile, ctx)
//!     .for_each(|_| ready(()))
//!     .await;
//! # Ok(())
//! # }
//! ```

pub(crate) mod client;
mod controller;
mod errors;
mod finalizer;
mod first_lists;
mod gate;
mod object;
mod parts;
mod reconcile;
mod related;
#[cfg(feature = "testing")]
mod steps;
#[cfg(feature = "testing")]
#[path = "../testing/mod.rs"]
pub mod testing;
mod watches;

major!(kube);

pub use crate::engine::{
    conclusion::Transition,
    decision::Decision,
    outage::Outage,
    overrides::Overrides,
    reason::{Changes, Reason, Source},
    scope::{in_reconcile, reasons},
};
pub use controller::Controller;
pub use finalizer::{Cleanup, finalizer};
pub use reconcile::Reconcile;
pub use related::spec_or_metadata_changed;

use self::{
    kube_client::{Api, Client},
    kube_core::{PartialObjectMeta, Resource},
    kube_runtime::{
        controller::Action,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use crate::{
    ConfigError, Observe, Observed, Requeue, RequeueConfig, RequeuePolicy,
    engine::{Engine, clock::Clock, wakes::Id},
};
use controller::observer;
use futures::Stream;
use serde::de::DeserializeOwned;
use std::{
    fmt,
    hash::Hash,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A policy at work: it makes the controller and the client of its reconciler.
///
/// One for each controller; clones share the policy and the memory, so a context can hold one. What is remembered of an
/// object is forgotten when the object is deleted. Nothing here panics unless the application's own functions do.
#[derive(Clone)]
pub struct Requeuer {
    engine: Arc<Engine>,
}

impl Requeuer {
    /// Puts a policy to work.
    ///
    /// # Errors
    ///
    /// What [`Interval::validate`](crate::Interval::validate), [`RateLimit::validate`](crate::RateLimit::validate) and
    /// [`MaxRate::validate`](crate::MaxRate::validate) refuse, for each phase's interval and both limits, named as in a
    /// config file: `error.factor`.
    pub fn new(policy: impl RequeuePolicy + Send + Sync + 'static) -> Result<Self, ConfigError> {
        let engine = Engine::new(Arc::new(policy), Clock::start())?;
        Ok(Self { engine })
    }

    /// Lets an operator override the policy for one object by annotation, for all clones; without it nothing can be
    /// overridden.
    ///
    #[doc = major!(example)]
    #[doc = major!(module "use requeue_policy::{RequeueConfig, " "::{Overrides, Requeuer}};")]
    ///
    /// let overrides = Overrides::new().interval("example.com/poll-interval").paused("example.com/paused");
    /// let requeue = Requeuer::new(RequeueConfig::default())?.overrides(overrides);
    /// # assert_eq!(requeue.tracked(), 0);
    /// # Ok::<(), requeue_policy::ConfigError>(())
    /// ```
    #[must_use]
    pub fn overrides(self, overrides: Overrides) -> Self {
        self.engine.set_overrides(overrides);
        self
    }

    /// Tells the application of each decision at the end of a reconcile, for its own metrics and log; for all clones, and
    /// in place of the function before.
    ///
    /// It is called in the task that ends the reconcile, so it MUST be quick.
    ///
    #[doc = major!(example)]
    #[doc = major!(module "use requeue_policy::{RequeueConfig, " "::{Requeuer, Transition}};")]
    ///
    /// let requeue = Requeuer::new(RequeueConfig::default())?.on_decision(|decision| {
    ///     if let Transition::GaveUp(since) = decision.transition {
    ///         eprintln!("{} {} was given up, it has failed since {since:?}", decision.kind, decision.name);
    ///     }
    /// });
    /// # assert_eq!(requeue.tracked(), 0);
    /// # Ok::<(), requeue_policy::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_decision(self, tell: impl Fn(&Decision<'_>) + Send + Sync + 'static) -> Self {
        self.engine.set_hook(Box::new(tell));
        self
    }

    /// Returns the client that the reconciler is to use: by it the controller knows its own writes.
    ///
    /// A write that a reconcile makes through it belongs to the object that is reconciled. When the watch delivers it, it
    /// triggers nothing for that object, be it the object's own status or a child; for every other object it is a change.
    /// No reconcile of an object starts before the cache contains what the controller itself last wrote to it, or before
    /// five seconds have passed.
    ///
    /// A write outside of a reconcile counts as someone else's, as do one in a task that the reconciler spawns without
    /// [`in_reconcile`] and one whose answer is lost. Requests and answers pass unchanged. Only answers to writes of what the
    /// controller watches are read, and of those the uid and the resource version.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, as `Client::new` does.
    #[must_use]
    pub fn client(&self, client: Client) -> Client {
        client::observed(client)
    }

    /// Returns a controller of objects that implement [`Observe`].
    pub fn controller<K>(&self, api: Api<K>, config: watcher::Config) -> Controller<K>
    where
        K: Clone + Resource + DeserializeOwned + fmt::Debug + Send + Sync + 'static + Observe,
        K::DynamicType: Default + Eq + Hash + Clone + fmt::Debug + Unpin,
    {
        self.controller_with(api, config, K::DynamicType::default(), K::observe)
    }

    /// Returns a controller of any objects, also of a type from another crate or one that is known at run time only.
    pub fn controller_with<K>(
        &self,
        api: Api<K>,
        config: watcher::Config,
        dyntype: K::DynamicType,
        observe: impl Fn(&K) -> Observed + Send + Sync + 'static,
    ) -> Controller<K>
    where
        K: Clone + Resource + DeserializeOwned + fmt::Debug + Send + Sync + 'static,
        K::DynamicType: Eq + Hash + Clone + fmt::Debug + Unpin,
    {
        Controller::watching(self, api, config, dyntype, observer(observe))
    }

    /// Returns a controller on a store and a stream of your own: pruned objects, say.
    ///
    /// `events` MUST come out of the reflector that writes `store`, errors included, and all of them.
    pub fn controller_from<K>(
        &self,
        store: Store<K>,
        events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
        observe: impl Fn(&K) -> Observed + Send + Sync + 'static,
    ) -> Controller<K>
    where
        K: Clone + Resource + DeserializeOwned + fmt::Debug + Send + Sync + 'static,
        K::DynamicType: Default + Eq + Hash + Clone + fmt::Debug + Unpin,
    {
        Controller::following(self, store, events, K::DynamicType::default(), observer(observe))
    }

    /// Asks for a reconcile of an object, for triggers that no watch sees: a webhook, a message.
    ///
    /// The [`Controller`] of this `Requeuer` reconciles it at once. In a `kube::runtime::Controller` of your own it must be
    /// triggered, too, after this call: the request is kept until a reconcile starts.
    pub fn nudge<K: Resource>(&self, object: &ObjectRef<K>) {
        let kind = K::kind(&object.dyntype);
        let id = Id {
            kind: &kind,
            namespace: object.namespace.as_deref(),
            name: &object.name,
        };
        self.engine.nudge(id, object.extra.uid.as_deref());
    }

    /// Returns the policy that is in force.
    #[must_use]
    pub fn policy(&self) -> Arc<dyn RequeuePolicy + Send + Sync> {
        self.engine.policy()
    }

    /// Replaces the policy, for all clones and for the controller that runs, at once and whole. One INFO line says so, or one
    /// WARN line that it is refused.
    ///
    /// Intervals count from each object's next reconcile on; what is due by the old policy stays due. Another rate limit
    /// counts from now on. To reconcile all objects at once, trigger them: [`Controller::reconcile_all_on`].
    ///
    /// # Errors
    ///
    /// As [`new`](Requeuer::new); the old policy stays in force then.
    pub fn set_policy(&self, policy: impl RequeuePolicy + Send + Sync + 'static) -> Result<(), ConfigError> {
        self.engine.replace(Arc::new(policy))
    }

    /// Returns the outage that a failure of this object, now, belongs to: how long it has lasted, and whether this is the
    /// last attempt, if the error backs off.
    ///
    /// For a reconciler that wants to say so in its status, or to clean up, before it returns the error. It holds a clone of
    /// the `Requeuer`, say in its context. For an error that is told apart, ask [`Outage::after`].
    ///
    #[doc = major!(example)]
    #[doc = major!(module "# use requeue_policy::{Observe, RequeueConfig, " "::Requeuer};")]
    /// struct Context {
    ///     requeue: Requeuer,
    /// }
    ///
    /// fn message<K: kube::Resource + Observe>(app: &K, error: &str, context: &Context) -> String {
    ///     let outage = context.requeue.outage(app);
    ///     match outage.is_last {
    ///         true => format!("{error}; gave up after {} retries, edit the spec to try again", outage.attempts),
    ///         false => error.to_owned(),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn outage<K: Resource + Observe>(&self, object: &K) -> Outage {
        self.outage_with(object, &object.observe())
    }

    /// Does what [`outage`](Self::outage) does, for an object of a type that does not implement [`Observe`].
    #[must_use]
    pub fn outage_with<K: Resource>(&self, object: &K, observed: &Observed) -> Outage {
        self.engine.outage(object::key(object.meta()), observed)
    }

    /// Returns how many of the [tracked](Self::tracked) objects are failing and are retried: those that are paused, too, and
    /// none that was given up.
    #[must_use]
    pub fn failing(&self) -> usize {
        self.engine.memory.failing()
    }

    /// Returns how long an object that is due now has to wait for the policy's [`max_rate`](RequeuePolicy::max_rate); zero
    /// where the rate suffices.
    #[must_use]
    pub fn max_rate_wait(&self) -> Duration {
        self.engine.max_rate_wait()
    }

    /// Returns how many objects are remembered: those that exist.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.engine.memory.len()
    }

    /// Returns the time by which this decides: the wall clock, or under a paused tokio runtime the wall clock when the process
    /// started and what has passed since by tokio's clock.
    ///
    /// For tests in virtual time, where a reconciler that writes a `lastTransitionTime` needs the same clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.engine.clock.wall(self.engine.clock.now()).time
    }
}

/// For a config that is known to be allowed: a constant, or one that was deserialized.
///
#[doc = major!(example)]
#[doc = major!(module "use requeue_policy::{RequeueConfig, " "::Requeuer};")]
/// use std::time::Duration;
///
/// let requeue = Requeuer::from(RequeueConfig::default().with_default(Duration::from_secs(600)));
/// # assert_eq!(requeue.tracked(), 0);
/// ```
///
/// A config that [`validate`](RequeueConfig::validate) refuses is a mistake in the code: one ERROR line names the field,
/// and the defaults apply. A test that calls `validate` finds it before that. Use [`Requeuer::new`] where the values come
/// from elsewhere.
impl From<RequeueConfig> for Requeuer {
    fn from(config: RequeueConfig) -> Self {
        let engine = Engine::by_config(config, Clock::start());
        Self { engine }
    }
}

fn action(requeue: Requeue) -> Action {
    match requeue {
        Requeue::After(delay) => Action::requeue(delay),
        Requeue::AwaitChange => Action::await_change(),
    }
}

impl fmt::Debug for Requeuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requeuer")
            .field("tracked", &self.tracked())
            .finish_non_exhaustive()
    }
}
