//! The policy as an operator's config file has it.

pub(crate) mod duration;
mod file;
#[cfg(feature = "schemars")]
mod schema;

use crate::{
    Interval, MaxRate, Phase, RateLimit, RequeuePolicy,
    interval::{LONGEST, SHORTEST, humantime, nanos},
};
use serde::Serialize;
use std::time::Duration;

/// A policy that is data: the three intervals and what bounds the runs, from a config file or from code.
///
/// Whatever format serde reads. A field that is left out has its default; an unknown one is refused.
///
/// With the feature `schemars` it is a field of a custom resource too, and the API server checks it: see [the
/// guide](crate::guide::embedding#the-policy-in-a-custom-resource).
///
/// # Defaults
///
/// 30 s, 10 s while failed, 5 s until initialized, at most 10 runs within 10 s:
///
/// ```
/// use requeue_policy::{RateLimit, RequeueConfig};
/// use std::time::Duration;
///
/// let config: RequeueConfig = serde_saphyr::from_str(
///     "
///     default: 30s
///     error: { initial: 10s }
///     initialization: 5s
///     rate_limit: { max: 10, within: 10s }
///     ",
/// )?;
/// assert_eq!(config, RequeueConfig::default());
///
/// // `null` turns the limit off; so does "off", for formats without a null.
/// let config: RequeueConfig = toml::from_str("rate_limit = 'off'")?;
/// assert_eq!(config.rate_limit, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RequeueConfig {
    /// The interval of a settled object.
    pub default: Interval,
    /// The interval of a failed object.
    pub error: Interval,
    /// The interval of an object that is not initialized yet.
    pub initialization: Interval,
    /// How often changes may start a run of one object; `None` is no limit.
    #[serde(serialize_with = "file::limit_or_null")]
    pub rate_limit: Option<RateLimit>,
    /// How many runs per second timers may cause, all objects together; `None`, the default, is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<MaxRate>,
}

/// The intervals of the trait's own defaults.
struct Proposal;

impl RequeuePolicy for Proposal {}

impl Default for RequeueConfig {
    fn default() -> Self {
        Self {
            default: Proposal.default_interval(),
            error: Proposal.error_interval(),
            initialization: Proposal.initialization_interval(),
            rate_limit: Proposal.rate_limit(),
            max_rate: Proposal.max_rate(),
        }
    }
}

impl RequeueConfig {
    /// Checks every interval and both limits; a config that was deserialized has been checked already.
    ///
    /// # Errors
    ///
    /// What [`Interval::validate`], [`RateLimit::validate`] and [`MaxRate::validate`] refuse, with the field's whole path, as `error.factor`.
    pub fn validate(&self) -> Result<(), ConfigError> {
        validate(self)
    }
}

impl RequeuePolicy for RequeueConfig {
    #[inline]
    fn default_interval(&self) -> Interval {
        self.default
    }

    #[inline]
    fn error_interval(&self) -> Interval {
        self.error
    }

    #[inline]
    fn initialization_interval(&self) -> Interval {
        self.initialization
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.rate_limit
    }

    fn max_rate(&self) -> Option<MaxRate> {
        self.max_rate
    }
}

/// Why a policy is refused: the field, its value, and what is allowed, in one line.
///
/// ```
/// use requeue_policy::Interval;
/// use std::time::Duration;
///
/// let error = Interval::constant(Duration::from_secs(10)).with_jitter(0.7).validate().unwrap_err();
/// assert_eq!(error.to_string(), "jitter: 0.7 is not allowed, it must be a number from 0 to 0.5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// The name of an unknown field is the file's, and may hold anything.
#[error("{}: {value} is not allowed, it {allowed}", field.escape_debug())]
pub struct ConfigError {
    field: String,
    value: String,
    allowed: String,
}

impl ConfigError {
    pub(crate) fn new(field: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }

    /// The same error, of the field of this name inside `parent`.
    #[must_use]
    pub(crate) fn within(mut self, parent: &str) -> Self {
        if !parent.is_empty() {
            self.field = format!("{parent}.{}", self.field);
        }
        self
    }

    /// Returns the path of the field, as `error.factor`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Checks all that an adapter uses of a policy: the interval of each phase and both limits.
pub(crate) fn validate(policy: &(impl RequeuePolicy + ?Sized)) -> Result<(), ConfigError> {
    for phase in Phase::ALL {
        policy
            .interval(phase)
            .validate()
            .map_err(|error| error.within(field_of(phase)))?;
    }
    policy.rate_limit().map_or(Ok(()), |limit| {
        limit.validate().map_err(|error| error.within("rate_limit"))
    })?;
    policy
        .max_rate()
        .map_or(Ok(()), |rate| rate.validate().map_err(|error| error.within("max_rate")))
}

/// What a phase's interval is called in a config file.
const fn field_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Initializing => "initialization",
        Phase::Failed => "error",
        Phase::Ready => "default",
    }
}

pub(crate) fn check_duration(field: &str, duration: Duration) -> Result<(), ConfigError> {
    if nanos(duration) < SHORTEST || nanos(duration) > LONGEST {
        return Err(ConfigError::new(
            field,
            humantime(duration),
            "must be from 1ms to 180days, kube-runtime's limit",
        ));
    }
    Ok(())
}
