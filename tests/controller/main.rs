//! The controller on an API server in memory and in virtual time.

mod known;
mod lines;
mod world;
