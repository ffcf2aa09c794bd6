//! Temporary: modules while they are ported.

mod fleet;
mod lines;
#[cfg(feature = "metrics")]
mod metrics;
mod overrides;
mod parity;
mod parts;
mod paused;
mod policy_change;
mod world;
