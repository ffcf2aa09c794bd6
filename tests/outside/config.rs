//! Any text as a config file: accepted for what it says and nothing else, or refused with a reason.

use crate::{
    cases, document,
    reading::{self, Value},
    render::{self, Style},
};
use proptest::prelude::*;
use requeue_policy::RequeueConfig;
use std::time::{Duration, Instant};

/// A text of a few kilobytes is read within this time, on a slow machine in a debug build.
const SLOW: Duration = Duration::from_secs(2);

/// What came of a text, and what its format makes of it.
struct Read {
    config: Result<RequeueConfig, String>,
    value: Option<Value>,
}

fn timed<T>(read: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let read = read();
    assert!(start.elapsed() < SLOW, "took {:?}", start.elapsed());
    read
}

fn json(text: &str) -> Read {
    Read {
        config: timed(|| serde_json::from_str(text)).map_err(|error| error.to_string()),
        value: serde_json::from_str(text).ok(),
    }
}

fn yaml(text: &str) -> Read {
    Read {
        config: timed(|| serde_saphyr::from_str(text)).map_err(|error| error.to_string()),
        value: serde_saphyr::from_str(text).ok(),
    }
}

fn toml(text: &str) -> Read {
    let table = toml::from_str::<toml::Table>(text).ok();
    Read {
        config: timed(|| toml::from_str(text)).map_err(|error| error.to_string()),
        value: table.map(|table| reading::from_toml(&toml::Value::Table(table))),
    }
}

/// The property: what is accepted means what other code reads in it; what is refused is no document of its format, or the
/// refusal names a field and what is allowed.
fn check(text: &str, read: Read) -> Result<(), TestCaseError> {
    let expected = read.value.as_ref().and_then(reading::config);
    match (read.config, expected) {
        (Ok(config), expected) => {
            prop_assert_eq!(Some(config), expected, "{:?} {:?}", text, read.value);
            prop_assert!(config.validate().is_ok(), "{}", text);
            round_trip(&config)?;
        }
        (Err(error), None) => {
            // A key that is no text is refused by the format itself.
            let is_reason = read.value.as_ref().is_none_or(Value::has_odd_key) || is_reason(&error);
            prop_assert!(is_reason, "{:?}\n{}\n{:?}", text, error, read.value);
        }
        (Err(error), Some(_)) => prop_assert!(false, "refused: {:?}\n{}", text, error),
    }
    Ok(())
}

/// `field: value is not allowed, it must ..`, all in one line and with nothing that a terminal obeys; or, where the whole
/// document is something else than a map, what it is to be.
fn is_reason(error: &str) -> bool {
    let whole = "expected a map of default, error, initialization, rate_limit and max_rate";
    // A key that is null, in words that the YAML reader has for it.
    let key = "cannot deserialize null into string";
    error.contains(whole)
        || error.contains(key)
        || error.lines().any(|line| {
            line.split_once(" is not allowed, it must ")
                .is_some_and(|(what, allowed)| what.contains(": ") && !allowed.is_empty())
                && !line.contains(char::is_control)
        })
}

/// What was read is written and read back, in each format.
fn round_trip(config: &RequeueConfig) -> Result<(), TestCaseError> {
    let json = serde_json::to_string(config).expect("JSON is written");
    prop_assert_eq!(
        &serde_json::from_str::<RequeueConfig>(&json).expect("JSON is read"),
        config
    );
    let yaml = serde_saphyr::to_string(config).expect("YAML is written");
    prop_assert_eq!(
        &serde_saphyr::from_str::<RequeueConfig>(&yaml).expect("YAML is read"),
        config
    );
    match toml::to_string(config) {
        Ok(toml) => prop_assert_eq!(&toml::from_str::<RequeueConfig>(&toml).expect("TOML is read"), config),
        // It has no null, and says so.
        Err(_) => prop_assert_eq!(config.rate_limit, None),
    }
    Ok(())
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        3 => Just(Style::Inline),
        3 => Just(Style::Dotted),
        3 => Just(Style::Table),
        1 => Just(Style::ArrayOfTables),
    ]
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_yaml_file_is_read_for_what_it_says_or_refused_with_a_reason(
        document in document::document(),
        plain in any::<bool>(),
        slips in render::slips(),
    ) {
        let text = render::slip(render::yaml(&document, plain), &slips);
        check(&text, yaml(&text))?;
    }

    #[test]
    fn a_toml_file_is_read_for_what_it_says_or_refused_with_a_reason(
        document in document::document(),
        style in style(),
        slips in render::slips(),
    ) {
        let text = render::slip(render::toml(&document, style), &slips);
        check(&text, toml(&text))?;
    }

    #[test]
    fn a_json_file_is_read_for_what_it_says_or_refused_with_a_reason(
        document in document::document(),
        slips in render::slips(),
    ) {
        let text = render::slip(render::json(&document), &slips);
        check(&text, json(&text))?;
    }

    #[test]
    fn a_valid_document_is_accepted_in_every_format(document in document::valid(), plain in any::<bool>()) {
        let text = render::json(&document);
        let config = json(&text).config;
        prop_assert!(config.is_ok(), "{} {:?}", text, config);
        let text = render::yaml(&document, plain);
        prop_assert_eq!(&yaml(&text).config, &config, "{}", text);
        for style in [Style::Inline, Style::Dotted, Style::Table] {
            let text = render::toml(&document, style);
            let read = toml(&text).config;
            // It has no null.
            prop_assert!(read == config || text.contains("= null"), "{} {:?}", text, read);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_in_every_format(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        for read in [yaml(&text), toml(&text), json(&text)] {
            check(&text, read)?;
        }
        let from_slice: Option<RequeueConfig> = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(from_slice.is_some(), serde_json::from_slice::<Value>(&bytes).ok().as_ref().and_then(reading::config).is_some());
    }
}
