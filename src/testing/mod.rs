//! For an operator's own tests: when an object would be reconciled, without a cluster and without a runtime.
//!
//! A [`Timeline`] plays events on one object. The [`Requeuer`] in it is the one that works in a
//! controller; around it are a model of kube-runtime's scheduler for one object, and a clock that
//! [`Timeline::at`] moves. [`assert_status_write_is_no_change`] finds mistakes in an [`Observe`](crate::Observe).
//!
//! Enable the feature `testing` in the dev-dependencies only, beside the feature of your kube:
//!
//! ```toml
//! [dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime"] }
//!
//! [dev-dependencies]
//! requeue-policy = { version = "0.1", features = ["kube-runtime", "testing"] }
//! ```
//!
//! # Assumptions
//!
//! - A reconcile reads the object when it starts, patches it at its end through the client of the `Requeuer`, and takes
//!   [no time](Timeline::reconciles_take) by default; a watch shows a write [at once](Timeline::watch_lags) by default.
//! - One object, one [`Controller`](super::Controller), one replica; no concurrency limit, no debounce.
//! - The object is a custom resource with the status subresource: the generation counts what is neither metadata nor
//!   status.
//! - The watch neither breaks nor lists again, and a write never fails.
//!
//! To run your reconciler itself, unchanged, there is the crate kube-testbed; for the rest, a real API server.

use super::{Outage, Overrides, Requeuer, kube_core, steps};

mod cache;
mod observe;
mod queue;
mod rows;
mod stored;
mod timeline;

pub use observe::assert_status_write_is_no_change;
pub use timeline::{Reconcile, Timeline};
