//! How to put the crate into a controller.
//!
//! # Dependencies
//!
//! ```toml
//! [dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime"] }
//! kube = { version = "5", features = ["runtime", "derive"] }
//! k8s-openapi = { version = "0.29", features = ["latest"] } # kube needs a Kubernetes version chosen
//! ```
//!
//! # 1. Say what the status says
//!
//! [`Observe`](crate::Observe) is the one thing to implement: the phase that the object's status tells. The order is
//! yours; the usual one is: not initialized yet, else failed, else ready.
//!
//! ```
//! use requeue_policy::{Observe, Phase};
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//!
//! struct ControlPlane {
//!     initialized: bool,
//!     failure_message: Option<String>,
//!     /// The `lastTransitionTime` of the condition that tells the phase.
//!     last_transition_time: Option<SystemTime>,
//! }
//!
//! impl Observe for ControlPlane {
//!     fn phase(&self) -> Phase {
//!         if !self.initialized {
//!             Phase::Initializing
//!         } else if self.failure_message.is_some() {
//!             Phase::Failed
//!         } else {
//!             Phase::Ready
//!         }
//!     }
//!
//!     // Optional: with it a backoff survives a restart.
//!     fn last_transition(&self) -> Option<SystemTime> {
//!         self.last_transition_time
//!     }
//! }
//!
//! let plane = ControlPlane {
//!     initialized: true,
//!     failure_message: Some("no quota".into()),
//!     last_transition_time: Some(UNIX_EPOCH + Duration::from_secs(1_767_225_600)),
//! };
//! assert_eq!(plane.phase(), Phase::Failed);
//! ```
//!
//! From a condition of `k8s-openapi` it is `Some(condition.last_transition_time.0.into())`. It has whole seconds. Set
//! it when the phase changes and keep it while the phase stays: a reconciler that renews it with every write takes the
//! backoff's past away at every restart.
//!
//! Is there something in the status that must wake the reconciler at once, though neither spec nor phase changed?
//! `Observe::fingerprint` returns a hash of it.
//!
//! # 2. Let the reconciler say how it went
//!
//! It returns `Result<impl Into<Outcome>, E>` in place of `Result<Action, E>`:
//!
//! | it returned | it returns | the next run |
//! |---|---|---|
//! | `Ok(Action::requeue(..))` by phase | `Ok(Phase::Ready)`, `Ok(Phase::Initializing)`, `Ok(Phase::Failed)` | by the interval of the phase |
//! | `Ok(Action::requeue(d))`, because something is due in `d` | `Ok((Phase::Ready, Requeue::After(d)))` | after `d` |
//! | `Ok(Action::await_change())` | `Ok(Requeue::AwaitChange)`, with or without a phase | when something changes |
//! | always the same action | `Ok(())` | by the interval of the phase that the object had when the run started |
//! | `Err(e)` | `Err(e)` | by the error interval, or as [`on_error`](crate::kube::Requeuer::on_error) says |
//!
//! `Phase` and `Requeue` are in the root of the crate, `Outcome`, `Retry` and `Requeuer` in [`kube`](crate::kube).
//!
//! A reconciler that writes a phase into the status returns that phase: then the write is no news when it comes back.
//! Without it (`Ok(())`, `Ok(Requeue::..)`) a phase that the run has changed starts one more run.
//!
//! # 3. Hand both to the controller
//!
//! ```diff
//! +let requeue = Requeuer::new(config.requeue)?;
//!  Controller::new(planes, watcher::Config::default())
//! -    .owns(secrets, watcher::Config::default())
//! -    .run(reconcile, error_policy, ctx)
//! +    .watches(secrets, watcher::Config::default(), requeue.owned())
//! +    .run(requeue.reconciler(reconcile), requeue.error_policy(), ctx)
//!      .for_each(|_| async {})
//!      .await;
//! ```
//!
//! One `Requeuer` for each `Controller`. `reconciler` and `error_policy` belong together: an error that goes to
//! another error policy is a run that never ends for the memory, and every trigger starts it again, up to the rate
//! limit.
//!
//! `requeue.owned()` maps a child to its owners as `owns` does, and also remembers that the child changed. It has a
//! price: `owns` reads the metadata of the children, `watches` the whole of them. For large or secret children, keep
//! `owns` and [its limit](super::semantics#known-limits), or read the metadata only with kube's feature
//! `unstable-runtime`: `.watches_stream(metadata_watcher(secrets, config).touched_objects(), requeue.owned())`. A
//! mapper of your own becomes `requeue.related(mapper)`. Before a trigger that no mapper sees, such as a webhook that
//! feeds `reconcile_on`, call `requeue.nudge(&object_ref)`.
//!
//! A controller built with `Controller::for_stream` may also filter its stream:
//! `.predicate_filter(requeue.predicate(), PredicateConfig::default())`.
//!
//! What to expect then: one run for each change from outside, one for each child that the run itself creates, changes
//! or repairs while you watch it, one for each change of its own metadata (a finalizer, an annotation), and one per
//! interval. A new object with a finalizer and one child makes three runs.
//!
//! # 4. Tell errors apart
//!
//! The closure's argument is the reconciler's own error type.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use requeue_policy::{RequeueConfig, kube::{Requeuer, Retry}};
//! use std::time::Duration;
//!
//! #[derive(Debug)]
//! enum Error {
//!     Throttled { retry_after: Duration },
//!     InvalidSpec(String),
//!     Cloud(String),
//! }
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &Error| match error {
//!     Error::Throttled { retry_after } => Retry::After(*retry_after),
//!     Error::InvalidSpec(_) => Retry::Never, // no retry cures it, an edit does
//!     Error::Cloud(_) => Retry::Backoff,
//! });
//! # assert_eq!(requeue.tracked(), 0);
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! # 5. With a finalizer
//!
//! `kube::runtime::finalizer` wants an `Action` from its closure. Give it one, and keep the outcome beside it:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use kube::{Api, Client, ResourceExt};
//! # use requeue_policy::{Observe, Phase};
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "Site", namespaced)]
//! # struct SiteSpec {}
//! # impl Observe for Site { fn phase(&self) -> Phase { Phase::Ready } }
//! # #[derive(Debug, thiserror::Error)]
//! # #[error("oops")]
//! # struct Error;
//! # async fn apply(_: Arc<Site>, _: &Client) -> Result<Phase, Error> { Ok(Phase::Ready) }
//! # async fn cleanup(_: Arc<Site>, _: &Client) -> Result<(), Error> { Ok(()) }
//! use kube::runtime::{controller::Action, finalizer::{self, Event, finalizer}};
//! use requeue_policy::{Requeue, kube::Outcome};
//! use std::sync::Arc;
//!
//! async fn reconcile(site: Arc<Site>, client: Arc<Client>) -> Result<Outcome, finalizer::Error<Error>> {
//!     let sites = Api::<Site>::namespaced((*client).clone(), &site.namespace().unwrap_or_default());
//!     // Stays so when the finalizer was only added or removed: that change starts the next run.
//!     let mut outcome = Outcome::from(Requeue::AwaitChange);
//!     let result = &mut outcome;
//!     finalizer(&sites, "example.com/site", site, async |event| {
//!         match event {
//!             Event::Apply(site) => *result = apply(site, &client).await?.into(),
//!             Event::Cleanup(site) => cleanup(site, &client).await?,
//!         }
//!         Ok(Action::await_change())
//!     })
//!     .await?;
//!     Ok(outcome)
//! }
//! # let requeue = requeue_policy::kube::Requeuer::new(requeue_policy::RequeueConfig::default()).unwrap();
//! # let _ = (requeue.reconciler(reconcile), requeue.error_policy::<Site, finalizer::Error<Error>, Client>());
//! ```
//!
//! # 6. Tune it in your config file
//!
//! [`RequeueConfig`](crate::RequeueConfig) is a serde struct for whatever format you read. What is left out has its
//! default, and what is wrong is refused with the field, its value and what is allowed:
//!
//! ```
//! use requeue_policy::RequeueConfig;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct OperatorConfig {
//!     #[serde(default)]
//!     requeue: RequeueConfig,
//! }
//!
//! let file = "
//! requeue:
//!   default: 30s                       # the short form of { initial: 30s }
//!   error: { initial: 10s, factor: 2, max: 5m, jitter: 0.2, deadline: 6h }
//!   initialization: { initial: 5s, factor: 1.5, max: 1m }
//!   rate_limit: { max: 10, within: 10s }   # null turns it off
//! ";
//! let config: OperatorConfig = serde_saphyr::from_str(file)?;
//! assert_eq!(config.requeue.error.factor(), 2.0);
//!
//! let error = serde_saphyr::from_str::<OperatorConfig>("requeue: { error: { initial: 10s, factor: 2 } }").err().unwrap();
//! assert!(error.to_string().contains("error.max: none is not allowed, it must be set where factor is above 1, and it is 2"));
//! # Ok::<(), serde_saphyr::Error>(())
//! ```
//!
//! A policy that is more than data implements [`RequeuePolicy`](crate::RequeuePolicy); every method has a default.
