//! What a user configures and implements. Pure: no clock, no state, no kube.

pub(crate) mod config;
pub(crate) mod interval;
pub(crate) mod max_rate;
mod observe;
mod outcome;
mod phase;
mod rate_limit;
mod requeue;
mod requeue_policy;
pub(crate) mod slot;

pub use config::{ConfigError, RequeueConfig};
pub use interval::Interval;
pub use max_rate::MaxRate;
pub use observe::{Observe, Observed};
pub use outcome::{Outcome, Retry};
pub use phase::Phase;
pub use rate_limit::RateLimit;
pub use requeue::Requeue;
pub use requeue_policy::RequeuePolicy;
