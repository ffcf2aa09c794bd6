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
//! tracing = "0.1"
//! tracing-subscriber = { version = "0.3", features = ["env-filter"] }
//! ```
//!
//! For an older kube, from 1 on, the feature is another one, and so is the module: `requeue_policy::kube_4` where the
//! examples say `requeue_policy::kube`, and `requeue_policy::kube_4::conditions` and `requeue_policy::kube_4::testing` where
//! they say `requeue_policy::conditions` and `requeue_policy::testing`. The README has a table of them; here is kube 4:
//!
//! ```toml
//! [dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime-4"] }
//! kube = { version = "4", features = ["runtime", "derive"] }
//! k8s-openapi = { version = "0.28", features = ["latest", "schemars"] }
//! ```
//!
//! And the whole of an operator whose status is a list of conditions. An object's phase is what its condition `Ready`
//! says, the
//! [backoff survives a restart](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries), and the
//! status is
//! [written without an event](#a-status-patch-that-changes-nothing-wakes-nobody) when nothing has changed:
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
//!     runtime::{Controller, controller, watcher},
//! };
//! use requeue_policy::{Observe, Observed, Phase, RequeueConfig, conditions, kube::Requeuer};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//! use std::{sync::Arc, time::SystemTime};
//! use tracing::warn;
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
//!
//!     fn observed(&self) -> Observed {
//!         conditions::observed(self.conditions(), |condition| match (&*condition.type_, &*condition.status) {
//!             ("Ready", "True") => Some(Phase::Ready),
//!             ("Ready", "False") => Some(Phase::Failed),
//!             _ => None,
//!         })
//!     }
//! }
//!
//! impl Observe for App {
//!     fn phase(&self) -> Phase {
//!         self.observed().phase
//!     }
//!
//!     fn last_transition(&self) -> Option<SystemTime> {
//!         self.observed().since
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
//!     let apps = Api::<App>::all(client.clone());
//!     let children = Api::<ConfigMap>::all(client.clone());
//!     let requeue = Requeuer::new(RequeueConfig::default())?;
//!     Controller::new(apps, watcher::Config::default())
//!         .shutdown_on_signal()
//!         .watches(children, watcher::Config::default(), requeue.owned())
//!         .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(client))
//!         .for_each(async |result| match result {
//!             // A watch that fails is not logged by anybody else, and what a run returned is logged already.
//!             Err(controller::Error::QueueError(error)) => warn!(%error, "watch failed"),
//!             _ => {}
//!         })
//!         .await;
//!     Ok(())
//! }
//! ```
//!
//! It needs its CRD in the cluster (`serde_json::to_string(&App::crd())?`, piped to `kubectl apply -f -`), and a
//! role that may `list` and `watch` both kinds,
//! `patch` the status of one (`apps/status`), and `create` and `patch` the other; where one of these is missing,
//! [nothing happens at all](super::at_3_am#nothing-happens-at-all). More than one replica needs leader election,
//! which is not this crate's business, and
//! [does no harm to a backoff](super::semantics#a-leader-change-keeps-the-backoff-too).
//!
//! # An existing controller, in a ten-line diff
//!
//! The reconciler says how it went, in place of when it wants to be called; what it did itself, an interval in an
//! `Action` and an error policy, goes:
//!
//! ```diff
//! +impl Observe for ControlPlane {
//! +    fn phase(&self) -> Phase {
//! +        self.status.as_ref().map_or(Phase::Initializing, |status| status.phase)
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
//!  Controller::new(planes, watcher::Config::default())
//! -    .owns(secrets, watcher::Config::default())
//! -    .run(reconcile, error_policy, ctx)
//! +    .watches(secrets, watcher::Config::default(), requeue.owned())
//! +    .run(requeue.reconciler(reconcile), requeue.error_policy(), ctx)
//! ```
//!
//! # What the status says
//!
//! [`Observe`](crate::Observe) is the one thing to implement: the phase that the object's status tells. The order
//! is yours;
//! [the usual one](super::semantics#initializing-comes-before-failed-failed-before-ready) is this:
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
//! Is there something in the status that must wake the reconciler at once, though neither spec nor phase changed?
//! `Observe::fingerprint` returns [a hash of
//! it](super::at_3_am#another-controllers-status-is-noticed-only-at-the-interval).
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
//! reconciler that renews the time with every write takes the backoff's past away at every restart.
//!
//! # Status, written only when needed
//!
//! ### A status patch that changes nothing wakes nobody
//!
//! The API server answers it with the object as it is: no event, no new resource version. So leave out of the
//! status what is another in every run, "last reconciled at" first of all, and counters, durations, random orders;
//! keep `lastTransitionTime`
//! while the condition stays. Then write it in every run, without comparing: [the object in the cache is not what
//! the server has](super::why#why-does-nothing-here-skip-a-status-write-that-would-change-nothing).
//!
//! # What the reconciler returns
//!
//! `Result<impl Into<Outcome>, E>` in place of `Result<Action, E>`:
//!
//! | it returned | it returns | the next run |
//! |---|---|---|
//! | `Ok(Action::requeue(..))` by phase | `Ok(Phase::Ready)`, `Ok(Phase::Initializing)`, `Ok(Phase::Failed)` | by [the interval of the phase](super::semantics#initializing-comes-before-failed-failed-before-ready) |
//! | `Ok(Action::requeue(d))`, because something is due in `d` | `Ok((Phase::Ready, Requeue::After(d)))` | [after `d`](super::semantics#a-success-may-wish-for-a-delay) |
//! | `Ok(Action::await_change())` | `Ok(Requeue::AwaitChange)`, with or without a phase | when [something changes](super::semantics#a-success-may-await-a-change) |
//! | the earliest of several | `Ok(a.min(b))` | [the earlier is the less](#the-earlier-of-two-answers-is-the-less) |
//! | always the same action | `Ok(())` | by [the phase that the object had](super::semantics#a-unit-reads-the-phase-from-the-object) |
//! | `Err(e)` | `Err(e)` | by [the error interval](super::semantics#the-first-err-starts-the-failing-clock), or as [`on_error`](crate::kube::Requeuer::on_error) says |
//!
//! `Phase` and `Requeue` are in the root of the crate, `Outcome`, `Retry` and `Requeuer` in [`kube`](crate::kube).
//! A reconciler that writes a phase into the status returns that phase,
//! [or makes one run more](super::why#a-phase-that-a-run-writes-but-does-not-report-is-news).
//!
//! ### The earlier of two answers is the less
//!
//! So the earliest of several wishes is their `min`, and `AwaitChange` is later than any delay.
//!
//! ### A new object with a finalizer and a child makes three runs
//!
//! One that adds the finalizer, one that creates the child, and one that finds all as it should be. After that: one
//! for each change from outside, one for each child that a run creates, changes or repairs, and one per interval.
//!
//! # What wakes the object
//!
//! ### One `Requeuer` serves one controller
//!
//! `reconciler` and `error_policy` are its two halves. An error that goes to another's error policy is a run that
//! never ends for the memory, and every trigger starts it again, up to the rate limit.
//!
//! ### A mapper of one's own gives news, and so does a nudge
//!
//! `requeue.owned()` maps a child to its owners as `owns` does, and also remembers that the child changed. A mapper
//! of your own becomes `requeue.related(mapper)`. Before a trigger that no mapper sees, such as a webhook that
//! feeds `reconcile_on`, call `requeue.nudge(&object_ref)`.
//!
//! `requeue.owned()` has a price: `owns` reads the metadata of the children, `watches` the whole of them. For large
//! or secret children, keep `owns` and
//! [its limit](super::why#with-plain-owns-a-childs-change-during-a-run-that-writes-status-waits-until-due), or read
//! the metadata only, from kube 3.1 on with an `Api<PartialObjectMeta<Secret>>` for `watches`. With an older kube that
//! needs its feature
//! `unstable-runtime`: `.watches_stream(metadata_watcher(secrets, config).touched_objects(), requeue.owned())`.
//!
//! A controller built with `Controller::for_stream` may also [filter its
//! stream](super::semantics#the-predicate-applies-the-same-rule-on-the-watch-stream):
//! `.predicate_filter(requeue.predicate(), PredicateConfig::default())`.
//!
//! # Events from elsewhere
//!
//! Each of these three is a scenario of the example `events`, which plays it on an API server in memory (`cargo run -p
//! events`): a mapper of your own, [or a nudge before the
//! trigger](#a-mapper-of-ones-own-gives-news-and-so-does-a-nudge).
//!
//! ## A Secret that many objects refer to
//!
//! ### Each object that refers to a Secret runs once when it is rotated
//!
//! A mapper looks up in the controller's own store which objects refer to the Secret, and `related` gives them news. The
//! same serves a ConfigMap, or an object of another kind that many share.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use kube::{Api, Client, runtime::controller};
//! # use requeue_policy::{Observe, Phase, RequeueConfig, kube::Requeuer};
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec { secret: String }
//! # impl Observe for App { fn phase(&self) -> Phase { Phase::Ready } }
//! # async fn reconcile(_: Arc<App>, _: Arc<()>) -> Result<Phase, kube::Error> { Ok(Phase::Ready) }
//! use k8s_openapi::api::core::v1::Secret;
//! use kube::{
//!     ResourceExt,
//!     core::PartialObjectMeta,
//!     runtime::{Controller, reflector::{ObjectRef, Store}, watcher},
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
//! let secrets = Api::<PartialObjectMeta<Secret>>::all(client); // only the metadata is read
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let controller = Controller::new(apps, watcher::Config::default());
//! let store = controller.store();
//! controller
//!     .with_config(controller::Config::default().concurrency(4))
//!     .watches(secrets, watcher::Config::default(), requeue.related(referring(store)))
//!     .run(requeue.reconciler(reconcile), requeue.error_policy(), ctx)
//! #   .for_each(async |_| {})
//! #   .await;
//! # Ok(())
//! # }
//! ```
//!
//! One Secret may wake a thousand objects; `concurrency` is what spreads them: so many run at a time, and the others
//! wait in kube-runtime's queue, each once.
//!
//! ## A webhook
//!
//! ### A webhook nudges and then triggers
//!
//! A handler is two lines, whatever serves it (in the example it is hyper), and answers before the run starts. The
//! nudge goes first, for it is the trigger that starts the run. A call that comes during a run is another run after it;
//! several that come before it are one.
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use k8s_openapi::api::core::v1::Pod as App;
//! use futures::channel::mpsc::{TrySendError, UnboundedSender, unbounded};
//! use kube::runtime::reflector::ObjectRef;
//! use requeue_policy::{RequeueConfig, kube::Requeuer};
//!
//! struct Webhook {
//!     requeue: Requeuer<RequeueConfig>,
//!     triggers: UnboundedSender<ObjectRef<App>>,
//! }
//!
//! impl Webhook {
//!     fn call(&self, namespace: &str, name: &str) -> Result<(), TrySendError<ObjectRef<App>>> {
//!         let app = ObjectRef::new(name).within(namespace);
//!         self.requeue.nudge(&app);
//!         self.triggers.unbounded_send(app)
//!     }
//! }
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let (triggers, triggered) = unbounded();
//! let webhook = Webhook { requeue: requeue.clone(), triggers };
//! // Controller::new(..).reconcile_on(triggered).run(..), with kube's feature `unstable-runtime`
//! # webhook.call("default", "a").unwrap();
//! # assert!(futures::executor::block_on(futures::StreamExt::into_future(triggered)).0.is_some());
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! ## A channel into `reconcile_on`
//!
//! ### A nudge gets a trigger through that is merged with a status write
//!
//! kube-runtime hides why a run was triggered. A trigger of `reconcile_on` that comes in the middle of a run, which then
//! writes its status, looks like that write coming back, and waits until the object is due; with a nudge before it, it
//! starts a run as soon as this one has ended. A nudge without a trigger starts nothing: it waits for the next one.
//!
//! # Errors, told apart
//!
//! ### Errors are told apart by the reconciler's own type
//!
//! The closure's argument is that type. Without `on_error` every error backs off.
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
//! ### An error of kube is told apart in one line
//!
//! It [says itself how to retry](super::semantics#an-error-of-kube-says-itself-how-to-retry): a conflict in a second and
//! without a word, what no retry cures in five minutes, what the API server dates on that date. Where it is one of
//! several, that is one line of the match:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use kube::runtime::finalizer;
//! use requeue_policy::{RequeueConfig, kube::{Requeuer, Retry}};
//! # use std::time::Duration;
//!
//! #[derive(Debug)]
//! enum Error {
//!     Kube(kube::Error),
//!     Cloud(String),
//! }
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &Error| match error {
//!     Error::Kube(error) => error.into(),
//!     Error::Cloud(_) => Retry::Backoff,
//! });
//!
//! // Where it is the whole type, and where it is inside that of `finalizer`:
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &kube::Error| error.into());
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &finalizer::Error<kube::Error>| match error {
//!     finalizer::Error::ApplyFailed(error)
//!     | finalizer::Error::CleanupFailed(error)
//!     | finalizer::Error::AddFinalizer(error)
//!     | finalizer::Error::RemoveFinalizer(error) => error.into(),
//!     _ => Retry::Backoff,
//! });
//!
//! // And where a missing right is to be tried again as often as any other error:
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error(|error: &kube::Error| match error {
//!     kube::Error::Api(status) if status.is_forbidden() => Retry::Backoff,
//!     error => error.into(),
//! });
//! # assert_eq!(requeue.tracked(), 0);
//! # Ok::<(), requeue_policy::ConfigError>(())
//! ```
//!
//! A reconciler that wants to say in the status that it gives up asks [whether this is the last
//! attempt](super::semantics#an-errors-own-retry-decides-whether-it-is-the-last-attempt). Its context holds a clone of
//! the `Requeuer`, and the classifier is a function, so that the clone's type has a name; clones share the memory:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use requeue_policy::{Observe, RequeueConfig, kube::{Requeuer, Retry}};
//! # use std::sync::Arc;
//! type Classifier = fn(&kube::Error) -> Retry;
//!
//! struct Context {
//!     requeue: Requeuer<RequeueConfig, Classifier>,
//! }
//!
//! fn message<K: kube::Resource + Observe>(app: &K, error: &kube::Error, ctx: &Context) -> String {
//!     match ctx.requeue.outage_of(app, error).is_last {
//!         true => format!("{error}; given up, change the spec to try again"),
//!         false => error.to_string(),
//!     }
//! }
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?.on_error((|error| error.into()) as Classifier);
//! let ctx = Arc::new(Context { requeue: requeue.clone() });
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
//! ### An `Ok` from a clean-up removes the finalizer
//!
//! So a clean-up that is not done yet, with this helper, is an error, and the error says when to look again. As it is no
//! failure, it says [`Retry::NoFailure`](super::semantics#a-conflict-is-no-failure). Here is all of it for an operator
//! that tells its errors apart, and that asks whether an attempt [is the
//! last](super::semantics#an-errors-own-retry-decides-whether-it-is-the-last-attempt) where the error is not yet one of
//! the helper:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! use kube::runtime::finalizer;
//! use requeue_policy::{Observe, RequeueConfig, kube::{Requeuer, Retry}};
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
//!         Error::Draining => Retry::NoFailure(Duration::from_secs(5)),
//!     }
//! }
//!
//! fn classify_with_finalizer(error: &finalizer::Error<Error>) -> Retry {
//!     match error {
//!         finalizer::Error::ApplyFailed(error) | finalizer::Error::CleanupFailed(error) => classify(error),
//!         finalizer::Error::AddFinalizer(error) | finalizer::Error::RemoveFinalizer(error) => error.into(),
//!         _ => Retry::Backoff,
//!     }
//! }
//!
//! struct Context {
//!     requeue: Requeuer<RequeueConfig>,
//! }
//!
//! /// What `apply` writes into the status before it returns the error.
//! fn message<K: kube::Resource + Observe>(site: &K, error: &Error, ctx: &Context) -> String {
//!     match ctx.requeue.outage(site).after(classify(error)).is_last {
//!         true => format!("{error}; given up, change the spec to try again"),
//!         false => error.to_string(),
//!     }
//! }
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let ctx = Context { requeue: requeue.clone() };
//! let requeue = requeue.on_error(classify_with_finalizer);
//! # assert_eq!((ctx.requeue.tracked(), requeue.tracked()), (0, 0));
//! # assert_eq!(classify_with_finalizer(&finalizer::Error::ApplyFailed(Error::InvalidSpec)), Retry::Never);
//! # Ok::<(), requeue_policy::ConfigError>(())
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
//! `Requeuer`](#one-requeuer-serves-one-controller), and that one policy for all objects; so it stands in the resource
//! that configures the operator, and not in each object's spec. An object that has an interval of its own [wishes for
//! it](super::semantics#a-success-may-wish-for-a-delay) in what its run returns.
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
//! async fn requeuer(client: Client) -> Result<Requeuer<RequeueConfig>, Box<dyn std::error::Error>> {
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
//! async fn follow(requeue: Requeuer<RequeueConfig>, config_maps: Api<ConfigMap>, all: UnboundedSender<()>) {
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
//!             Ok(policy) if policy == *requeue.policy() => {} // a list, once more
//!             Ok(policy) => {
//!                 if requeue.set_policy(policy).is_ok() {
//!                     let _ = all.unbounded_send(()); // all are tried now, not when they are due by the old policy
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
//! ### A timeline tells when an object would run without a cluster
//!
//! [`testing::Timeline`](crate::testing::Timeline), with the feature `testing` in the dev-dependencies, plays events on
//! one object of your type, and what your runs write and return, with the policy of your file. It needs no runtime and
//! takes no time. Printed, it looks like the examples of this guide:
//!
#![cfg_attr(all(feature = "kube-runtime", feature = "testing"), doc = "```")]
#![cfg_attr(not(all(feature = "kube-runtime", feature = "testing")), doc = "```ignore")]
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
//! # struct AppSpec { size: u32 }
//! # #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # struct AppStatus { message: String }
//! # impl Observe for App { fn phase(&self) -> Phase { Phase::Ready } }
//! use requeue_policy::{Observe, Phase, RequeueConfig, testing::Timeline};
//! use std::{io, time::Duration};
//!
//! let policy: RequeueConfig = serde_saphyr::from_str("error: { initial: 10s, factor: 2, max: 5m }")?;
//! let mut timeline = Timeline::new(policy, |app: &mut App, run| {
//!     app.status = Some(AppStatus { message: format!("run {}", run.number) });
//!     if app.spec.size > 3 { Err(io::Error::other("no quota")) } else { Ok(Phase::Ready) }
//! })?;
//! timeline.created(App::new("a", AppSpec { size: 5 }));
//! timeline.at(Duration::from_secs(40)).changed("the spec changes", |app| app.spec.size = 3);
//! timeline.at(Duration::from_secs(60)).restarted();
//! timeline.assert_ran_at([0, 10, 30, 40, 60].map(Duration::from_secs));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a model of kube-runtime's scheduler around the real `Requeuer`; what it leaves out stands in
//! [its assumptions](crate::testing#assumptions).
//!
//! ## Your reconciler in virtual time
//!
//! A timeline plays a closure. Your reconciler itself, unchanged, runs on kube's `Controller` against
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
//! # impl Observe for App { fn phase(&self) -> Phase { Phase::Ready } }
//! use futures::StreamExt;
//! use kube::{
//!     Api, Client, CustomResourceExt, ResourceExt,
//!     api::{Patch, PatchParams, PostParams},
//!     runtime::{Controller, watcher},
//! };
//! use kube_testbed::{ApiServer, Resource};
//! use requeue_policy::{Observe, Phase, RequeueConfig, kube::Requeuer};
//! use serde_json::json;
//! use std::{sync::Arc, time::{Duration, SystemTime}};
//!
//! struct Context {
//!     apps: Api<App>,
//!     requeue: Requeuer<RequeueConfig>,
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
//! let apps = Api::<App>::default_namespaced(Client::new(server.connect(), "default"));
//! let requeue = Requeuer::new(RequeueConfig::default())?;
//! let ctx = Arc::new(Context { apps: apps.clone(), requeue: requeue.clone() });
//! let controller = Controller::new(apps, watcher::Config::default())
//!     .run(requeue.reconciler(reconcile), requeue.error_policy(), ctx);
//! tokio::spawn(controller.for_each(async |_| ()));
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
//! [`testing::assert_status_write_is_no_news`](crate::testing::assert_status_write_is_no_news) takes the object before
//! and after a status write of your reconciler. It finds a fingerprint that changes with the write, one that is never
//! the same, a `last_transition` that is renewed, and an annotation that goes along.
