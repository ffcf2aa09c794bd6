//! The adapter around the real `kube_runtime::Controller`, on an API server in memory and in virtual time.

#[path = "../guide/pages.rs"]
mod pages;
#[path = "../support/mod.rs"]
mod support;

mod at_3_am;
mod embedding;
mod error;
mod fleet;
mod guide;
mod kube_error;
mod limits;
mod lines;
mod log;
mod overrides;
mod parity;
mod paused;
mod policy_change;
#[cfg(feature = "testing")]
mod testing;
mod timeline;
mod trigger;
mod world;
