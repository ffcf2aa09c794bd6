//! The guide: how to embed the crate, and what happens exactly.
//!
//! - [`embedding`]: a controller from scratch, an existing one, errors, related objects, a config file.
//! - [`semantics`]: every rule in a sentence, and the known limits.

pub mod embedding;
pub mod semantics;
