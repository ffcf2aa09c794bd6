//! A Kubernetes API server in memory: your own reconciler, unchanged, runs on kube's own `Controller` in virtual time,
//! and a day of watches, writes and faults takes milliseconds.
//!
//! # Example
//!
//! ```
//! # use std::{sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}}, time::Duration};
//! # use futures::StreamExt;
//! # use k8s_openapi::api::core::v1::ConfigMap;
//! # use kube::{Api, Client, ResourceExt, api::{Patch, PatchParams, PostParams}};
//! # use kube::runtime::{Controller, controller::Action, watcher};
//! # use serde_json::json;
//! use kube_testbed::ApiServer;
//!
//! # struct Context { client: Client, reconciles: AtomicU64 }
//! async fn reconcile(object: Arc<ConfigMap>, context: Arc<Context>) -> Result<Action, kube::Error> {
//!     context.reconciles.fetch_add(1, Relaxed);
//!     let api: Api<ConfigMap> = Api::default_namespaced(context.client.clone());
//!     let patch = Patch::Merge(json!({ "data": { "seen": "yes" } }));
//!     api.patch(&object.name_any(), &PatchParams::default(), &patch).await?;
//!     Ok(Action::requeue(Duration::from_secs(3600)))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), kube::Error> {
//! // In a test: #[tokio::test(start_paused = true)]
//! let server = ApiServer::new([]);
//! let client = Client::new(server.connect(), "default");
//! let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
//! let context = Arc::new(Context { client, reconciles: AtomicU64::new(0) });
//! let controller = Controller::new(api, watcher::Config::default())
//!     .run(reconcile, |_, _, _| Action::requeue(Duration::from_secs(5)), context.clone());
//! tokio::spawn(controller.for_each(async |_| ()));
//!
//! let outside: Api<ConfigMap> = Api::default_namespaced(Client::new(server.connect_outside(), "default"));
//! let object: ConfigMap = serde_json::from_value(json!({ "metadata": { "name": "a" } })).expect("a config map");
//! outside.create(&PostParams::default(), &object).await?;
//! tokio::time::sleep(Duration::from_secs(24 * 3600 + 1)).await;
//!
//! // Once for the creation, once for its own write, which comes back, and then every hour.
//! assert_eq!(context.reconciles.load(Relaxed), 26);
//! assert_eq!(server.requests().patch, 26);
//! # Ok(()) }
//! ```
//!
//! `examples/own_reconciler.rs` has a custom resource, owned objects and an outage.
//!
//! # Clients
//!
//! [`ApiServer::connect`] returns a tower service that takes requests with any [`http_body::Body`], so a client of every
//! kube major from 1 to 5 is made from it, and any other client of the crate `http`. This crate depends neither on kube
//! nor on k8s-openapi.
//!
//! - [`connect`](ApiServer::connect): the controller's. Its requests are counted, delayed and hit by faults.
//! - [`connect_outside`](ApiServer::connect_outside): the test's, and that of everybody else in the cluster. Its
//!   requests are not.
//!
//! Built-in types such as `ConfigMap`, `Pod` and `Deployment` are always served. Custom ones come from their
//! definition, [`Resource::from_crd`], or are named in full, [`Resource::namespaced`]. A client may apply a
//! CustomResourceDefinition, too.
//!
//! # Faults
//!
//! | To test | call |
//! |---|---|
//! | slow requests | [`set_latency`](ApiServer::set_latency) |
//! | refused requests, lost answers | [`on_request`](ApiServer::on_request) with a [`Fault`] |
//! | an outage | [`set_reachable`](ApiServer::set_reachable) |
//! | watches that break | [`close_watches`](ApiServer::close_watches) |
//! | watches that come late | [`set_watch_lag`](ApiServer::set_watch_lag), [`hold_watches`](ApiServer::hold_watches) |
//! | 410 Gone and a new list | [`expire`](ApiServer::expire), [`set_history_limit`](ApiServer::set_history_limit) |
//! | an event that comes twice | [`repeat`](ApiServer::repeat) |
//!
//! # Time
//!
//! Timestamps, timeouts and latency follow tokio's clock. In a runtime that is started paused, the clock jumps to the
//! next timer whenever all tasks wait, so a day costs only what is done in it. The server's clock starts at
//! 2030-01-01T00:00:00Z when the server is made. Make and use the server in such a runtime: a test with
//! `#[tokio::test(start_paused = true)]`, for which tokio needs its feature `test-util`. It works on a running clock, too.
//!
//! The wall clock does not follow: a reconciler that calls `SystemTime::now()` or `Timestamp::now()` sees hardly any time
//! pass, and the server's timestamps in its future. Take the time from your context, and give it [`ApiServer::now`] in a
//! test; requeue-policy's `Requeuer::now` serves both.
//!
//! # Determinism
//!
//! Uids and generated names follow from the seed, [`ApiServer::with_seed`]; lists and garbage collection have a fixed
//! order. The same requests in the same order get the same answers. On a current-thread runtime that is paused, the
//! whole run repeats if your code and its other dependencies are deterministic: tokio's `select!` is random unless
//! `biased`, a `HashMap` iterates in a random order, and kube's default backoff of a broken watch has random jitter, so
//! that after an outage a test has to allow for it (or to set `Controller::trigger_backoff`).
//!
//! # What it follows
//!
//! What a controller can notice of kube-apiserver:
//!
//! - **Lists** of one namespace or all; selectors by labels (`=`, `==`, `!=`) and by `metadata.name` and
//!   `metadata.namespace`; `resourceVersion` with `NotOlderThan` and `Exact`; pages, which show one state until their
//!   token is too old (410). Objects or their metadata only.
//! - **Watches** from any version that the history holds, with bookmarks every minute, initial events (streaming lists),
//!   timeouts and 410.
//! - **Writes**: create with `generateName`, replace, JSON patch, merge patch and apply; optimistic concurrency (409);
//!   the status subresource; `metadata.generation`; no change and no event where nothing differs; dry runs.
//! - **Server-side apply**: a field that its only manager leaves out is removed; a field that another manager applied,
//!   or an update set, with another value is a conflict, unless forced. Finalizers, owner references and the lists to
//!   which a definition gives `x-kubernetes-list-type` `set` or `map` are merged item by item; other lists are replaced.
//! - **Deletion**: finalizers, preconditions, collections; background, foreground and orphan propagation.
//! - **Garbage collection**: an object goes when its last owner is gone, which is known by its uid. It is done when the
//!   write that caused it is answered, where the real one takes a moment.
//! - **Discovery**, `/version`, `/readyz`.
//!
//! # What it leaves out
//!
//! Whatever would change an answer and is not supported is refused with status 400 and a message that names it, so that
//! no test passes because something was silently left out. These are differences that no request shows:
//!
//! - Schemas: no validation, no defaults, no pruning. Conversion between versions changes the `apiVersion` only.
//! - Admission, webhooks, quotas, authentication and authorization: everybody may do everything.
//! - Other controllers: no pod starts, no deployment becomes ready, nobody deletes what is in a deleted namespace. The
//!   test plays their part. Namespaces need not exist.
//! - `metadata.managedFields` is not shown, and all updates are one manager.
//! - Lists in built-in types, such as containers, are applied as a whole, except those of the metadata.
//! - Grace periods: what is deleted is gone at once if it has no finalizers.
//! - Events of `v1` and of `events.k8s.io` are separate collections.
//!
//! Refused are, among others: set-based selectors, field selectors other than the two above, strategic merge patches,
//! tables, aggregated discovery, subresources other than `status`, the deletion of a CustomResourceDefinition, and a
//! resource version that the server has not reached.

mod apply;
mod body;
mod builtin;
mod call;
mod change;
mod clock;
mod connection;
mod crd;
mod definition;
mod delete;
mod discovery;
mod fault;
mod garbage;
mod keyed;
mod object;
mod patch;
mod query;
mod random;
mod read;
mod refusal;
mod requests;
mod resource;
mod secret;
mod selector;
mod server;
mod shape;
mod store;
mod watch;
mod write;

pub use body::ResponseBody;
pub use call::Verb;
pub use connection::Connection;
pub use crd::InvalidCrd;
pub use fault::{Fault, RequestInfo};
pub use requests::Requests;
pub use resource::Resource;
pub use server::ApiServer;

/// The error of a [`Connection`] and of a [`ResponseBody`].
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
