//! Any text as a config file: accepted for what it says and nothing else, or refused with a reason.

use crate::{cases, format::Format};
use proptest::{prelude::*, sample::Index};
use requeue_policy::{Interval, MaxRate, RateLimit, RequeueConfig, RequeuePolicy as _};
use serde_json::{Value, json};
use std::time::Duration;

const LONGEST: u128 = 180 * 86_400_000_000_000;

/// What is accepted is valid and is written and read back; what is refused is no document of its format, or the refusal
/// names a field and what is allowed.
fn check(format: Format, text: &str) -> Result<(), TestCaseError> {
    match format.read(text) {
        Ok(config) => {
            prop_assert!(config.validate().is_ok(), "{} {:?}", text, config);
            for format in Format::ALL {
                match format.write(&config) {
                    Some(written) => prop_assert_eq!(format.read(&written), Ok(config), "{}", written),
                    None => prop_assert_eq!((format, config.rate_limit()), (Format::Toml, None)),
                }
            }
            prop_assert_eq!(config.to_string().parse(), Ok(config));
        }
        Err(error) => prop_assert!(
            is_reason(&error) || !format.is_document(text),
            "{:?} {:?}\n{}",
            format,
            text,
            error
        ),
    }
    Ok(())
}

/// `field: value is not allowed, it must ..`, all in one line and with nothing that a terminal obeys; or what the whole
/// document or a key has to be.
fn is_reason(error: &str) -> bool {
    let of_the_reader = [
        "expected a map of default, error, initialization, rate_limit and max_rate",
        "cannot deserialize null into string",
    ];
    let is_refusal = |line: &str| {
        let parts = line.split_once(" is not allowed, it must ");
        let is_whole = parts.is_some_and(|(what, allowed)| what.contains(": ") && !allowed.is_empty());
        is_whole && !line.contains(char::is_control)
    };
    of_the_reader.iter().any(|text| error.contains(text)) || error.lines().any(is_refusal)
}

/// Seconds from `from` on, written in one of many ways.
fn seconds(from: u64, to: u64) -> impl Strategy<Value = (Value, Duration)> {
    (from..to, 0..5).prop_map(|(n, style)| {
        let text = match style {
            0 => format!("{n}s"),
            1 => format!("{n}000ms"),
            2 => format!(" {}min {} sec", n / 60, n % 60),
            3 => format!("{}h{}m{}s", n / 3600, n / 60 % 60, n % 60),
            _ => format!("{}.5s 500ms", n - 1),
        };
        (text.into(), Duration::from_secs(n))
    })
}

/// A number, or one as the environment has it.
fn number(number: impl Strategy<Value = f64>) -> impl Strategy<Value = (Value, f64)> {
    (number, any::<bool>()).prop_map(|(number, as_text)| {
        let value = if as_text {
            number.to_string().into()
        } else {
            number.into()
        };
        (value, number)
    })
}

/// An interval as it is written, and what it means.
fn interval() -> impl Strategy<Value = (Value, Interval)> {
    let optional = (
        prop::option::of((
            number((10..60_u32).prop_map(|n| f64::from(n) / 10.0)),
            seconds(60, 86_400),
        )),
        prop::option::of(number((0..=50_u32).prop_map(|n| f64::from(n) / 100.0))),
        prop::option::of(seconds(1, 864_000)),
    );
    let comes = (seconds(1, 60), 0..3, optional).prop_map(|((text, initial), style, (growth, jitter, deadline))| {
        let mut interval = Interval::constant(initial);
        if style == 0 {
            return (text, interval);
        }
        let mut map = json!({ "initial": text });
        if let Some(((factor, by), (max, at_most))) = growth {
            (map["factor"], map["max"]) = (factor, max);
            interval = interval.with_factor(by).with_max(at_most);
        }
        if let Some((jitter, share)) = jitter {
            map["jitter"] = jitter;
            interval = interval.with_jitter(share);
        }
        if let Some((deadline, after)) = deadline {
            map["deadline"] = deadline;
            interval = interval.with_deadline(after);
        }
        if style == 1 {
            (as_text(&map, "initial"), interval)
        } else {
            (map, interval)
        }
    });
    let never = prop::sample::select(vec![json!("never"), json!(" never"), json!({ "initial": "never" })]);
    prop_oneof![9 => comes, 1 => never.prop_map(|never| (never, Interval::never()))]
}

