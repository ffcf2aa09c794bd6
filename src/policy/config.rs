//! The policy as data, from a config file or from code.

pub(crate) mod duration;
mod file;
#[cfg(feature = "schemars")]
mod schema;
mod text;

use super::{
    interval::{Interval, LONGEST, SHORTEST, humantime, nanos},
    max_rate::MaxRate,
    phase::Phase,
    rate_limit::RateLimit,
    requeue_policy::RequeuePolicy,
};
use serde::{Deserializer, Serialize};
use std::time::Duration;

/// A policy as data: an interval for each phase, and the limits. It comes from a config file or from code.
///
/// The file has any format that serde reads. A field that is left out has its default, or the application's: see
/// [`overlay`](Self::overlay). An unknown field is refused. The getters are those of [`RequeuePolicy`].
///
/// It is also a text for one flag or one environment variable, with nothing to quote in a shell; `Display` writes the same.
/// Each field stands as a file has it, in its form as text: see [`Interval`], [`RateLimit`] and [`MaxRate`].
///
/// ```
/// use requeue_policy::RequeueConfig;
///
/// let config: RequeueConfig = "default=never,error=10s..5m:jitter=0.2,rate_limit=10:every=5s,max_rate=50".parse()?;
/// assert_eq!(
///     config.to_string(),
///     "default=never,error=10s..5m:jitter=0.2,initialization=5s,rate_limit=10:every=5s,max_rate=50"
/// );
///
/// let error = "error=10s:jitter=2".parse::<RequeueConfig>().unwrap_err();
/// assert_eq!(error.to_string(), "error.jitter: 2 is not allowed, it must be a number from 0 to 0.5");
/// # Ok::<(), requeue_policy::ConfigError>(())
/// ```
///
/// With the feature `schemars` it can also be a field of a custom resource, and the API server checks it: see [the
/// guide](crate::guide::embedding#the-policy-in-a-custom-resource).
///
/// # Defaults
///
/// 30 s, 10 s while failed, 5 s until initialized; 30 reconciles of one object at once, then one per second; no limit for
/// the fleet:
///
/// ```
/// use requeue_policy::{RateLimit, RequeueConfig, RequeuePolicy};
/// use std::time::Duration;
///
/// let seconds = Duration::from_secs;
/// let config = RequeueConfig::default()
///     .with_default(seconds(30))
///     .with_error(seconds(10))
///     .with_initialization(seconds(5))
///     .with_rate_limit(RateLimit::new(30, seconds(1)))
///     .with_max_rate(None);
/// assert_eq!(config, RequeueConfig::default());
///
/// let config: RequeueConfig = serde_saphyr::from_str(
///     "
///     default: 30s
///     error: { initial: 10s }
///     initialization: 5s
///     rate_limit: { burst: 30, every: 1s }
///     ",
/// )?;
/// assert_eq!(config, RequeueConfig::default());
///
/// // `null` turns the limit off, and so does "off", for formats without a null.
/// let config: RequeueConfig = toml::from_str("rate_limit = 'off'")?;
/// assert_eq!(config.rate_limit(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RequeueConfig {
    default: Interval,
    error: Interval,
    initialization: Interval,
    #[serde(serialize_with = "file::limit_or_null")]
    rate_limit: Option<RateLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_rate: Option<MaxRate>,
}

/// A policy with all defaults of the trait.
struct Defaults;

impl RequeuePolicy for Defaults {}

impl Default for RequeueConfig {
    fn default() -> Self {
        Self {
            default: Defaults.default_interval(),
            error: Defaults.error_interval(),
            initialization: Defaults.initialization_interval(),
            rate_limit: Defaults.rate_limit(),
            max_rate: Defaults.max_rate(),
        }
    }
}

impl RequeueConfig {
    /// Sets the interval of a settled object. A `Duration` is a constant interval.
    #[must_use]
    pub fn with_default(mut self, interval: impl Into<Interval>) -> Self {
        self.default = interval.into();
        self
    }

