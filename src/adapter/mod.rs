//! What the adapters for all kubes share: what a controller remembers, and what it decides.

pub(crate) mod classify;
pub(crate) mod clock;
pub(crate) mod conclusion;
pub(crate) mod memory;
pub(crate) mod outage;
pub(crate) mod outcome;
pub(crate) mod overrides;
pub(crate) mod telemetry;
pub(crate) mod trigger;
