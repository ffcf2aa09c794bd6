//! How a policy is read from a file, and written.
//!
//! By hand, because the errors of derived code do not name the field, and those of an untagged enum do not name the value.

use super::{ConfigError, RequeueConfig, duration, text};
use crate::policy::{interval::Interval, max_rate::MaxRate, rate_limit::RateLimit};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};
use std::{fmt, time::Duration};

pub(super) fn limit_or_null<S: Serializer>(limit: &Option<RateLimit>, serializer: S) -> Result<S::Ok, S::Error> {
    match limit {
        Some(limit) => limit.serialize(serializer),
        // A unit and not a none: formats without a null must refuse it, not drop the field and bring the default back.
        None => serializer.serialize_unit(),
    }
}

impl Serialize for Interval {
    /// Writes a map, even where the short form would say everything: a field of a CRD has one type.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.is_never() {
            map.serialize_entry("initial", text::NEVER)?;
            return map.end();
        }
        map.serialize_entry("initial", &duration::written(self.initial()))?;
        if self.factor() != 1.0 {
            map.serialize_entry("factor", &self.factor())?;
        }
        if let Some(max) = self.max() {
            map.serialize_entry("max", &duration::written(max))?;
        }
        if self.jitter() != 0.0 {
            map.serialize_entry("jitter", &self.jitter())?;
        }
        if let Some(deadline) = self.deadline() {
            map.serialize_entry("deadline", &duration::written(deadline))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field("", Node::interval).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field("", Node::rate_limit).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for MaxRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Field("", Node::max_rate).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for RequeueConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        overlay(Self::default(), deserializer)
    }
}

pub(super) fn overlay<'de, D: Deserializer<'de>>(base: RequeueConfig, file: D) -> Result<RequeueConfig, D::Error> {
    // Any, not a map: an empty file is null in YAML.
    file.deserialize_any(Overlay(base))
}

struct Overlay(RequeueConfig);

impl<'de> Visitor<'de> for Overlay {
    type Value = RequeueConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of default, error, initialization, rate_limit and max_rate, or a text such as default=30s")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RequeueConfig, A::Error> {
        let (mut config, mut seen) = (self.0, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            // Refused while the value is read, so that the format's error says where.
            map.next_value_seed(Field(&key, |node| config.set(&key, node, &seen)))?;
            seen.push(key);
        }
        Ok(config)
    }

    // An empty file.
    fn visit_unit<E: de::Error>(self) -> Result<RequeueConfig, E> {
        Ok(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RequeueConfig, E> {
        text::overlay(self.0, text).map_err(E::custom)
    }
}

impl RequeueConfig {
    /// Sets the field of this name, which must not be among those that were `seen` before.
    pub(super) fn set(&mut self, field: &str, node: Node, seen: &[impl AsRef<str>]) -> Result<(), ConfigError> {
        if seen.iter().any(|before| before.as_ref() == field) {
            return Err(ConfigError::new("", "a second value", "must be given once"));
        }
        match field {
            "default" => self.default = node.interval()?,
            "error" => self.error = node.interval()?,
            "initialization" => self.initialization = node.interval()?,
            "rate_limit" => self.rate_limit = node.limit_or_off()?,
            "max_rate" => self.max_rate = node.rate_or_off()?,
            _ => {
                let allowed = "must be one of default, error, initialization, rate_limit, max_rate";
                return Err(ConfigError::new("", "an unknown field", allowed));
            }
        }
        Ok(())
    }
}

/// Reads one field of the config: its path, and what turns a node into its value.
struct Field<'a, F>(&'a str, F);

impl<'de, T, F: FnOnce(Node) -> Result<T, ConfigError>> DeserializeSeed<'de> for Field<'_, F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let node = Node::deserialize(deserializer)?;
        (self.1)(node).map_err(|error| de::Error::custom(error.within(self.0)))
    }
}