    /// Sets the interval of a failed object.
    #[must_use]
    pub fn with_error(mut self, interval: impl Into<Interval>) -> Self {
        self.error = interval.into();
        self
    }

    /// Sets the interval of an object that is not initialized yet.
    #[must_use]
    pub fn with_initialization(mut self, interval: impl Into<Interval>) -> Self {
        self.initialization = interval.into();
        self
    }

    /// Sets how often one object may be reconciled; `None` is no limit.
    #[must_use]
    pub fn with_rate_limit(mut self, limit: impl Into<Option<RateLimit>>) -> Self {
        self.rate_limit = limit.into();
        self
    }

    /// Sets how many reconciles per second timers may cause, all objects together; `None` is no limit.
    #[must_use]
    pub fn with_max_rate(mut self, rate: impl Into<Option<MaxRate>>) -> Self {
        self.max_rate = rate.into();
        self
    }

    /// Returns this config with what a file or text sets. What is left out keeps its value here, and not the crate's
    /// default; `null` and `off` turn a limit off. An interval or a limit is set as a whole.
    ///
    /// So an application has defaults of its own:
    ///
    /// ```
    /// use requeue_policy::RequeueConfig;
    /// use serde::{Deserialize, Deserializer};
    /// use std::time::Duration;
    ///
    /// fn defaults() -> RequeueConfig {
    ///     RequeueConfig::default().with_default(Duration::from_secs(600)).with_error(Duration::from_secs(60))
    /// }
    ///
    /// fn over_defaults<'de, D: Deserializer<'de>>(file: D) -> Result<RequeueConfig, D::Error> {
    ///     defaults().overlay(file)
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct OperatorConfig {
    ///     #[serde(default = "defaults", deserialize_with = "over_defaults")]
    ///     requeue: RequeueConfig,
    /// }
    ///
    /// let config: OperatorConfig = serde_saphyr::from_str("requeue: { error: 30s }")?;
    /// assert_eq!(config.requeue, defaults().with_error(Duration::from_secs(30)));
    ///
    /// let config: OperatorConfig = serde_saphyr::from_str("{}")?;
    /// assert_eq!(config.requeue, defaults());
    /// # Ok::<(), serde_saphyr::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the deserializer refuses, and what is not allowed, as when a `RequeueConfig` is deserialized.
    pub fn overlay<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        file::overlay(self, deserializer)
    }

    /// Checks every interval and both limits. A config that was deserialized has been checked already.
    ///
    /// # Errors
    ///
    /// What [`Interval::validate`], [`RateLimit::validate`] and [`MaxRate::validate`] refuse, with the field's whole path,
    /// such as `error.factor`.
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

/// Why a policy is refused: the field, its value and what is allowed, in one line.
///
/// ```
/// use requeue_policy::Interval;
/// use std::time::Duration;
///
/// let error = Interval::constant(Duration::from_secs(10)).with_jitter(0.7).validate().unwrap_err();
/// assert_eq!(error.to_string(), "jitter: 0.7 is not allowed, it must be a number from 0 to 0.5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// The name of an unknown field comes from the file and may contain anything.
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

    /// The same error, of the field of this name inside `parent`. An error about a value itself names no field before.
    #[must_use]
    pub(crate) fn within(mut self, parent: &str) -> Self {
        self.field = match (parent, self.field.as_str()) {
            ("", "") => "value".to_owned(),
            ("", _) => self.field,
            (_, "") => parent.to_owned(),
            (_, field) => format!("{parent}.{field}"),
        };
        self
    }

    /// The same error, of a value that is written without its field's name.
    fn unnamed(self) -> Self {
        Self {
            field: String::new(),
            ..self
        }
    }

    /// Returns the path of the field, such as `error.factor`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Checks all that a controller uses of a policy: the interval of each phase and both limits.
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

/// The name of a phase's interval in a config file.
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
