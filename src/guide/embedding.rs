//! How to put the crate into a controller.
//!
//! # A controller from scratch
//!
//! The dependencies:
//!
//! ```toml
//! [dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime", "conditions"] }
//! kube = { version = "5", features = ["runtime", "derive"] }
//! k8s-openapi = { version = "0.29", features = ["latest", "schemars"] } # kube needs a Kubernetes version chosen
//! futures = "0.3"
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! serde_json = "1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! tracing-subscriber = { version = "0.3", features = ["env-filter"] }
//! ```
//!
//! For an older kube, from 1 on, take its feature and its module: `requeue_policy::kube_4` where the examples say
//! `requeue_policy::kube`, `requeue_policy::kube_4::conditions` and `requeue_policy::kube_4::testing` where they say
//! `requeue_policy::conditions` and `requeue_policy::testing`. The README has a table of them; here is kube 4:
//!
//! ```toml
//! [dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime-4"] }
//! kube = { version = "4", features = ["runtime", "derive"] }
//! k8s-openapi = { version = "0.28", features = ["latest", "schemars"] }
//! ```
//!
//! And the whole of an operator whose status is a list of conditions. The condition `Ready` says the object's phase, and the
//! [backoff survives a restart](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries):
//!
#![cfg_attr(all(feature = "kube-runtime", feature = "conditions"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "kube-runtime", feature = "conditions")), doc = "```ignore")]
//! use futures::StreamExt;
//! use k8s_openapi::{
//!     api::core::v1::ConfigMap,
//!     apimachinery::pkg::apis::meta::v1::{Condition, Time},
//!     jiff::Timestamp,
//! };
//! use kube::{
//!     Api, Client, CustomResource, ResourceExt,
//!     api::{Patch, PatchParams},
//!     runtime::watcher,
//! };
//! use requeue_policy::{Observe, Observed, Phase, RequeueConfig, conditions, kube::Requeuer};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//! use std::{future::ready, sync::Arc};
//! use tracing_subscriber::EnvFilter;
//!
//! #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
//! #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
//! struct AppSpec {
//!     greeting: String,
//! }
//!
//! #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
//! struct AppStatus {
//!     #[serde(default)]
//!     conditions: Vec<Condition>,
//! }
//!
//! impl App {
//!     fn conditions(&self) -> &[Condition] {
//!         self.status.as_ref().map_or(&[], |status| &status.conditions)
//!     }
//! }
//!
//! impl Observe for App {
//!     fn observe(&self) -> Observed {
//!         conditions::observed(self.conditions(), Phase::Initializing, |type_, status| match (type_, status) {
//!             ("Ready", "True") => Some(Phase::Ready),
//!             ("Ready", "False") => Some(Phase::Failed),
//!             _ => None,
//!         })
//!     }
//! }
//!
//! async fn reconcile(app: Arc<App>, client: Arc<Client>) -> Result<Phase, kube::Error> {
//!     let result = apply(&app, &client).await;
//!     let (status, reason, message) = match &result {
//!         Ok(()) => ("True", "Applied", String::new()),
//!         Err(error) => ("False", "ApplyFailed", error.to_string()),
//!     };
//!     let mut conditions = app.conditions().to_vec();
//!     conditions::set(&mut conditions, Condition {
//!         type_: "Ready".into(),
//!         status: status.into(),
//!         reason: reason.into(),
//!         message,
//!         last_transition_time: Time(Timestamp::now()), // kept as it was while the status stays
//!         observed_generation: app.metadata.generation,
//!     });
//!     let apps = Api::<App>::namespaced((*client).clone(), &app.namespace().unwrap_or_default());
//!     let patch = Patch::Merge(json!({ "status": { "conditions": conditions } }));
//!     let written = apps.patch_status(&app.name_any(), &PatchParams::default(), &patch).await;
//!     result.and(written)?;
//!     Ok(Phase::Ready)
//! }
//!
//! async fn apply(app: &App, client: &Client) -> Result<(), kube::Error> {
//!     let children = Api::<ConfigMap>::namespaced(client.clone(), &app.namespace().unwrap_or_default());
//!     let child = json!({
//!         "apiVersion": "v1",
//!         "kind": "ConfigMap",
//!         "metadata": { "name": app.name_any(), "ownerReferences": [kube::Resource::controller_owner_ref(app, &())] },
//!         "data": { "greeting": app.spec.greeting },
//!     });
//!     let params = PatchParams::apply("app-operator").force();
//!     children.patch(&app.name_any(), &params, &Patch::Apply(child)).await?;
//!     Ok(())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
//!     tracing_subscriber::fmt().with_env_filter(filter).init();
//!     let client = Client::try_default().await?;
//!     let requeue = Requeuer::new(RequeueConfig::default())?;
//!     let ctx = Arc::new(requeue.client(client.clone())); // the reconciler writes through this one
//!     requeue
//!         .controller(Api::<App>::all(client.clone()), watcher::Config::default())
//!         .owns(Api::<ConfigMap>::all(client), watcher::Config::default())
//!         .shutdown_on_signal()
//!         .run(reconcile, ctx)
//!         .for_each(|_| ready(())) // failures are logged already
//!         .await;
//!     Ok(())
//! }
//! ```
//!
//! It needs its CRD in the cluster (`serde_json::to_string(&App::crd())?`, piped to `kubectl apply -f -`), and a
//! role that may `list` and `watch` both kinds,
//! `patch` the status of one (`apps/status`), and `create` and `patch` the other. If one of these is missing,
//! [one line says so](super::at_3_am#nothing-happens-at-all). More than one replica needs leader election,
//! which is not this crate's business, and
//! [does no harm to a backoff](super::semantics#a-leader-change-keeps-the-backoff-too).
//!
//! # An existing controller, in a ten-line diff
//!
//! The reconciler returns how it went, not when it wants to be called. The error policy goes, and the reconciler's client
//! comes from the `Requeuer`:
//!
//! ```diff
//! +impl Observe for ControlPlane {
//! +    fn observe(&self) -> Observed {
//! +        Observed::new(self.status.as_ref().map_or(Phase::Initializing, |status| status.phase))
//! +    }
//! +}
//! +
//! -async fn reconcile(plane: Arc<ControlPlane>, ctx: Arc<Context>) -> Result<Action, Error> {
//! +async fn reconcile(plane: Arc<ControlPlane>, ctx: Arc<Context>) -> Result<Phase, Error> {
//!      ...
//! -    Ok(Action::requeue(Duration::from_secs(30)))
//! +    Ok(Phase::Ready)
//!  }
//!
//! -fn error_policy(_: Arc<ControlPlane>, error: &Error, _: Arc<Context>) -> Action {
//! -    error!(%error, "failed");
//! -    Action::requeue(Duration::from_secs(10))
//! -}
//! -
//! +let requeue = Requeuer::new(config.requeue)?;
//! -let ctx = Arc::new(Context { client });
//! -Controller::new(planes, watcher::Config::default())
//! +let ctx = Arc::new(Context { client: requeue.client(client) });
//! +requeue.controller(planes, watcher::Config::default())
//!      .owns(secrets, watcher::Config::default())
//! -    .run(reconcile, error_policy, ctx)
//! +    .run(reconcile, ctx)
//! ```
//!
//! The other methods have the names of kube's: [`watches`](crate::kube::Controller::watches),
//! [`reconcile_on`](crate::kube::Controller::reconcile_on), [`reconcile_all_on`](crate::kube::Controller::reconcile_all_on),
//! [`with_config`](crate::kube::Controller::with_config), [`store`](crate::kube::Controller::store),
//! [`graceful_shutdown_on`](crate::kube::Controller::graceful_shutdown_on),
//! [`shutdown_on_signal`](crate::kube::Controller::shutdown_on_signal).
//!
//! ### A graceful shutdown lets what runs end and starts nothing more
//!
//! After [`graceful_shutdown_on`](crate::kube::Controller::graceful_shutdown_on), or the first signal.
//!
//! ### A graceful shutdown ends a controller whose CRD is missing
//!
//! ### A `Requeuer` is a value to be shared
//!
//! Clones share the policy and the memory. Each controller needs one.
//!
//! # What the status says
//!
//! [`Observe`](crate::Observe) is the one thing to implement: the phase that the object's status shows. You choose the
//! order; [the usual one](super::semantics#initializing-comes-before-failed-failed-before-ready) is this:
//!
//! ```
//! use requeue_policy::{Observe, Observed, Phase};
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//!
//! struct ControlPlane {
//!     initialized: bool,
//!     failure_message: Option<String>,
//!     /// The `lastTransitionTime` of the condition that shows the phase.
//!     last_transition_time: Option<SystemTime>,
//!     /// Written by a provider.
//!     outputs: Vec<String>,
//! }
//!
//! impl Observe for ControlPlane {
//!     fn observe(&self) -> Observed {
//!         let phase = if !self.initialized {
//!             Phase::Initializing
//!         } else if self.failure_message.is_some() {
//!             Phase::Failed
//!         } else {
//!             Phase::Ready
//!         };
//!         Observed::new(phase)
//!             .since(self.last_transition_time) // optional: a backoff survives a restart
//!             .fingerprint(&self.outputs) // optional: a change of these is reconciled at once
//!     }
//! }
//!
//! let plane = ControlPlane {
//!     initialized: true,
//!     failure_message: Some("no quota".into()),
//!     last_transition_time: Some(UNIX_EPOCH + Duration::from_secs(1_767_225_600)),
//!     outputs: vec![],
//! };
//! assert_eq!(plane.observe().phase(), Phase::Failed);
//! ```
//!
//! ### A condition tells the phase and since when
//!
//! [`conditions::observed`](crate::conditions::observed), with the feature `conditions`, reads both from a list of conditions:
//! `metav1.Condition`, or a type of your own. Its arguments are the phase of an object whose conditions tell none, and what
//! each type and status tells. The times of `metav1.Condition` have whole seconds, so a growing delay is longer by up to
//! `factor − 1` seconds, and a deadline passes up to a second early.
//!
//! While another condition could have told a phase that takes precedence, the object was not in this one. So an object whose
//! `Ready` is false since it was created is failing since `Initialized` became true, and no longer.
//!
//! ### A condition of the operator's own type serves as well
//!
//! Implement [`conditions::Condition`](crate::conditions::Condition) for it. [`conditions::time`](crate::conditions::time)
//! reads a time that is a string. A condition that means trouble where it is true, and without which the object is healthy,
//! takes [`Phase::Ready`](crate::Phase::Ready) as the phase of an object whose conditions tell none.
//!
//! ### A phase that the reason tells has no time, or the right one
//!
//! `lastTransitionTime` changes with the status and not with the reason. An object that is `Ready=False` because it is being
//! created, and then because it fails, would be in outage since its creation, and given up too early. So return
//! [`Says::ByReason`](crate::conditions::Says::ByReason) for a phase that the reason tells: it has no time. The controller
//! remembers since when it has seen the phase, until it restarts. To keep the backoff over a restart, give each phase a status or a
//! condition of its own.
//!
//! ### A condition keeps its `lastTransitionTime` while its status stays
//!
//! [`conditions::set`](crate::conditions::set) does what `SetStatusCondition` of Kubernetes' apimachinery does. A
//! reconciler that renews the time with every write loses the backoff at every restart.
//!
//! ## A type of another crate, or one that is known at run time
//!
//! [`controller_with`](crate::kube::Requeuer::controller_with) takes a function in place of the trait:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use k8s_openapi::api::apps::v1::Deployment;
//! use kube::{Api, Client, core::{ApiResource, DynamicObject}, runtime::watcher};
//! use requeue_policy::{Observed, Phase, kube::{Controller, Requeuer}};
//!
//! fn rollout(deployment: &Deployment) -> Observed {
//!     let missing = deployment.status.as_ref().and_then(|status| status.unavailable_replicas);
//!     Observed::new(if missing.unwrap_or(0) > 0 { Phase::Initializing } else { Phase::Ready })
//! }
//!
//! fn deployments(requeue: &Requeuer, client: Client) -> Controller<Deployment> {
//!     requeue.controller_with(Api::all(client), watcher::Config::default(), (), rollout)
//! }
//!
//! fn of_any_kind(requeue: &Requeuer, client: Client, kind: ApiResource) -> Controller<DynamicObject> {
//!     let api = Api::all_with(client, &kind);
//!     let phase = |object: &DynamicObject| match object.data["status"]["ready"].as_bool() {
//!         Some(true) => Phase::Ready,
//!         _ => Phase::Initializing,
//!     };
//!     requeue.controller_with(api, watcher::Config::default(), kind, move |object| Observed::new(phase(object)))
//! }
//! # let _ = (deployments, of_any_kind);
//! ```
//!
//! [`controller_from`](crate::kube::Requeuer::controller_from) takes a store and the stream of its reflector, for objects
//! that are pruned before they are stored.
//!
//! # Status, written only when needed
//!
//! ### A status patch that changes nothing wakes nobody
//!
//! The API server answers it with the object as it is: no event, no new resource version. So leave out of the
//! status what differs in every reconcile: "last reconciled at", counters, durations, random orders. Keep
//! `lastTransitionTime` while the condition stays. You may also compare with the object in the cache and skip the write:
//! [the cache contains the controller's own last
//! write](super::semantics#a-reconcile-starts-on-a-cache-with-its-own-last-write).
//!
//! # What the reconciler returns
//!
//! `Result<impl Into<Outcome>, E>` in place of `Result<Action, E>`:
//!
//! | it returned | it returns | the next reconcile |
//! |---|---|---|
//! | `Ok(Action::requeue(..))` by phase | `Ok(Phase::Ready)`, `Ok(Phase::Initializing)`, `Ok(Phase::Failed)` | by [the interval of the phase](super::semantics#initializing-comes-before-failed-failed-before-ready) |
//! | `Ok(Action::requeue(d))`, because something is due in `d` | `Ok(Phase::Ready.after(d))` | [after `d`](super::semantics#a-success-may-ask-for-a-delay) |
//! | the same with jitter, to spread objects | `Ok(Phase::Ready.after(Interval::constant(d).with_jitter(0.2)))` | [earlier by the object's slot](super::semantics#an-explicit-delay-may-be-jittered) |
//! | the same, as an upper bound | `Ok(Phase::Ready.within(d))` | [after `d` at the latest](super::semantics#a-success-may-be-due-earlier-than-its-interval) |
//! | `Ok(Action::await_change())` | `Ok(Phase::Ready.await_change())` | when [something changes](super::semantics#a-success-may-await-a-change) |
//! | the earliest of several | `Ok(a.min(b))` of two [`Requeue`](crate::Requeue)s | [the earlier is the less](#the-earlier-of-two-answers-is-the-less) |
//! | always the same action | `Ok(())` | by [the phase that the status shows](super::semantics#a-unit-leaves-the-phase-to-the-status) |
//! | `Err(e)` | `Err(e)` | by [the error interval](super::semantics#the-first-err-starts-the-failing-clock), or as [`run_with`](crate::kube::Controller::run_with) says |
//!
//! `Phase`, `Requeue`, `Outcome` and `Retry` are in the root of the crate, `Requeuer` in [`kube`](crate::kube).
//!
//! ### The earlier of two answers is the less
//!
//! So the earliest of several delays is their `min`, and `AwaitChange` is later than any delay.
//!
//! ### An interval from the object's spec counts after a success and after a failure
//!
//! Flux and Crossplane have one. Return it as a delay, and let the classifier, which sees the object, return it after an
//! error. A jitter spreads the objects that have the same interval. Let the schema of your resource bound it: a delay shorter
//! than the `every` of the rate limit is slowed down to that.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use requeue_policy::kube::Controller;
//! # use std::{future::ready, io, sync::Arc};
//! use requeue_policy::{Interval, Outcome, Phase, Retry};
//! use std::time::Duration;
//!
//! # #[derive(Clone, Debug)]
//! struct Spec {
//!     interval: Duration,
//!     retry_interval: Option<Duration>,
//! }
//!
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec {}
//! # struct Context;
//! # async fn sync(_: &App, _: &Context) -> io::Result<()> { Ok(()) }
//! # fn spec(_: &App) -> Spec { Spec { interval: Duration::from_secs(600), retry_interval: None } }
//! async fn reconcile(app: Arc<App>, ctx: Arc<Context>) -> Result<Outcome, io::Error> {
//!     sync(&app, &ctx).await?;
//!     Ok(Phase::Ready.after(Interval::constant(spec(&app).interval).with_jitter(0.1)))
//! }
//!
//! fn classify(_: &io::Error, app: &App) -> Retry {
//!     match spec(app).retry_interval {
//!         Some(delay) => Retry::After(delay), // exactly; with jitter: Retry::As(Phase::Failed.after(..))
//!         None => Retry::Backoff,             // by the policy
//!     }
//! }
//! # async fn run(controller: Controller<App>, ctx: Arc<Context>) {
//! # controller.run_with(reconcile, classify, ctx).for_each(|_| ready(())).await;
//! # }
//! ```
//!
//! ### A new object with a finalizer and a child makes two reconciles
//!
//! One that adds the finalizer, [which is a change](super::semantics#an-own-finalizer-is-a-change), and one that creates the
//! child, which is an echo. After that: one for each change from outside, and one per interval.
//!
//! # What triggers the object
//!
//! `owns` watches the metadata of the children and triggers their owners; `watches` takes a mapper;
//! [`nudge`](crate::kube::Requeuer::nudge) and `reconcile_on` request one object, `reconcile_all_on` all. Nothing more is
//! needed: the controller remembers why each object is triggered. [`reasons`](crate::kube::reasons) returns the reasons of
//! the current reconcile, and [`in_reconcile`](crate::kube::in_reconcile) carries it into a task that it spawns:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use k8s_openapi::api::core::v1::ConfigMap as App;
//! # use requeue_policy::Phase;
//! # use std::sync::Arc;
//! # struct Context;
//! # async fn upload(_: Arc<App>, _: Arc<Context>) {}
//! use requeue_policy::kube::{Reason, in_reconcile, reasons};
//!
//! async fn reconcile(app: Arc<App>, ctx: Arc<Context>) -> Result<Phase, kube::Error> {
//!     if reasons().iter().any(|reason| matches!(reason, Reason::Child(_))) {
//!         // A child changed: which one is in the reason.
//!     }
//!     tokio::spawn(in_reconcile(upload(app, ctx))); // its writes count as this reconcile's
//!     Ok(Phase::Ready)
//! }
//! # let _ = reconcile;
//! ```
//!
//! # Events from elsewhere
//!
//! Each of these three is a scenario of the example `events`, which plays it on an API server in memory (`cargo run -p
//! events`).
//!
//! ## A Secret that many objects refer to
//!
//! ### Each object that refers to a Secret is reconciled once when it is rotated
//!
//! A mapper looks up in the controller's own store which objects refer to the Secret. The same serves a ConfigMap, or an
//! object of another kind that many share.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use kube::{Api, Client, runtime::controller};
//! # use requeue_policy::{Observe, Observed, Phase, RequeueConfig, kube::Requeuer};
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec { secret: String }
//! # impl Observe for App { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! # async fn reconcile(_: Arc<App>, _: Arc<()>) -> Result<Phase, kube::Error> { Ok(Phase::Ready) }
//! use k8s_openapi::api::core::v1::Secret;
//! use kube::{
//!     ResourceExt,
//!     core::PartialObjectMeta,
//!     runtime::{reflector::{ObjectRef, Store}, watcher},
//! };
//! use std::sync::Arc;
//!
//! fn referring(apps: Store<App>) -> impl Fn(PartialObjectMeta<Secret>) -> Vec<ObjectRef<App>> {
//!     move |secret| {
//!         let apps = apps.state();
//!         let refers = |app: &&Arc<App>| app.namespace() == secret.namespace() && app.spec.secret == secret.name_any();
//!         apps.iter().filter(refers).map(|app| ObjectRef::from_obj(&**app)).collect()
//!     }
//! }
//!
//! # async fn run(client: Client, ctx: Arc<()>) -> Result<(), Box<dyn std::error::Error>> {
//! # let apps = Api::<App>::all(client.clone());
//! let secrets = Api::<PartialObjectMeta<Secret>>::all(client); // only the metadata is read, from kube 3.1 on
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let controller = requeue.controller(apps, watcher::Config::default());
//! let store = controller.store();
//! controller
//!     .with_config(controller::Config::default().concurrency(4))
//!     .watches(secrets, watcher::Config::default(), referring(store))
//!     .run(reconcile, ctx)
//! #   .for_each(async |_| {})
//! #   .await;
//! # Ok(())
//! # }
//! ```
//!
//! One Secret may trigger a thousand objects. `concurrency` spreads them: so many are reconciled at a time, and the others
//! wait in kube-runtime's queue, each once.
//!
//! ## A webhook
//!
//! ### A webhook triggers a reconcile
//!
//! [`nudge`](crate::kube::Requeuer::nudge) is all that a handler does, and it returns before the reconcile starts. A call
//! that comes during a reconcile starts another one after it; several that come before it are one.
//!
//! ## A channel into `reconcile_on`
//!
//! ### A message during a reconcile that writes status triggers the next
//!
//! A reference in the stream of `reconcile_on` that comes in the middle of a reconcile starts another one when that has
//! ended, whatever the reconcile writes.
//!
//! # Errors, told apart
//!
//! ### Errors are told apart by the reconciler's own type
//!
//! [`run_with`](crate::kube::Controller::run_with) takes a classifier, which sees the error and the object. With `run` every
//! error backs off.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use k8s_openapi::api::core::v1::ConfigMap as App;
//! # use requeue_policy::{Phase, kube::Controller};
//! # use std::{future::ready, sync::Arc};
//! # struct Context;
//! # async fn reconcile(_: Arc<App>, _: Arc<Context>) -> Result<Phase, Error> { Ok(Phase::Ready) }
//! use requeue_policy::Retry;
//! use std::time::Duration;
//!
//! #[derive(Debug, thiserror::Error)]
//! enum Error {
//!     #[error("throttled")]
//!     Throttled { retry_after: Duration },
//!     #[error("the spec is not valid: {0}")]
//!     InvalidSpec(String),
//!     #[error(transparent)]
//!     Kube(#[from] kube::Error),
//! }
//!
//! fn classify(error: &Error, _: &App) -> Retry {
//!     match error {
//!         Error::Throttled { retry_after } => Retry::After(*retry_after),
//!         Error::InvalidSpec(_) => Retry::Never, // no retry cures it, an edit does
//!         Error::Kube(error) => error.into(),
//!     }
//! }
//!
//! # async fn run(controller: Controller<App>, ctx: Arc<Context>) {
//! controller.run_with(reconcile, classify, ctx)
//! #   .for_each(|_| ready(())).await;
//! # }
//! ```
//!
//! ### An error of kube is told apart in one line
//!
//! It [says itself how to retry](super::semantics#an-error-of-kube-says-itself-how-to-retry): `error.into()`, or
//! `|error: &kube::Error, _: &App| error.into()` as the whole classifier. A conflict is retried after one second and not
//! logged; `retryAfterSeconds` is honoured; every other error backs off.
//!
//! ### A class of kube's errors is overridden, and the rest stays
//!
//! Start from kube's answer. `Retry::After` in it is the time that the API server asks for, so override only `Backoff`, and
//! that time is kept:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use requeue_policy::Retry;
//!
//! fn classify<K>(error: &kube::Error, _: &K) -> Retry {
//!     match error.into() {
//!         Retry::Backoff if is_invalid(error) => Retry::Never, // an edit cures it
//!         retry => retry,
//!     }
//! }
//!
//! fn is_invalid(error: &kube::Error) -> bool {
//!     matches!(error, kube::Error::Api(status) if status.code == 422)
//! }
//! # let invalid = kube::core::Status::failure("no", "Invalid").with_code(422);
//! # assert_eq!(classify(&kube::Error::Api(Box::new(invalid)), &()), Retry::Never);
//! ```
//!
//! `status.code` and `status.reason` are there in every kube. `status.is_invalid()`, `is_forbidden()` and the like are there
//! from kube 3 on.
//!
//! A reconciler that wants to say in the status that it gives up asks [whether this is the last
//! attempt](super::semantics#an-errors-own-retry-decides-whether-it-is-the-last-attempt). Its context holds a clone of the
//! `Requeuer`:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use requeue_policy::{Observe, RequeueConfig, kube::Requeuer};
//! struct Context {
//!     requeue: Requeuer,
//! }
//!
//! fn message<K: kube::Resource + Observe>(app: &K, error: &kube::Error, ctx: &Context) -> String {
//!     match ctx.requeue.outage(app).after(error.into()).is_last {
//!         true => format!("{error}; given up, change the spec to try again"),
//!         false => error.to_string(),
//!     }
//! }
//!
//! # let requeue = Requeuer::new(RequeueConfig::default())?;
//! # let ctx = Context { requeue: requeue.clone() };
//! # assert_eq!((ctx.requeue.tracked(), requeue.tracked()), (0, 0));
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! # With a finalizer
//!
//! [`finalizer`](crate::kube::finalizer) adds it before the first `apply`, and removes it when the clean-up is done. It
//! takes the place of `kube::runtime::finalizer`, and the reconciler's errors stay what they are. The error type converts
//! from `kube::Error`, for a finalizer that cannot be written:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use kube::{Api, Client, ResourceExt};
//! # use requeue_policy::{Observe, Observed, Phase, Retry};
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "Site", namespaced)]
//! # struct SiteSpec {}
//! # impl Observe for Site { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! # async fn upload(_: &Site, _: &Client) -> Result<(), Error> { Ok(()) }
//! # async fn is_drained(_: &Site, _: &Client) -> Result<bool, Error> { Ok(true) }
//! use requeue_policy::{Outcome, kube::{Cleanup, finalizer}};
//! use std::{sync::Arc, time::Duration};
//!
//! #[derive(Debug, thiserror::Error)]
//! enum Error {
//!     #[error(transparent)]
//!     Kube(#[from] kube::Error),
//!     #[error("the spec is not valid")]
//!     InvalidSpec,
//! }
//!
//! async fn reconcile(site: Arc<Site>, client: Arc<Client>) -> Result<Outcome, Error> {
//!     let sites = Api::<Site>::namespaced((*client).clone(), &site.namespace().unwrap_or_default());
//!     let apply = |site| apply(site, client.clone());
//!     let cleanup = |site| cleanup(site, client.clone());
//!     finalizer(&sites, "example.com/site", site, apply, cleanup).await
//! }
//!
//! async fn apply(site: Arc<Site>, client: Arc<Client>) -> Result<Phase, Error> {
//!     upload(&site, &client).await?;
//!     Ok(Phase::Ready)
//! }
//!
//! async fn cleanup(site: Arc<Site>, client: Arc<Client>) -> Result<Cleanup, Error> {
//!     match is_drained(&site, &client).await? {
//!         true => Ok(Cleanup::Done),
//!         false => Ok(Cleanup::NotYet(Phase::Ready.after(Duration::from_secs(5)))),
//!     }
//! }
//!
//! /// For `run_with`.
//! fn classify(error: &Error, site: &Site) -> Retry {
//!     match error {
//!         // Its last finalizer went, and the object with it.
//!         Error::Kube(kube::Error::Api(status)) if status.code == 404 && site.metadata.deletion_timestamp.is_some() => {
//!             Retry::Later(Duration::from_secs(1))
//!         }
//!         Error::Kube(error) => error.into(),
//!         Error::InvalidSpec => Retry::Never,
//!     }
//! }
//! # fn run(controller: requeue_policy::kube::Controller<Site>, client: Arc<Client>) {
//! #     drop(controller.run_with(reconcile, classify, client));
//! # }
//! ```
//!
//! The controller's role may `patch` the object, and `get` it. It gets it only if another controller changes the finalizers
//! at the same time. kube's own helper works, too: [a finalizer that the controller writes is a
//! change](super::semantics#an-own-finalizer-is-a-change).
//!
//! ### A clean-up that is not done yet is called again and is no failure
//!
//! It returns [`Cleanup::NotYet`](crate::kube::Cleanup::NotYet) with any outcome. `().into()` is by the initialization
//! interval, counted from the deletion.
//!
//! ### A clean-up that fails backs off with its error and keeps the finalizer
//!
//! ### The finalizer of another controller stays its own
//!
//! The patch tests that the finalizer is where it was, and that the object is the same. If another controller has changed the
//! list, the patch is made again for the list as it is. The clean-up is not repeated.
//!
//! ### A 404 after the last finalizer went is no failure
//!
//! The object is gone when its last finalizer is, and a write after that meets a 404. Write the status in the clean-up, not
//! after the helper. Where that cannot be, classify a 404 of an object that is being deleted as
//! [`Retry::Later`](super::semantics#a-conflict-is-no-failure), as above: if the object is gone, nothing follows.
//!
//! # Tuned in your config file
//!
//! [`RequeueConfig`](crate::RequeueConfig) is a serde struct for whatever format you read (here YAML, by the crate
//! `serde-saphyr`). [What is left out has its
//! default](#what-is-left-out-has-its-default), and
//! [what is wrong is refused](#every-refusal-names-the-field-the-value-and-what-is-allowed):
//!
//! ```
//! use requeue_policy::{Phase, RequeueConfig, RequeuePolicy};
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
//!   rate_limit: { burst: 30, every: 1s }   # null turns it off
//! ";
//! let config: OperatorConfig = serde_saphyr::from_str(file)?;
//! assert_eq!(config.requeue.interval(Phase::Failed).factor(), 2.0);
//!
//! let error = serde_saphyr::from_str::<OperatorConfig>("requeue: { error: { initial: 10s, factor: 2 } }").err().unwrap();
//! assert!(error.to_string().contains("error.max: none is not allowed, it must be set where factor is above 1, and it is 2"));
//! # Ok::<(), serde_saphyr::Error>(())
//! ```
//!
//! `cargo run -p preview -- policy.yaml`, in this crate's repository, shows [what a policy will
//! do](super::choosing_intervals) before it meets a cluster. A policy that is more than data implements
//! [`RequeuePolicy`](crate::RequeuePolicy), [in a few
//! lines](super::coming_from#a-fast-and-then-a-slow-delay-is-a-policy-of-a-few-lines).
//!
//! ### What is left out has its default
//!
//! An empty file is the default policy. But an interval that is a map needs its `initial`, `rate_limit` both of its
//! fields, and `max_rate` its `per_second`. Where `factor` is 1, `max` has nothing to do, and where
//! `initial` is `never`, no other field has.
//!
//! ### What is left out has the application's defaults
//!
//! [`overlay`](crate::RequeueConfig::overlay) reads a file over a config: a field that is left out keeps what it was, and
//! `null` or `off` turns a limit off. Its example has the two lines that a field of your config needs.
//!
//! ### A policy is a text for a flag or the environment
//!
//! `default=never,error=10s..5m:jitter=0.2,rate_limit=10:every=5s,max_rate=50`: fields as in the file, with commas between,
//! and [an interval](crate::Interval#as-text) as `initial..max` and then `name=value` with colons between. A shell finds
//! nothing to expand in it. A file takes these texts, too, and so does whatever reads the environment by serde: `10s..5m` as
//! the value of one variable for one interval, say.
//!
//! ```
//! use requeue_policy::RequeueConfig;
//!
//! // An empty text is the default policy.
//! let text = std::env::var("REQUEUE_POLICY").unwrap_or_default();
//! let config: RequeueConfig = text.parse()?;
//! # assert_eq!(config, RequeueConfig::default());
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! With clap a flag is a field of the type `Option<RequeueConfig>` or `Option<Interval>`, and nothing else: the example
//! `preview` has both, and the variable (`cargo run -p preview -- --policy default=never --error 10s..5m`).
//!
//! ### A policy that is known to be allowed needs no check
//!
//! `Requeuer::from(config)` takes a `RequeueConfig` that is a constant or was deserialized, and cannot fail. If it is not
//! allowed after all, one ERROR line names the field, and the defaults apply.
//!
//! ### Every refusal names the field, the value and what is allowed
//!
//! And where in the file it is, as far as the format tells. A typo never becomes a silent default.
//!
//! # The policy in a custom resource
//!
//! With the feature `schemars` a [`RequeueConfig`](crate::RequeueConfig) is a field of a resource too, and the API
//! server checks it before your operator sees it. A controller has [one
//! `Requeuer`](#a-requeuer-is-a-value-to-be-shared), and one policy for all objects, so put it into the resource
//! that configures the operator, not into each object's spec. For an interval in the object's spec, return [a
//! delay](super::semantics#a-success-may-ask-for-a-delay).
//!
#![cfg_attr(all(feature = "kube-runtime", feature = "schemars"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "kube-runtime", feature = "schemars")), doc = "```ignore")]
//! use kube::{Api, Client, CustomResource};
//! use requeue_policy::{RequeueConfig, kube::Requeuer};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
//! #[kube(group = "example.com", version = "v1", kind = "OperatorConfig")]
//! struct OperatorConfigSpec {
//!     #[serde(default)]
//!     requeue: RequeueConfig,
//! }
//!
//! async fn requeuer(client: Client) -> Result<Requeuer, Box<dyn std::error::Error>> {
//!     let config = Api::<OperatorConfig>::all(client).get("operator").await?;
//!     Ok(Requeuer::new(config.spec.requeue)?)
//! }
//! ```
//!
//! And whoever runs the operator writes this. A change of it is taken over by a restart, [which keeps the
//! backoff](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries), or [while it
//! runs](#changed-while-it-runs):
//!
//! ```yaml
//! apiVersion: example.com/v1
//! kind: OperatorConfig
//! metadata: { name: operator }
//! spec:
//!   requeue:
//!     default: { initial: 1m }
//!     error: { initial: 10s, factor: 2, max: 5m, jitter: 0.2, deadline: 6h }
//! ```
//!
//! ### The schema fills in the defaults of the crate
//!
//! `kubectl get -o yaml` shows the whole policy, also where the spec has none of it. Objects keep what was filled in
//! when a later version of the crate has other defaults.
//!
//! ### In a custom resource an interval is a map and its durations are Go's
//!
//! `{ initial: 30s }` or `{ initial: never }` and not `30s` or `never`, because there a field has one type; `1h30m`, in whole `h`, `m`, `s`, `ms`, `us`
//! and `ns`, and not `1h 30m` or `1day`, because the server compares durations by rules in CEL. `rate_limit` is a map
//! or null, and called so, as in the file.
//!
//! ### What the API server admits serde reads
//!
//! So no object that the API server took stops the operator. It refuses by the field's name all that
//! [`validate`](crate::RequeueConfig::validate) refuses, `max` below `initial` and a `factor` without `max` among it;
//! but not an unknown field: only a client that asks for strict validation (`kubectl` does) hears of a typo, for
//! others the field is dropped.
//!
//! ### A policy in a CRD is accepted and read back
//!
//! A typed object can be created, replaced and applied; an interval is applied as a whole. `rate_limit: null` is no
//! limit, as in a file; but in a merge patch null means to remove the field, and the default comes back.
//!
//! The trait `JsonSchema` is that of schemars 1, with which kube 2 to 5 [derive their
//! CRDs](#the-schema-fills-in-the-defaults-of-the-crate); kube 1 and older take 0.8, which is not served.
//!
//! # Changed while it runs
//!
//! [A new policy](super::semantics#a-new-policy-counts-from-the-next-end-of-a-run-and-what-is-due-stays-due) may come
//! from wherever the application reads it. The example `reload` plays the first two of these on an API server in memory
//! (`cargo run -p reload`).
//!
//! ### A policy in a ConfigMap is followed
//!
//! A watch of that one ConfigMap, and its text to `set_policy`. What cannot be read, or is not allowed, is a line in the
//! log, and the policy in force stays; so it does when the ConfigMap is deleted.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use futures::{StreamExt, channel::mpsc::UnboundedSender};
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::{Api, runtime::{WatchStreamExt, watcher}};
//! use requeue_policy::{RequeueConfig, kube::Requeuer};
//! use tracing::warn;
//!
//! /// `all` is the other end of `Controller::reconcile_all_on(..)`.
//! async fn follow(requeue: Requeuer, config_maps: Api<ConfigMap>, all: UnboundedSender<()>) {
//!     let mut in_force = None;
//!     let this_one = watcher::Config::default().fields("metadata.name=operator");
//!     let mut written = std::pin::pin!(watcher(config_maps, this_one).default_backoff().applied_objects());
//!     while let Some(config_map) = written.next().await {
//!         let text = config_map.map(|config_map| config_map.data.and_then(|mut data| data.remove("requeue.yaml")));
//!         let policy = match text {
//!             Ok(Some(text)) => serde_saphyr::from_str::<RequeueConfig>(&text),
//!             Ok(None) => continue,
//!             Err(error) => {
//!                 warn!(%error, "the policy is not watched"); // the watch goes on trying
//!                 continue;
//!             }
//!         };
//!         match policy {
//!             Ok(policy) if in_force == Some(policy) => {} // a list, once more
//!             Ok(policy) => {
//!                 if requeue.set_policy(policy).is_ok() {
//!                     in_force = Some(policy);
//!                     let _ = all.unbounded_send(()); // all are reconciled now, not when they are due by the old policy
//!                 }
//!             }
//!             Err(error) => warn!(error = %error.without_snippet(), "the new policy cannot be read, the old one stays"),
//!         }
//!     }
//! }
//! ```
//!
//! ### A SIGHUP reads the policy's file again
//!
//! `tokio::signal::unix::signal(SignalKind::hangup())`, and for each `recv` the same: read, compare, `set_policy`.
//! Listen before the controller starts, because a SIGHUP that nobody listens to ends the process.
//!
//! ### Without keys the annotations are a change and nothing else
//!
//! The application chooses them. Then whoever runs it can [pause an
//! object](super::semantics#nothing-starts-a-run-of-a-paused-object-and-a-resume-runs-at-once), or [give it an interval
//! of its own](super::semantics#an-interval-by-annotation-holds-after-a-ready-run-until-it-is-removed):
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use requeue_policy::{RequeueConfig, kube::{Overrides, Requeuer}};
//!
//! let overrides = Overrides::new().interval("example.com/poll-interval").paused("example.com/paused");
//! let requeue = Requeuer::new(RequeueConfig::default())?.overrides(overrides);
//! # assert_eq!(requeue.tracked(), 0);
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! ```sh
//! kubectl annotate app/a example.com/paused=true          # and example.com/paused- to resume
//! kubectl annotate app/a example.com/poll-interval=5s     # and example.com/poll-interval- to end it
//! ```
//!
//! # Testing it
//!
//! ### A timeline shows when an object would be reconciled without a cluster
//!
//! [`testing::Timeline`][timeline], with the feature `testing` in the dev-dependencies, plays events on
//! one object of your type, and what your reconciles write and return, with the policy of your file. It needs no runtime and
//! takes no time. Printed, it looks like the examples of this guide, with the reasons for each reconcile:
//!
#![cfg_attr(all(feature = "kube-runtime", feature = "testing"), doc = "```")]
#![cfg_attr(not(all(feature = "kube-runtime", feature = "testing")), doc = "```ignore")]
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
//! # struct AppSpec { size: u32 }
//! # #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # struct AppStatus { message: String }
//! # impl Observe for App { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! use requeue_policy::{Observe, Observed, Phase, RequeueConfig, testing::Timeline};
//! use std::{io, time::Duration};
//!
//! let policy: RequeueConfig = serde_saphyr::from_str("error: { initial: 10s, factor: 2, max: 5m }")?;
//! let mut timeline = Timeline::new(policy, |app: &mut App, reconcile| {
//!     app.status = Some(AppStatus { message: format!("reconcile {}", reconcile.number) });
//!     if app.spec.size > 3 { Err(io::Error::other("no quota")) } else { Ok(Phase::Ready) }
//! })?;
//! timeline.created(App::new("a", AppSpec { size: 5 }));
//! timeline.at(Duration::from_secs(40)).changed("the spec changes", |app| app.spec.size = 3);
//! timeline.at(Duration::from_secs(60)).restarted();
//! timeline.assert_reconciled_at([0, 10, 30, 40, 60].map(Duration::from_secs));
//! assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), [
//!     " 0s  created                  → Err    new",
//!     "10s                           → Err    due",
//!     "30s                           → Err    due",
//!     "40s  the spec changes         → Ready  changed: generation",
//!     " 1m  the controller restarts  → Ready  new",
//! ]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a model of kube-runtime's scheduler around the real `Requeuer`; what it leaves out stands in
//! [its assumptions][assumptions].
//!
//! ### With a watch that lags a reconcile waits for its own write
//!
//! `watch_lags` sets how much later the watch shows a write. A reconcile then reads what the cache has, and the row says where
//! it waits. So the timeline shows that comparing with the cache is safe.
//!
//! ### A reconcile that writes one phase and ends with another is a mistake
//!
//! The timeline panics. What the reconcile returns counts until a restart, and then the status does.
//!
//! ### A status that is stamped later than the timeline's clock is a mistake
//!
//! It panics, too: such a time counts as no time at all, so a backoff would not grow. Take `Reconcile::now`.
//!
//! ## Your reconciler in virtual time
//!
//! A timeline plays a closure. Your reconciler itself, unchanged, runs on the controller against
//! [kube-testbed](https://docs.rs/kube-testbed), an API server in memory, and a day takes milliseconds. The wall clock does
//! not follow virtual time, so take what a status is stamped with from
//! [`Requeuer::now`](crate::kube::Requeuer::now): in production it is the wall clock, in a paused runtime it is tokio's.
//!
//! ```toml
//! [dev-dependencies]
//! kube-testbed = "0.1"
//! tokio = { version = "1", features = ["test-util"] }
//! ```
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
//! # struct AppSpec {}
//! # #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # struct AppStatus { ready_since: SystemTime }
//! # impl Observe for App { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! use futures::StreamExt;
//! use kube::{
//!     Api, Client, CustomResourceExt, ResourceExt,
//!     api::{Patch, PatchParams, PostParams},
//!     runtime::watcher,
//! };
//! use kube_testbed::{ApiServer, Resource};
//! use requeue_policy::{Observe, Observed, Phase, RequeueConfig, kube::Requeuer};
//! use serde_json::json;
//! use std::{sync::Arc, time::{Duration, SystemTime}};
//!
//! struct Context {
//!     apps: Api<App>,
//!     requeue: Requeuer,
//! }
//!
//! async fn reconcile(app: Arc<App>, ctx: Arc<Context>) -> Result<Phase, kube::Error> {
//!     let ready_since = app.status.as_ref().map_or_else(|| ctx.requeue.now(), |status| status.ready_since);
//!     let patch = Patch::Merge(json!({ "status": AppStatus { ready_since } }));
//!     ctx.apps.patch_status(&app.name_any(), &PatchParams::default(), &patch).await?;
//!     Ok(Phase::Ready)
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a test: #[tokio::test(start_paused = true)]
//! let server = ApiServer::new([Resource::from_crd(&App::crd())?]);
//! let client = Client::new(server.connect(), "default");
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let apps = Api::default_namespaced(requeue.client(client.clone()));
//! let ctx = Arc::new(Context { apps, requeue: requeue.clone() });
//! let controller = requeue.controller(Api::<App>::default_namespaced(client), watcher::Config::default());
//! tokio::spawn(controller.run(reconcile, ctx).for_each(async |_| ()));
//!
//! let outside = Api::<App>::default_namespaced(Client::new(server.connect_outside(), "default"));
//! outside.create(&PostParams::default(), &App::new("shop", AppSpec {})).await?;
//! tokio::time::sleep(Duration::from_secs(24 * 3600 + 1)).await;
//!
//! // At once and every 30 s; the status stays as it was first written, and nothing comes back from that.
//! assert_eq!(server.requests().patch_status, 1 + 24 * 120);
//! assert_eq!(server.status_writes(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Two writes in one reconcile that disagree, Ready and then Failed, count as two in `status_writes`. The server can also be
//! slow (`set_latency`), its watches late (`set_watch_lag`), and its requests refused (`on_request`).
//!
//! ### A check of `Observe` names the mistake
//!
//! [`testing::assert_status_write_is_no_change`][assertion] takes the object before
//! and after a status write of your reconciler. It finds a fingerprint that changes with the write, one that is never
//! the same, a `since` that is renewed, and an annotation that goes along.
//!
//! # The parts, for a `kube::runtime::Controller` of your own
//!
//! If you cannot use [`Requeuer::controller`](crate::kube::Requeuer::controller), its parts serve kube's `Controller`:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use k8s_openapi::api::core::v1::ConfigMap;
//! # use kube::{Api, Client};
//! # use requeue_policy::{Observe, Observed, Phase, RequeueConfig};
//! # use std::sync::Arc;
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec {}
//! # impl Observe for App { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! # struct Context { client: Client }
//! # async fn reconcile(_: Arc<App>, _: Arc<Context>) -> Result<Phase, kube::Error> { Ok(Phase::Ready) }
//! # async fn run(client: Client, ctx: Arc<Context>) -> Result<(), Box<dyn std::error::Error>> {
//! # let (apps, children) = (Api::<App>::all(client.clone()), Api::<ConfigMap>::all(client));
//! use kube::runtime::{Controller, watcher};
//! use requeue_policy::kube::Requeuer;
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! Controller::new(apps, watcher::Config::default())
//!     .watches(children, watcher::Config::default(), requeue.owned()) // in place of owns
//!     .run(requeue.reconciler(reconcile), requeue.error_policy(|error: &kube::Error, _| error.into()), ctx)
//! #   .for_each(async |_| {})
//! #   .await;
//! # Ok(())
//! # }
//! ```
//!
//! ### With the parts reasons are guessed
//!
//! kube does not say what a trigger is for, so the parts compare the object with what the last reconcile saw. That costs:
//!
//! - The echo of a write to a child is a change.
//! - A reconcile may start on a cache that does not contain the controller's own last write.
//! - A relist reconciles every object once.
//! - Two triggers that are merged into one count as one.
//!
//! ### With the parts an own status write is postponed until due
//!
//! Its echo is dispatched, and answered without a reconcile.
//!
//! ### A mapper of one's own gives news, and so does a nudge
//!
//! `requeue.related(mapper)` wraps a mapper for `watches`, so that what it maps to is reconciled at once. Before a trigger
//! that no mapper sees, such as a stream in kube's `reconcile_on`, call `requeue.nudge(&object_ref)`.
//!
//! ### With plain `owns` a child's change during a run that writes status waits until due
//!
//! The two triggers are merged into one, which looks like the echo of the status write.
//! [`owned`](crate::kube::Requeuer::owned) avoids that, but reads whole children where `owns` reads their metadata. From
//! kube 3.1 on, an `Api<PartialObjectMeta<Child>>` reads the metadata only.
//!
//! ### Where a trigger may be merged into an echo an awaited change becomes the longest interval
//!
//! So nothing is missed for ever.
//!
//! ### With the parts an object that awaits a change is remembered for a day
//!
//! Any other is forgotten if it does not come back for the longest interval after it was due. What is forgotten is
//! reconciled once more.
//!
//! ### One WARN line says that an error never reached its error policy
//!
//! Use `reconciler` and `error_policy` of the same `Requeuer`.
//!
#![cfg_attr(feature = "testing", doc = "[timeline]: crate::testing::Timeline")]
#![cfg_attr(
    not(feature = "testing"),
    doc = "[timeline]: https://docs.rs/requeue-policy/latest/requeue_policy/testing/struct.Timeline.html"
)]
#![cfg_attr(feature = "testing", doc = "[assumptions]: crate::testing#assumptions")]
#![cfg_attr(
    not(feature = "testing"),
    doc = "[assumptions]: https://docs.rs/requeue-policy/latest/requeue_policy/testing#assumptions"
)]
#![cfg_attr(
    feature = "testing",
    doc = "[assertion]: crate::testing::assert_status_write_is_no_change"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "[assertion]: https://docs.rs/requeue-policy/latest/requeue_policy/testing/fn.assert_status_write_is_no_change.html"
)]
