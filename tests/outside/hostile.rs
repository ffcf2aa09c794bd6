//! Config files that are made to break their reader: deep, endless, exploding.

use requeue_policy::{Interval, RequeueConfig};
use std::time::{Duration, Instant};

/// Reads a text with the little stack of a thread, and returns what came of it; fails where that takes long.
fn read(format: &str, text: String) -> Result<RequeueConfig, String> {
    let start = Instant::now();
    let (name, len) = (format.to_owned(), text.len());
    let result = std::thread::spawn(move || match name.as_str() {
        "yaml" => serde_saphyr::from_str(&text).map_err(|error| error.to_string()),
        "toml" => toml::from_str(&text).map_err(|error| error.to_string()),
        _ => serde_json::from_str(&text).map_err(|error| error.to_string()),
    })
    .join()
    .expect("no text makes it panic");
    println!("{format}, {len} bytes: {:?}, {:.120?}", start.elapsed(), result);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    result
}

#[test]
fn a_document_that_nests_too_deep_is_refused() {
    for depth in [200, 10_000, 100_000] {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let maps = |open: &str| format!("{}1{}", open.repeat(depth), "}".repeat(depth));
        let documents = [
            ("json", lists.clone()),
            ("json", format!("{{\"default\":{lists}}}")),
            ("json", format!("{{\"error\":{}}}", maps("{\"initial\":"))),
            ("json", "[".repeat(depth)),
            ("yaml", lists.clone()),
            ("yaml", format!("error: {lists}")),
            ("yaml", format!("error: {}", maps("{ initial: "))),
            ("yaml", "- ".repeat(depth)),
            ("yaml", "? ".repeat(depth)),
            ("yaml", format!("error: {}", "{".repeat(depth))),
            ("toml", format!("error = {lists}")),
            ("toml", format!("error = {}", maps("{ initial = "))),
            ("toml", format!("error{} = 1", ".initial".repeat(depth))),
            ("toml", format!("[error{}]", ".initial".repeat(depth))),
        ];
        for (format, text) in documents {
            assert!(read(format, text).is_err(), "{format}");
        }
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let names: Vec<_> = ('a'..='z').collect();
    let mut laughs = "&a [x, x, x, x, x, x, x, x, x]".to_owned();
    let mut maps = "1: &a { x: y }".to_owned();
    for pair in names.windows(2) {
        let alias = format!("*{}", pair[0]);
        laughs.push_str(&format!(", &{} [{}]", pair[1], [alias.as_str(); 9].join(", ")));
        maps.push_str(&format!(
            ", {0}: &{0} {{ 1: {alias}, 2: {alias}, 3: {alias} }}",
            pair[1]
        ));
    }
    let documents = [
        format!("default: [{laughs}]"),
        format!("default: {{ {maps}, <<: *z }}"),
        "error: &a { initial: *a }".to_owned(),
        "error: &a [*a]".to_owned(),
        format!("default: &a 30s\nerror: [{}]", "*a, ".repeat(60_000)),
        format!("default: &a 30s\nerror: [{}]", "*a, ".repeat(20_000)),
    ];
    for text in documents {
        assert!(read("yaml", text).is_err());
    }
}

/// humantime 2.4.0 alone panics on it.
#[test]
fn a_sum_beyond_all_durations_is_refused() {
    for sum in [
        "18446744073709551615s 1000ms",
        "18446744073709551615s 1s",
        "584542046090y 19767615s 1000ms",
    ] {
        let error = read("json", format!("{{\"default\":\"{sum}\"}}")).expect_err("it is beyond all durations");
        assert!(error.contains("must be a duration with its unit"), "{error}");
    }
}

/// To humantime 2.4.0 alone it is 130 minutes.
#[test]
fn a_number_without_its_unit_is_refused_and_not_read_as_digits_of_the_next() {
    for text in ["1 30m", "1.5 5s", "1h 3 0m", "1h 0", "0", "1h 30", "1. 5s", "1 .5s"] {
        let error = read("json", format!("{{\"default\":\"{text}\"}}")).expect_err(text);
        assert!(error.contains("must be a duration with its unit"), "{error}");
    }
}

#[test]
fn an_alias_and_a_merge_key_say_what_they_point_at() {
    let aliased = read("yaml", "default: &a 7s\nerror: *a".to_owned()).expect("an alias");
    assert_eq!(aliased.error, Interval::constant(Duration::from_secs(7)));
    let merged = read(
        "yaml",
        "default: &a { initial: 7s, max: 9s }\nerror: { <<: *a, max: 8s }".to_owned(),
    );
    let expected = Interval::constant(Duration::from_secs(7)).with_max(Duration::from_secs(8));
    // Or refused, where the reader knows no merge keys.
    assert!(merged.is_err() || merged.is_ok_and(|config| config.error == expected));
}

#[test]
fn a_document_without_end_is_refused_in_a_moment() {
    let large = 100_000;
    let documents = [
        (
            "json",
            format!("{{{}\"default\":\"30s\"}}", "\"error\":\"1s\",".repeat(large / 10)),
        ),
        ("json", format!("{{\"default\":\"{}\"}}", "1y ".repeat(large))),
        ("json", format!("{{\"default\":\"{}s\"}}", "9".repeat(large))),
        (
            "json",
            format!("{{\"error\":{{\"initial\":\"1s\",\"jitter\":{}}}}}", "9".repeat(large)),
        ),
        (
            "json",
            format!(
                "{{\"error\":{{{}\"initial\":\"1s\"}}}}",
                "\"max\":\"1s\",".repeat(large / 10)
            ),
        ),
        ("yaml", format!("default: {}", "1y ".repeat(large))),
        ("yaml", format!("default: \"{}\"", "\\n".repeat(large))),
        ("yaml", format!("{}: 30s", "x".repeat(large))),
        ("yaml", (0..large / 10).map(|n| format!("k{n}: 30s\n")).collect()),
        ("yaml", "---\n".repeat(large / 10)),
        (
            "yaml",
            format!("error: {{ initial: 1s, jitter: 0.{} }}", "9".repeat(large)),
        ),
        ("toml", format!("default = '{}'", "1y ".repeat(large))),
        (
            "toml",
            format!("error = {{ initial = '1s', jitter = 0.{} }}", "9".repeat(large)),
        ),
        ("toml", (0..large / 10).map(|n| format!("[k{n}]\n")).collect()),
        ("toml", (0..large / 10).map(|n| format!("[[k]]\nx = {n}\n")).collect()),
    ];
    for (format, text) in documents {
        let read = read(format, text);
        assert!(read.is_err(), "{format} {read:?}");
    }
}
