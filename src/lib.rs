//! Decides when a Kubernetes object is reconciled again.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "kube-runtime")]
mod clock;
mod config;
mod digest;
mod interval;
#[cfg(feature = "kube-runtime")]
pub mod kube;
#[cfg(feature = "kube-runtime")]
mod memory;
#[cfg(feature = "kube-runtime")]
mod outcome;
mod phase;
mod policy;
mod rate;
mod slot;
#[cfg(feature = "kube-runtime")]
mod trigger;

pub use config::{ConfigError, RequeueConfig};
pub use interval::Interval;
pub use phase::{Observe, Observed, Phase};
pub use policy::{Requeue, RequeuePolicy};
pub use rate::RateLimit;
pub use slot::Slot;
