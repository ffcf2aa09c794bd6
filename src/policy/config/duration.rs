//! A duration as text.

use serde::Serializer;
use std::time::Duration;

/// Writes a duration in the units that humantime and Go both read, so that the API server can check it: `1h30m`.
pub(crate) fn written(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), u64::from(duration.subsec_nanos()));
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanos / 1_000_000, "ms"),
        (nanos / 1000 % 1000, "us"),
        (nanos % 1000, "ns"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let text: String = parts.map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".into() } else { text }
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&written(*duration))
}

/// Reads a duration as humantime does, part by part; `None` where it is none.
///
/// All at once, humantime 2.4.0 takes a number without a unit for digits of the next ("1 30m" for 130 minutes), and
/// panics where the seconds are `u64::MAX` and the rest is one more.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (mut sum, mut rest) = (Duration::ZERO, text);
    loop {
        let unit = rest.find(char::is_alphabetic)?;
        let end = rest[unit..].find(|c: char| !c.is_alphabetic());
        let (part, next) = rest.split_at(end.map_or(rest.len(), |end| unit + end));
        if part[..unit].trim().contains(char::is_whitespace) {
            return None;
        }
        let part = humantime_serde::re::humantime::parse_duration(part).ok()?;
        sum = sum.checked_add(part)?;
        rest = next;
        if rest.trim().is_empty() {
            return Some(sum);
        }
    }
}
