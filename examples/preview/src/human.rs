//! Durations and numbers as people read them.

use std::{fmt::Write as _, time::Duration};

const UNITS: [(u128, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];

/// A duration to the millisecond, kube-runtime's resolution, as `kubectl` writes ages: `1m20s`; a config file takes it,
/// too, unless it has a decimal point.
pub(crate) fn exact(duration: Duration) -> String {
    if duration.is_zero() {
        return "0".into();
    }
    if duration < Duration::from_millis(1) {
        return format!("{}us", duration.as_micros());
    }
    let mut millis = (duration.as_nanos() + 500_000) / 1_000_000;
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let mut text = String::new();
    for (unit, name) in UNITS {
        let whole = millis / unit;
        millis %= unit;
        if unit == 1000 && millis > 0 {
            let decimals = format!("{millis:03}");
            let _ = write!(text, "{whole}.{}s", decimals.trim_end_matches('0'));
        } else if whole > 0 {
            let _ = write!(text, "{whole}{name}");
        }
    }
    text
}

/// An upper bound: exact, or rounded up where it is long.
pub(crate) fn at_most(duration: Duration) -> String {
    let millis = duration.as_nanos().div_ceil(1_000_000) as u64;
    let step = match millis {
        0..600_000 => 1,
        600_000..86_400_000 => 1000,
        _ => 3_600_000,
    };
    exact(Duration::from_millis(millis.div_ceil(step) * step))
}

/// A measured duration: three or so digits of it.
pub(crate) fn rounded(duration: Duration) -> String {
    let millis = duration.as_millis() as u64;
    let step = match millis {
        0..1000 => 1,
        1000..60_000 => 100,
        60_000..3_600_000 => 1000,
        3_600_000..86_400_000 => 60_000,
        _ => 3_600_000,
    };
    exact(Duration::from_millis((millis + step / 2) / step * step))
}

/// A time that may lie further ahead than a duration reaches.
pub(crate) fn seconds(seconds: f64) -> String {
    const YEAR: f64 = 365.25 * 86_400.0;
    if seconds < YEAR {
        rounded(Duration::from_secs_f64(seconds.max(0.0)))
    } else if seconds < 1e6 * YEAR {
        format!("{} years", count((seconds / YEAR).round() as u64))
    } else {
        "> 1,000,000 years".into()
    }
}

/// A number with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: whole from 100 on, otherwise with three digits that count.
pub(crate) fn rate(rate: f64) -> String {
    match rate {
        _ if rate >= 99.95 => count(rate.round() as u64),
        _ if rate >= 9.995 => format!("{rate:.1}"),
        _ if rate >= 0.9995 => format!("{rate:.2}"),
        _ if rate >= 0.099_95 => format!("{rate:.3}"),
        _ if rate == 0.0 => "0".into(),
        _ if rate >= 0.000_1 => format!("{rate:.4}"),
        _ => "< 0.0001".into(),
    }
}

/// A share in per cent.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 100.0)
}
