//! The adapter around the real `kube_runtime::Controller`, on an API server in memory and in virtual time.

#[path = "../support/mod.rs"]
mod support;

mod error;
mod lines;
mod log;
mod trigger;
mod world;
