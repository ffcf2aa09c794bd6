//! How a policy is read from a file, and written.
//!
//! By hand, because the errors of derived code do not name the field, and those of an untagged enum do not name the value.

use super::{ConfigError, RequeueConfig, duration};
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
        // Any, not a map: an empty file is null in YAML.
        deserializer.deserialize_any(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = RequeueConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of default, error, initialization, rate_limit and max_rate")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RequeueConfig, A::Error> {
        let mut config = RequeueConfig::default();
        let mut seen = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                let twice = |_| Err(ConfigError::new("", "a second value", "must be given once"));
                map.next_value_seed(Field(&key, twice))?;
            }
            match key.as_str() {
                "default" => config.default = map.next_value_seed(Field(&key, Node::interval))?,
                "error" => config.error = map.next_value_seed(Field(&key, Node::interval))?,
                "initialization" => config.initialization = map.next_value_seed(Field(&key, Node::interval))?,
                "rate_limit" => config.rate_limit = map.next_value_seed(Field(&key, Node::limit_or_off))?,
                "max_rate" => config.max_rate = map.next_value_seed(Field(&key, Node::rate_or_off))?,
                // Refused while the value is read, so that the format's error says where.
                _ => map.next_value_seed(Field(&key, |_| {
                    let allowed = "must be one of default, error, initialization, rate_limit, max_rate";
                    Err(ConfigError::new("", "an unknown field", allowed))
                }))?,
            }
            seen.push(key);
        }
        Ok(config)
    }

    // An empty file.
    fn visit_unit<E: de::Error>(self) -> Result<RequeueConfig, E> {
        Ok(RequeueConfig::default())
    }
}

/// Reads one field of the config: its path, and what turns a node into its value.
struct Field<'a, F>(&'a str, F);

impl<'de, T, F: FnOnce(Node) -> Result<T, ConfigError>> DeserializeSeed<'de> for Field<'_, F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let node = Node::deserialize(deserializer)?;
        (self.1)(node).map_err(|error| {
            // An error about the value itself names no field yet.
            let error = if error.field.is_empty() {
                let field = if self.0.is_empty() { "value" } else { self.0 };
                ConfigError {
                    field: field.into(),
                    ..error
                }
            } else {
                error.within(self.0)
            };
            de::Error::custom(error)
        })
    }
}

/// A value from the file, kept until its type is known.
enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List,
    Map(Vec<(String, Node)>),
}

impl Node {
    fn interval(self) -> Result<Interval, ConfigError> {
        let Self::Map(fields) = self else {
            let initial = self.duration("")?;
            let interval = Interval::constant(initial);
            // In the short form there is no field `initial` to name.
            return interval.validate().map(|()| interval).map_err(|error| ConfigError {
                field: String::new(),
                ..error
            });
        };
        let [initial, factor, max, jitter, deadline] =
            take(fields, ["initial", "factor", "max", "jitter", "deadline"])?;
        let Some(initial) = initial else {
            return Err(ConfigError::new("initial", "none", DURATION));
        };
        let duration = |field, node: Option<Self>| node.map(|node| node.duration(field)).transpose();
        let number = |field, node: Option<Self>| node.map(|node| node.number(field)).transpose();
        let mut interval = Interval::constant(initial.duration("initial")?)
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

    fn rate_limit(self) -> Result<RateLimit, ConfigError> {
        let Self::Map(fields) = self else {
            let allowed = "must be a map such as { burst: 30, every: 1s }, or null for no limit";
            return Err(ConfigError::new("", self, allowed));
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

    fn max_rate(self) -> Result<MaxRate, ConfigError> {
        let Self::Map(fields) = self else {
            let rate = MaxRate::new(self.number("")?);
            return rate.validate().map(|()| rate).map_err(|error| ConfigError {
                field: String::new(),
                ..error
            });
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
