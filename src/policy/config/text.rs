//! A policy as text, for a flag or a variable of the environment.
//!
//! A map is its main value and then `name=value` for others, with colons between. A config is a list of its fields, with
//! commas between. So a shell finds nothing to expand and nothing to split.

use super::{ConfigError, RequeueConfig, duration::written, file::Node};
use crate::policy::{interval::Interval, max_rate::MaxRate, rate_limit::RateLimit};
use std::{fmt, str::FromStr};

/// An interval that never comes.
pub(super) const NEVER: &str = "never";

/// What a limit is that is turned off.
pub(super) const OFF: &str = "off";

/// The factor of an interval that is written as a range, such as `10s..5m`.
const DOUBLES: f64 = 2.0;

/// Whether a text is more than one value.
pub(super) fn has_fields(text: &str) -> bool {
    text.contains(':') || text.contains("..")
}

/// The fields of a map that is written as text; the first of them without its name, which is `main`.
pub(super) fn fields(text: &str, main: &str) -> Vec<(String, Node)> {
    let field = |(name, value): (&str, &str)| (name.trim().to_owned(), Node::Text(value.trim().to_owned()));
    let (first, others) = text
        .split_once(':')
        .map_or((text, None), |(first, others)| (first, Some(others)));
    let others = others.into_iter().flat_map(|others| others.split(':'));
    let others = others.map(|other| other.split_once('=').unwrap_or((other, "")));
    [(main, first)].into_iter().chain(others).map(field).collect()
}

/// The fields of an interval that is written as text.
pub(super) fn interval(text: &str) -> Vec<(String, Node)> {
    let mut fields = fields(text, "initial");
    let Some((_, Node::Text(first))) = fields.first_mut() else {
        return fields;
    };
    if let Some((initial, max)) = first.clone().split_once("..") {
        initial.trim().clone_into(first);
        fields.insert(1, ("max".to_owned(), Node::Text(max.trim().to_owned())));
        if fields.iter().all(|(name, _)| name != "factor") {
            fields.push(("factor".to_owned(), Node::Number(DOUBLES)));
        }
    }
    fields
}

/// A config with what a text sets.
pub(super) fn overlay(mut config: RequeueConfig, text: &str) -> Result<RequeueConfig, ConfigError> {
    let mut seen = Vec::new();
    if text.trim().is_empty() {
        return Ok(config);
    }
    for part in text.split(',') {
        let Some((field, value)) = part.split_once('=') else {
            let allowed = "must be a field and its value, as in default=30s";
            return Err(ConfigError::new("", format!("{part:?}"), allowed).within(""));
        };
        let field = field.trim();
        let set = config.set(field, Node::Text(value.trim().to_owned()), &seen);
        set.map_err(|error| error.within(field))?;
        seen.push(field);
    }
    Ok(config)
}

impl FromStr for RequeueConfig {
    type Err = ConfigError;

    /// Reads a list of fields; one that is left out has its default.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        overlay(Self::default(), text)
    }
}

impl fmt::Display for RequeueConfig {
    /// Writes all fields, as a text that is read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            default,
            error,
            initialization,
            rate_limit,
            max_rate,
        } = self;
        write!(f, "default={default},error={error},initialization={initialization}")?;
        match rate_limit {
            Some(limit) => write!(f, ",rate_limit={limit}")?,
            None => write!(f, ",rate_limit={OFF}")?,
        }
        match max_rate {
            Some(rate) => write!(f, ",max_rate={rate}"),
            None => write!(f, ",max_rate={OFF}"),
        }
    }
}

impl FromStr for Interval {
    type Err = ConfigError;

    /// Reads `30s`, `10s..5m:factor=1.5:jitter=0.2:deadline=6h`, or `never`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Node::Text(text.to_owned()).interval().map_err(|error| error.within(""))
    }
}

impl fmt::Display for Interval {
    /// Writes a text that is read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str(NEVER);
        }
        f.write_str(&written(self.initial()))?;
        if let Some(max) = self.max() {
            write!(f, "..{}", written(max))?;
        }
        if self.factor() != self.max().map_or(1.0, |_| DOUBLES) {
            write!(f, ":factor={}", self.factor())?;
        }
        if self.jitter() != 0.0 {
            write!(f, ":jitter={}", self.jitter())?;
        }
        match self.deadline() {
            Some(deadline) => write!(f, ":deadline={}", written(deadline)),
            None => Ok(()),
        }
    }
}

impl FromStr for RateLimit {
    type Err = ConfigError;

    /// Reads `30:every=1s`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Node::Text(text.to_owned())
            .rate_limit()
            .map_err(|error| error.within(""))
    }
}

impl fmt::Display for RateLimit {
    /// Writes a text that is read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:every={}", self.burst(), written(self.every()))
    }
}

impl FromStr for MaxRate {
    type Err = ConfigError;

    /// Reads `50`, or `50:burst=100`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Node::Text(text.to_owned()).max_rate().map_err(|error| error.within(""))
    }
}

impl fmt::Display for MaxRate {
    /// Writes a text that is read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.burst() {
            1 => write!(f, "{}", self.per_second()),
            burst => write!(f, "{}:burst={burst}", self.per_second()),
        }
    }
}