/// A map as text, its first field without the name.
fn as_text(map: &Value, first: &str) -> Value {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut text = plain(&map[first]);
    for (name, value) in map.as_object().into_iter().flatten().filter(|(name, _)| *name != first) {
        text += &format!(":{name}={}", plain(value));
    }
    text.into()
}

fn off<T: Clone + std::fmt::Debug>() -> impl Strategy<Value = (Value, Option<T>)> {
    prop::sample::select(vec![Value::Null, false.into(), "off".into()]).prop_map(|off| (off, None))
}

fn limit() -> impl Strategy<Value = (Value, Option<RateLimit>)> {
    let on = (1_u32..65_536, seconds(1, 86_400), any::<bool>()).prop_map(|(burst, (text, every), is_text)| {
        let map = json!({ "burst": burst, "every": text });
        let map = if is_text { as_text(&map, "burst") } else { map };
        (map, Some(RateLimit::new(burst, every)))
    });
    prop_oneof![3 => on, 1 => off()]
}

fn rate() -> impl Strategy<Value = (Value, Option<MaxRate>)> {
    let per_second = number((1..=1_000_000_u32).prop_map(|n| f64::from(n) / 100.0));
    let burst = prop::option::of(1..=1_000_000_u32);
    let on = (per_second, burst, any::<bool>()).prop_map(|((number, rate), burst, is_text)| match burst {
        Some(burst) => {
            let map = json!({ "per_second": number, "burst": burst });
            let map = if is_text { as_text(&map, "per_second") } else { map };
            (map, Some(MaxRate::new(rate).with_burst(burst)))
        }
        None => (number, Some(MaxRate::new(rate))),
    });
    prop_oneof![3 => on, 1 => off()]
}

/// A document that is accepted, and what it means.
fn document() -> impl Strategy<Value = (Value, RequeueConfig)> {
    let option = prop::option::of::<BoxedStrategy<(Value, Interval)>>;
    let intervals = [(); 3].map(|()| option(interval().boxed()));
    (intervals, prop::option::of(limit()), prop::option::of(rate())).prop_map(
        |([default, error, initialization], limit, rate)| {
            let (mut map, mut config) = (json!({}), RequeueConfig::default());
            type Set = fn(RequeueConfig, Interval) -> RequeueConfig;
            let intervals: [(_, _, Set); 3] = [
                ("default", default, RequeueConfig::with_default),
                ("error", error, RequeueConfig::with_error),
                ("initialization", initialization, RequeueConfig::with_initialization),
            ];
            for (name, interval, set) in intervals {
                if let Some((written, interval)) = interval {
                    map[name] = written;
                    config = set(config, interval);
                }
            }
            if let Some((written, limit)) = limit {
                map["rate_limit"] = written;
                config = config.with_rate_limit(limit);
            }
            if let Some((written, rate)) = rate {
                map["max_rate"] = written;
                config = config.with_max_rate(rate);
            }
            (map, config)
        },
    )
}

