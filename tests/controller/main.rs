//! The adapter around the real `kube_runtime::Controller`, on an API server in memory and in virtual time.

#[path = "../guide/pages.rs"]
mod pages;
#[path = "../support/mod.rs"]
mod support;

mod error;
mod guide;
mod lines;
mod log;
mod timeline;
mod trigger;
mod world;
