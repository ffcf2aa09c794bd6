//! The guide: how to embed the crate, and what happens exactly.
//!
//! - [`embedding`]: into an existing controller, step by step: status, outcome, related objects, finalizer, errors,
//!   config file. A whole program is the example of the module [`kube`](crate::kube), a whole operator
//!   `examples/capt_control_plane`.
//! - [`semantics`]: every rule in a sentence, and the known limits.

pub mod embedding;
pub mod semantics;