/// Numbers with units, and what they are in nanoseconds.
fn parts() -> impl Strategy<Value = (String, u128)> {
    const UNITS: [(&str, u128); 12] = [
        ("ns", 1),
        ("us", 1000),
        ("µs", 1000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("hours", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
        ("w", 7 * 86_400_000_000_000),
        // As humantime lists them: 30.44 and 365.25 days.
        ("M", 2_630_016_000_000_000),
        ("y", 31_557_600_000_000_000),
        ("parsec", u128::MAX),
    ];
    let part = (any::<u64>(), 0_u32..64, prop::sample::select(&UNITS[..]));
    prop::collection::vec(part, 1..4).prop_map(|parts| {
        let parts = parts.iter().map(|(n, bits, (unit, nanos))| {
            let n = n >> bits;
            let nanos = if *nanos == u128::MAX {
                *nanos
            } else {
                nanos * u128::from(n)
            };
            (format!("{n}{unit}"), nanos)
        });
        parts.fold((String::new(), 0), |(text, sum), (part, nanos)| {
            (format!("{text} {part}"), u128::saturating_add(sum, nanos))
        })
    })
}

#[rustfmt::skip]
const ODD: &[&str] = &[
    "", " ", "30", "s", "-30s", "+30s", "1.5s", "1e3s", "30S", "٣٠s", "１０s", "30\u{a0}s", "30s\n", "30s\0", "180days",
    "0s", "0x10s", "NaN", ".inf", "1e400", "0.50000000000000001", "65535.0", "4294967297", "-0.0", "017", "1_000", "~",
    "null", "false", "off", "12:30", "1979-05-27", "never", "Never", "10s..", "..", "1s..9s", "9s..1s", "1s:jitter", "1s:=",
    "30:every=1s", "50:burst=9", "default=9s", "error=1s..9s:jitter=0.1,max_rate=off",
];

/// A value that is mostly not allowed.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => parts().prop_map(|(text, _)| text.into()),
        2 => prop::sample::select(ODD).prop_map(Value::from),
        2 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!(true), json!([]), json!({}), json!(["30s"]), json!({ "max": 1 })]),
    ]
}

/// Replaces a value anywhere in a document, or adds one.
fn change(document: &mut Value, place: &Index, key: &str, odd: Value) {
    let Value::Object(map) = document else {
        *document = odd;
        return;
    };
    let at = place.index(map.len() + 1);
    match map.values_mut().nth(at) {
        Some(inner) if inner.is_object() => change(inner, place, key, odd),
        Some(value) => *value = odd,
        None => drop(map.insert(key.to_owned(), odd)),
    }
}

