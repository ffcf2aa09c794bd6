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
//!         conditions::observed(self.conditions(), |condition| match (&*condition.type_, &*condition.status) {
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
//! [`conditions::observed`](crate::conditions::observed), with the feature `conditions`, reads both from a list of
//! `metav1.Condition`. The times have
//! whole seconds, so a growing delay is longer by up to `factor − 1` seconds, and a deadline passes up to a second
//! early.
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
//! logged; `retryAfterSeconds` is honoured; what no retry cures waits five minutes. To try a missing right as often as any
//! other error, match it first:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use requeue_policy::Retry;
//!
//! fn classify<K>(error: &kube::Error, _: &K) -> Retry {
//!     match error {
//!         kube::Error::Api(status) if status.is_forbidden() => Retry::Backoff,
//!         error => error.into(),
//!     }
//! }
//! # let error = kube::Error::Api(Box::new(kube::core::Status::failure("no", "Forbidden").with_code(403)));
//! # assert_eq!(classify(&error, &()), Retry::Backoff);
//! ```
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
//! `kube::runtime::finalizer` wants an `Action` from its closure. Give it one, and keep the outcome beside it:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use kube::{Api, Client, ResourceExt};
//! # use requeue_policy::{Observe, Observed, Phase};
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "Site", namespaced)]
//! # struct SiteSpec {}
//! # impl Observe for Site { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! # #[derive(Debug, thiserror::Error)]
//! # #[error("oops")]
//! # struct Error;
//! # async fn apply(_: Arc<Site>, _: &Client) -> Result<Phase, Error> { Ok(Phase::Ready) }
//! # async fn cleanup(_: Arc<Site>, _: &Client) -> Result<(), Error> { Ok(()) }
//! use kube::runtime::{controller::Action, finalizer::{self, Event, finalizer}};
//! use requeue_policy::{Outcome, Requeue};
//! use std::sync::Arc;
//!
//! async fn reconcile(site: Arc<Site>, client: Arc<Client>) -> Result<Outcome, finalizer::Error<Error>> {
//!     let sites = Api::<Site>::namespaced((*client).clone(), &site.namespace().unwrap_or_default());
//!     // Stays so when the finalizer was only added or removed: that change starts the next reconcile.
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
//! # fn run(controller: requeue_policy::kube::Controller<Site>, client: Arc<Client>) {
//! #     drop(controller.run(reconcile, client));
//! # }
//! ```
//!
//! ### An `Ok` from a clean-up removes the finalizer
//!
//! So with this helper a clean-up that is not done yet is an error, and the error says when to look again. As it is no
//! failure, it is [`Retry::Later`](super::semantics#a-conflict-is-no-failure). Here is the classifier of an operator that
//! tells its errors apart:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use kube::runtime::finalizer;
//! use requeue_policy::Retry;
//! use std::time::Duration;
//!
//! #[derive(Debug, thiserror::Error)]
//! enum Error {
//!     #[error(transparent)]
//!     Kube(#[from] kube::Error),
//!     #[error("the spec is not valid")]
//!     InvalidSpec,
//!     #[error("it is drained")]
//!     Draining,
//! }
//!
//! fn classify(error: &Error) -> Retry {
//!     match error {
//!         Error::Kube(error) => error.into(),
//!         Error::InvalidSpec => Retry::Never,
//!         Error::Draining => Retry::Later(Duration::from_secs(5)),
//!     }
//! }
//!
//! /// For `run_with`.
//! fn classify_with_finalizer<K>(error: &finalizer::Error<Error>, _: &K) -> Retry {
//!     match error {
//!         finalizer::Error::ApplyFailed(error) | finalizer::Error::CleanupFailed(error) => classify(error),
//!         finalizer::Error::AddFinalizer(error) | finalizer::Error::RemoveFinalizer(error) => error.into(),
//!         _ => Retry::Backoff,
//!     }
//! }
//! # assert_eq!(classify_with_finalizer(&finalizer::Error::ApplyFailed(Error::InvalidSpec), &()), Retry::Never);
//! # assert_eq!(classify_with_finalizer(&finalizer::Error::CleanupFailed(Error::Draining), &()), Retry::Later(Duration::from_secs(5)));
//! ```
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
//! fields, and `max_rate` its `per_second`. Where `factor` is 1, `max` has nothing to do.
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
//! `{ initial: 30s }` and not `30s`, because there a field has one type; `1h30m`, in whole `h`, `m`, `s`, `ms`, `us`
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
//! [`testing::Timeline`](crate::testing::Timeline), with the feature `testing` in the dev-dependencies, plays events on
//! one object of your type, and what your reconciles write and return, with the policy of your file. It needs no runtime and
//! takes no time. Printed, it looks like the examples of this guide:
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a model of kube-runtime's scheduler around the real `Requeuer`; what it leaves out stands in
//! [its assumptions](crate::testing#assumptions).
//!
//! ## Your reconciler in virtual time
//!
//! A timeline plays a closure. Your reconciler itself, unchanged, runs on the controller against
//! [kube-testbed](https://docs.rs/kube-testbed), an API server in memory, and a day takes milliseconds. The wall clock does
//! not follow virtual time, so take what a status is stamped with from
//! [`Requeuer::now`](crate::kube::Requeuer::now): in production it is the wall clock, in a paused runtime it is tokio's.
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
//! // In a test: #[tokio::test(start_paused = true)], for which tokio needs its feature `test-util`.
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
//! ### A check of `Observe` names the mistake
//!
//! [`testing::assert_status_write_is_no_change`](crate::testing::assert_status_write_is_no_change) takes the object before
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
