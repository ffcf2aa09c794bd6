//! Decides when a Kubernetes object is reconciled again: the controller runs when something changed or is due, and not
//! otherwise.
//!
//! A controller that patches its status in every run wakes itself with that patch, whatever interval it asks for. So
//! this crate decides two things: when the next run is *due*, and whether a *trigger* needs a run at all. Intervals by
//! phase, growing ones whose backoff survives a restart, slots that flatten a herd, and a seat belt that ends every
//! hot loop.
//!
//! # Example
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # use futures::StreamExt;
//! # use k8s_openapi::api::core::v1::ConfigMap;
//! # use kube::{Api, Client, runtime::watcher};
//! # use requeue_policy::{Observe, Observed, Phase};
//! # use std::{future::ready, sync::Arc};
//! # struct Context { client: Client }
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec {}
//! # impl Observe for App { fn observe(&self) -> Observed { Observed::new(Phase::Ready) } }
//! # async fn reconcile(_: Arc<App>, _: Arc<Context>) -> Result<Phase, kube::Error> { Ok(Phase::Ready) }
//! # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! use requeue_policy::{RequeueConfig, kube::Requeuer};
//!
//! let requeue = Requeuer::new(RequeueConfig::default())?; // or from your config file
//! let ctx = Arc::new(Context { client: requeue.client(client.clone()) });
//! requeue.controller(Api::<App>::all(client.clone()), watcher::Config::default())
//!     .owns(Api::<ConfigMap>::all(client), watcher::Config::default())
//!     .run(reconcile, ctx) // reconcile returns Result<Phase, _>
//!     .for_each(|_| ready(()))
//!     .await;
//! # Ok(())
//! # }
//! ```
//!
//! The [guide] says how to embed it and what happens exactly.
//!
//! # Features
//!
//! - default: the decision and its config file; serde, humantime and thiserror.
//! - `kube-runtime`: the adapter for kube 5, [`kube`](kube::Requeuer).
//! - `kube-runtime-4`, `kube-runtime-3`, `kube-runtime-2`, `kube-runtime-1`: the same for an older kube, each in a module
//!   of its own: `kube_4`, `kube_3`, `kube_2`, `kube_1`.
//! - `conditions`: the phase from a list of `metav1.Condition`, and back, [`conditions`](conditions::observed). For an
//!   older kube it needs no feature: `kube_4::conditions` and so on.
//! - `schemars`: the policy as a field of a custom resource, checked by the API server.
//! - `metrics`: runs, delays and failures, counted for any exporter; the table is in the [guide](guide::metrics).
//! - `testing`: for an operator's own tests, the runs of an object without a cluster, `testing::Timeline`; for an
//!   older kube `kube_4::testing` and so on.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[macro_use]
mod majors;

#[cfg(feature = "conditions")]
pub mod conditions;
mod digest;
pub mod guide;
mod policy;

#[cfg(feature = "_adapter")]
mod engine;
#[cfg(feature = "kube-runtime")]
pub mod kube;
#[cfg(feature = "kube-runtime")]
pub use kube as kube_5;
#[cfg(feature = "_adapter")]
mod sync;

// The last, because each changes what `major!` says.
#[cfg(feature = "kube-runtime-4")]
older_major! {
    kube_4, "4", kube_client_4, kube_core_4, kube_runtime_4, k8s_openapi_4, "status.rs",
    newer: ["kube-runtime"]
}
#[cfg(feature = "kube-runtime-3")]
older_major! {
    kube_3, "3", kube_client_3, kube_core_3, kube_runtime_3, k8s_openapi_3, "status.rs",
    newer: ["kube-runtime", "kube-runtime-4"]
}
#[cfg(feature = "kube-runtime-2")]
older_major! {
    kube_2, "2", kube_client_2, kube_core_2, kube_runtime_2, k8s_openapi_2, "status_2.rs",
    newer: ["kube-runtime", "kube-runtime-4", "kube-runtime-3"]
}
#[cfg(feature = "kube-runtime-1")]
older_major! {
    kube_1, "1", kube_client_1, kube_core_1, kube_runtime_1, k8s_openapi_1, "status_2.rs",
    newer: ["kube-runtime", "kube-runtime-4", "kube-runtime-3", "kube-runtime-2"]
}

#[cfg(all(feature = "kube-runtime", feature = "testing"))]
pub use kube::testing;
pub use policy::{
    ConfigError, Interval, MaxRate, Observe, Observed, Outcome, Phase, RateLimit, Requeue, RequeueConfig,
    RequeuePolicy, Retry,
};
