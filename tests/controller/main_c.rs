//! Temporary: modules while they are ported.

mod lines;
mod world;