/// A value from the file, kept until its type is known.
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List,
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn interval(self) -> Result<Interval, ConfigError> {
        let fields = match self {
            Self::Map(fields) => fields,
            Self::Text(text) if text::has_fields(&text) => text::interval(&text),
            // In the short form there is no field `initial` to name.
            short => {
                let interval = short.initial().map_err(ConfigError::unnamed)?;
                interval.validate().map_err(ConfigError::unnamed)?;
                return Ok(interval);
            }
        };
        let [initial, factor, max, jitter, deadline] =
            take(fields, ["initial", "factor", "max", "jitter", "deadline"])?;
        let Some(initial) = initial else {
            return Err(ConfigError::new("initial", "none", INITIAL));
        };
        let duration = |field, node: Option<Self>| node.map(|node| node.duration(field)).transpose();
        let number = |field, node: Option<Self>| node.map(|node| node.number(field)).transpose();
        let mut interval = initial
            .initial()?
            .with_factor(number("factor", factor)?.unwrap_or(1.0))
            .with_jitter(number("jitter", jitter)?.unwrap_or(0.0));
        if let Some(max) = duration("max", max)? {
            interval = interval.with_max(max);
        }
        if let Some(deadline) = duration("deadline", deadline)? {
            interval = interval.with_deadline(deadline);
        }
        interval.validate()?;
        Ok(interval)
    }

    /// The interval that has only this first delay.
    fn initial(self) -> Result<Interval, ConfigError> {
        match &self {
            Self::Text(text) if text.trim() == text::NEVER => return Ok(Interval::never()),
            Self::Text(text) => duration::parse(text),
            _ => None,
        }
        .map(Interval::constant)
        .ok_or_else(|| ConfigError::new("initial", self, INITIAL))
    }

    pub(super) fn rate_limit(self) -> Result<RateLimit, ConfigError> {
        let fields = match self {
            Self::Map(fields) => fields,
            Self::Text(text) if text::has_fields(&text) => text::fields(&text, "burst"),
            other => {
                let allowed = "must be a map such as { burst: 30, every: 1s }, a text such as 30:every=1s, or off";
                return Err(ConfigError::new("", other, allowed));
            }
        };
        let [burst, every] = take(fields, ["burst", "every"])?;
        let (Some(burst), Some(every)) = (&burst, every) else {
            let missing = if burst.is_none() { "burst" } else { "every" };
            return Err(ConfigError::new(
                missing,
                "none",
                "must be set, as in { burst: 30, every: 1s }",
            ));
        };
        let burst = burst.count("burst", "must be from 1 to 65535")?;
        let limit = RateLimit::new(burst, every.duration("every")?);
        limit.validate()?;
        Ok(limit)
    }

    pub(super) fn max_rate(self) -> Result<MaxRate, ConfigError> {
        let fields = match self {
            Self::Map(fields) => fields,
            Self::Text(text) if text::has_fields(&text) => text::fields(&text, "per_second"),
            short => {
                let rate = MaxRate::new(short.number("")?);
                rate.validate().map_err(ConfigError::unnamed)?;
                return Ok(rate);
            }
        };
        let [per_second, burst] = take(fields, ["per_second", "burst"])?;
        let Some(per_second) = per_second else {
            let allowed = "must be set, as in { per_second: 10, burst: 100 }";
            return Err(ConfigError::new("per_second", "none", allowed));
        };
        let mut rate = MaxRate::new(per_second.number("per_second")?);
        if let Some(burst) = burst {
            rate = rate.with_burst(burst.count("burst", "must be from 1 to 1000000")?);
        }
        rate.validate()?;
        Ok(rate)
    }

    fn rate_or_off(self) -> Result<Option<MaxRate>, ConfigError> {
        match self {
            Self::Null | Self::Bool(false) => Ok(None),
            Self::Text(text) if text == "off" => Ok(None),
            node => node.max_rate().map(Some),
        }
    }

    fn limit_or_off(self) -> Result<Option<RateLimit>, ConfigError> {
        match self {
            // "off" and false are for formats without a null: TOML, the environment.
            Self::Null | Self::Bool(false) => Ok(None),
            Self::Text(text) if text == "off" => Ok(None),
            node => node.rate_limit().map(Some),
        }
    }

    fn duration(self, field: &str) -> Result<Duration, ConfigError> {
        match &self {
            Self::Text(text) => duration::parse(text),
            _ => None,
        }
        .ok_or_else(|| ConfigError::new(field, self, DURATION))
    }

    fn number(self, field: &str) -> Result<f64, ConfigError> {
        match &self {
            Self::Number(number) => Some(*number),
            // The environment has only text.
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| ConfigError::new(field, self, "must be a number"))
    }

    fn count(&self, field: &str, allowed: &str) -> Result<u32, ConfigError> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(f64::NAN),
            _ => f64::NAN,
        };
        if number.fract() == 0.0 && number >= 0.0 && number <= f64::from(u32::MAX) {
            return Ok(number as u32);
        }
        Err(ConfigError::new(field, self, allowed))
    }
}

const DURATION: &str = "must be a duration with its unit, such as 30s, 5m or 1h 30m";
const INITIAL: &str = "must be a duration with its unit, such as 30s, 5m or 1h 30m, or never";

/// Sorts the fields of a map by name; refuses a name that is not among them, or that comes twice.
fn take<const N: usize>(fields: Vec<(String, Node)>, names: [&str; N]) -> Result<[Option<Node>; N], ConfigError> {
    let mut taken = [const { None }; N];
    for (name, node) in fields {
        let Some(place) = names.iter().position(|known| *known == name) else {
            return Err(ConfigError::new(
                name,
                "an unknown field",
                format!("must be one of {}", names.join(", ")),
            ));
        };
        if taken[place].replace(node).is_some() {
            return Err(ConfigError::new(name, "a second value", "must be given once"));
        }
    }
    Ok(taken)
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::List => f.write_str("a list"),
            Self::Map(_) => f.write_str("a map"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 30s, a number, or a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(Node::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}