fn changes() -> impl Strategy<Value = Vec<(Index, String, Value)>> {
    let key = prop_oneof![
        3 => prop::sample::select(vec!["default", "error", "initial", "max", "burst", "every", "per_second", "Default", "error.initial"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[\\x00-\\x1f\\x7f-\\x9fa\u{2028}]{1,3}",
    ];
    prop::collection::vec((any::<Index>(), key, odd()), 1..4)
}

/// What happens to a document once it is text.
#[derive(Clone, Debug)]
enum Slip {
    Insert(String),
    Flip(u8),
    Delete(usize),
    Repeat(usize),
    CarriageReturns,
}

#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "&a ", "*a", "*b ", "!!str ", "!!float ", "!!int ", "!!null ", "!!binary ", "!!map ", "!x ", "<<: *a\n", "<<: {max: 5m}\n",
    "|\n", ">-\n", "# c\n", "\t", "? ", "- ", "~", "{", "}", "[", "]", ": ", ", ", "%YAML 1.1\n", "\n---\n", "\n...\n", "---\n",
    "\0", "\u{feff}", "\u{2028}", "\u{85}", "yes", "0o7", "\"", "'", "\\uD800", "\\uD83D\\uDE00", "\\u0000", "\\", "\"\"\"",
    "'''", "[[error]]\n", "[error]\n", "error.max = '5m'\n", "= ", "null", "\x1b[31m", "\r", "\n", " ", "default: 7s\n", "${HOME}",
];

fn slips() -> impl Strategy<Value = Vec<(Index, Slip)>> {
    let slip = prop_oneof![
        6 => prop::sample::select(FRAGMENTS).prop_map(|text| Slip::Insert(text.to_owned())),
        1 => any::<String>().prop_map(Slip::Insert),
        2 => any::<u8>().prop_map(Slip::Flip),
        2 => (1_usize..12).prop_map(Slip::Delete),
        1 => (1_usize..40).prop_map(Slip::Repeat),
        1 => Just(Slip::CarriageReturns),
    ];
    prop::collection::vec((any::<Index>(), slip), 0..4)
}

fn slip(text: String, slips: &[(Index, Slip)]) -> String {
    let mut bytes = text.into_bytes();
    for (place, slip) in slips {
        let at = place.index(bytes.len() + 1);
        let rest = bytes.len() - at;
        match slip {
            Slip::Insert(text) => drop(bytes.splice(at..at, text.bytes())),
            Slip::Flip(mask) if rest > 0 => bytes[at] ^= mask,
            Slip::Flip(_) => {}
            Slip::Delete(len) => drop(bytes.drain(at..at + rest.min(*len))),
            Slip::Repeat(len) => {
                let copy = bytes[at..at + rest.min(*len)].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            Slip::CarriageReturns => {
                bytes = String::from_utf8_lossy(&bytes).replace('\n', "\r\n").into_bytes();
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_document_is_read_for_what_it_says_in_every_format((document, config) in document()) {
        for format in Format::ALL {
            if let Some(text) = format.write(&document) {
                prop_assert_eq!(format.read(&text), Ok(config), "{}", text);
            }
        }
    }

    #[test]
    fn a_duration_is_the_sum_of_its_parts((text, nanos) in parts()) {
        let read = Format::Json.read(&json!({ "default": text }).to_string());
        let is_allowed = (1_000_000..=LONGEST).contains(&nanos);
        let expected = is_allowed.then(|| Interval::constant(Duration::from_nanos(nanos as u64)));
        prop_assert_eq!(read.map(|config| config.default_interval()).ok(), expected, "{}", text);
    }

    #[test]
    fn odd_values_are_the_same_in_every_format_and_refused_with_a_reason((mut document, _) in document(), changes in changes()) {
        for (place, key, odd) in changes {
            change(&mut document, &place, &key, odd);
        }
        let expected = Format::Json.read(&document.to_string()).ok();
        for format in Format::ALL {
            // TOML's documents are maps without null.
            if let Some(text) = format.write(&document).filter(|_| format != Format::Toml || document.is_object()) {
                prop_assert_eq!(format.read(&text).ok(), expected, "{:?} {}", format, text);
                check(format, &text)?;
            }
        }
    }

    #[test]
    fn a_text_with_slips_is_read_or_refused_with_a_reason((document, _) in document(), slips in slips()) {
        for format in Format::ALL {
            if let Some(text) = format.write(&document) {
                check(format, &slip(text, &slips))?;
            }
        }
    }

    /// What a flag or a variable of the environment says.
    #[test]
    fn a_text_is_read_like_a_file_or_refused_with_a_reason((mut document, _) in document(), changes in changes()) {
        for (place, key, odd) in changes {
            change(&mut document, &place, &key, odd);
        }
        let fields: Option<Vec<_>> = document.as_object().map(|fields| {
            let fields = fields.iter().map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            fields.collect()
        });
        let text = fields.map_or_else(|| document.to_string(), |fields| fields.join(","));
        let by_file = Format::Json.read(&Value::from(text.as_str()).to_string());
        match text.parse::<RequeueConfig>() {
            Ok(config) => {
                prop_assert!(config.validate().is_ok(), "{} {:?}", text, config);
                prop_assert_eq!(by_file, Ok(config));
            }
            Err(error) => {
                prop_assert!(is_reason(&error.to_string()), "{}: {}", text, error);
                prop_assert!(by_file.is_err());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_in_every_format(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        for format in Format::ALL {
            check(format, &text)?;
        }
        let from_slice: Option<RequeueConfig> = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(from_slice, std::str::from_utf8(&bytes).ok().and_then(|text| Format::Json.read(text).ok()));
    }
}

/// Each of them once was refused without a reason, or accepted.
#[test]
fn texts_that_found_something() {
    let texts = [
        r#"{"rate_limit":{"\u0000":{"burst":1,"every":"1m"}}}"#,
        "\"\\u0080\" = \"1s\"",
        "rate_limit: null\nerror: { initial: \" 30s \", max: 1h 10min, factor: 1.1, jitter: 0.01 }",
        "rate_limit:\r\n  burst: 1\r  every: 1000m\ninitialization:\n  initial: 1s\r\n",
        "!!binary {}",
        "off",
        "-",
        "\"off\"",
    ];
    for text in texts {
        for format in Format::ALL {
            check(format, text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
