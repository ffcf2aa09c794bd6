//! Temporary: modules while they are ported.

mod at_3_am;
mod embedding;
mod error;
mod kube_error;
mod limits;
mod lines;
mod log;
mod trigger;
mod world;
