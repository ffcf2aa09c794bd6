//! What a document means, read once more by other code: from the plain values that its format makes of it.

use requeue_policy::{Interval, MaxRate, RateLimit, RequeueConfig};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use std::{fmt, time::Duration};

/// A document as its format reads it, whatever it is to mean; keys that come twice are there twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nothing,
    Bool(bool),
    Whole(i128),
    Real(f64),
    Text(String),
    /// Bytes, a date: nothing that a config is made of.
    Other,
    List,
    Map(Vec<(Value, Value)>),
}

impl Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a key of it is something else than a text.
    pub(crate) fn has_odd_key(&self) -> bool {
        match self {
            Self::Map(map) => map
                .iter()
                .any(|(key, value)| key.text().is_none() || value.has_odd_key()),
            _ => false,
        }
    }
}

pub(crate) fn from_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::Boolean(value) => Value::Bool(*value),
        toml::Value::Integer(value) => Value::Whole((*value).into()),
        toml::Value::Float(value) => Value::Real(*value),
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Datetime(_) => Value::Other,
        toml::Value::Array(_) => Value::List,
        toml::Value::Table(table) => Value::Map(
            table
                .iter()
                .map(|(key, value)| (Value::Text(key.clone()), from_toml(value)))
                .collect(),
        ),
    }
}

/// What a document is to become; `None` where it is to be refused.
pub(crate) fn config(document: &Value) -> Option<RequeueConfig> {
    if *document == Value::Nothing {
        return Some(RequeueConfig::default());
    }
    let fields = fields(
        document,
        &["default", "error", "initialization", "rate_limit", "max_rate"],
    )?;
    let mut config = RequeueConfig::default();
    for (name, value) in fields {
        match name {
            "default" => config.default = interval(value)?,
            "error" => config.error = interval(value)?,
            "initialization" => config.initialization = interval(value)?,
            "rate_limit" => config.rate_limit = limit(value)?,
            _ => config.max_rate = rate(value)?,
        }
    }
    Some(config)
}

/// The entries of a map, if each of its keys is known and comes once.
fn fields<'a>(map: &'a Value, known: &[&str]) -> Option<Vec<(&'a str, &'a Value)>> {
    let Value::Map(map) = map else { return None };
    let mut fields: Vec<(&str, &Value)> = Vec::new();
    for (key, value) in map {
        let key = key.text()?;
        if !known.contains(&key) || fields.iter().any(|(other, _)| *other == key) {
            return None;
        }
        fields.push((key, value));
    }
    Some(fields)
}

const LONGEST: Duration = Duration::from_secs(180 * 24 * 3600);

fn interval(value: &Value) -> Option<Interval> {
    if value.text().is_some() {
        return Some(Interval::constant(duration(value)?));
    }
    let fields = fields(value, &["initial", "factor", "max", "jitter", "deadline"])?;
    let field = |name| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    let initial = duration(field("initial")?)?;
    let mut interval = Interval::constant(initial);
    if let Some(factor) = field("factor") {
        let factor = number(factor).filter(|factor| *factor >= 1.0 && *factor < f64::INFINITY)?;
        if factor > 1.0 && field("max").is_none() {
            return None;
        }
        interval = interval.with_factor(factor);
    }
    if let Some(max) = field("max") {
        interval = interval.with_max(duration(max).filter(|max| *max >= initial)?);
    }
    if let Some(jitter) = field("jitter") {
        interval = interval.with_jitter(number(jitter).filter(|jitter| (0.0..=0.5).contains(jitter))?);
    }
    if let Some(deadline) = field("deadline") {
        interval = interval.with_deadline(duration(deadline)?);
    }
    Some(interval)
}

fn is_off(value: &Value) -> bool {
    matches!(value, Value::Nothing | Value::Bool(false)) || value.text() == Some("off")
}

fn limit(value: &Value) -> Option<Option<RateLimit>> {
    if is_off(value) {
        return Some(None);
    }
    let fields = fields(value, &["max", "within"])?;
    let field = |name| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    let max = number(field("max")?).filter(|max| max.fract() == 0.0 && (1.0..=65535.0).contains(max))?;
    Some(Some(RateLimit::new(max as u32, duration(field("within")?)?)))
}

fn rate(value: &Value) -> Option<Option<MaxRate>> {
    if is_off(value) {
        return Some(None);
    }
    let per_second = |value| number(value).filter(|rate| (1e-4..=1e6).contains(rate));
    if !matches!(value, Value::Map(_)) {
        return Some(Some(MaxRate::new(per_second(value)?)));
    }
    let fields = fields(value, &["per_second", "burst"])?;
    let field = |name| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    let mut rate = MaxRate::new(per_second(field("per_second")?)?);
    if let Some(burst) = field("burst") {
        let burst = number(burst).filter(|burst| burst.fract() == 0.0 && (1.0..=1e6).contains(burst))?;
        rate = rate.with_burst(burst as u32);
    }
    Some(Some(rate))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Whole(number) => Some(*number as f64),
        Value::Real(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn duration(value: &Value) -> Option<Duration> {
    nanoseconds(value.text()?)
        .and_then(|nanos| u64::try_from(nanos).ok())
        .map(Duration::from_nanos)
        .filter(|duration| (Duration::from_millis(1)..=LONGEST).contains(duration))
}

/// A sum of numbers, each with its unit behind it, with white space or none between them.
fn nanoseconds(text: &str) -> Option<u128> {
    let mut rest = text.trim_start();
    let mut sum = 0_u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let whole = digits(&mut rest);
        let mut number = whole.parse::<u64>().ok()?.into();
        let mut scale = 1_u128;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction;
            let fraction = digits(&mut rest);
            scale = u128::from(10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?);
            number = u128::checked_add(number * scale, fraction.parse::<u64>().ok()?.into())?;
        }
        rest = rest.trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic() && c != 'µ')
            .unwrap_or(rest.len());
        let unit = unit(&rest[..end])?;
        rest = rest[end..].trim_start();
        // A fraction that is no whole number of nanoseconds or, of an hour and more, of seconds, is refused.
        let smallest = if scale > 1 && unit >= 3600 * SECOND { SECOND } else { 1 };
        let product = number.checked_mul(unit / smallest)?;
        if product % scale != 0 {
            return None;
        }
        sum = sum.checked_add(product / scale * smallest)?;
    }
    Some(sum)
}

fn digits<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    digits
}

const SECOND: u128 = 1_000_000_000;

/// As humantime 2.4 lists them in the documentation of `parse_duration`, and "nanos" and "millis".
fn unit(name: &str) -> Option<u128> {
    Some(match name {
        "nsec" | "ns" | "nanos" => 1,
        "usec" | "us" | "µs" => 1_000,
        "msec" | "ms" | "millis" => 1_000_000,
        "seconds" | "second" | "secs" | "sec" | "s" => SECOND,
        "minutes" | "minute" | "mins" | "min" | "m" => 60 * SECOND,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3600 * SECOND,
        "days" | "day" | "d" => 86_400 * SECOND,
        "weeks" | "week" | "wks" | "wk" | "w" => 7 * 86_400 * SECOND,
        "months" | "month" | "M" => 2_630_016 * SECOND,
        "years" | "year" | "yrs" | "yr" | "y" => 31_557_600 * SECOND,
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Real(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<Value>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}
