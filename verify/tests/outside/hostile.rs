//! Config files that are made to break their reader: deep, endless, exploding.

use crate::format::Format::{Json, Toml, Yaml};
use requeue_policy::{Interval, RequeuePolicy as _};
use std::time::Duration;

#[test]
fn a_document_that_nests_too_deep_is_refused() {
    for depth in [200, 10_000, 100_000] {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let maps = |open: &str| format!("{}1{}", open.repeat(depth), "}".repeat(depth));
        let documents = [
            (Json, lists.clone()),
            (Json, format!("{{\"default\":{lists}}}")),
            (Json, format!("{{\"error\":{}}}", maps("{\"initial\":"))),
            (Json, "[".repeat(depth)),
            (Yaml, lists.clone()),
            (Yaml, format!("error: {lists}")),
            (Yaml, format!("error: {}", maps("{ initial: "))),
            (Yaml, "- ".repeat(depth)),
            (Yaml, "? ".repeat(depth)),
            (Yaml, format!("error: {}", "{".repeat(depth))),
            (Toml, format!("error = {lists}")),
            (Toml, format!("error = {}", maps("{ initial = "))),
            (Toml, format!("error{} = 1", ".initial".repeat(depth))),
            (Toml, format!("[error{}]", ".initial".repeat(depth))),
        ];
        for (format, text) in documents {
            assert!(format.read_in_thread(text).is_err(), "{format:?}");
        }
    }
}

#[test]
fn aliases_that_multiply_are_refused() {
    let names: Vec<_> = ('a'..='z').collect();
    let mut laughs = "&a [x, x, x, x, x, x, x, x, x]".to_owned();
    let mut maps = "1: &a { x: y }".to_owned();
    for pair in names.windows(2) {
        let (alias, name) = (format!("*{}", pair[0]), pair[1]);
        laughs += &format!(", &{name} [{}]", [alias.as_str(); 9].join(", "));
        maps += &format!(", {name}: &{name} {{ 1: {alias}, 2: {alias}, 3: {alias} }}");
    }
    let documents = [
        format!("default: [{laughs}]"),
        format!("default: {{ {maps}, <<: *z }}"),
        "error: &a { initial: *a }".to_owned(),
        "error: &a [*a]".to_owned(),
        format!("default: &a 30s\nerror: [{}]", "*a, ".repeat(60_000)),
    ];
    for text in documents {
        assert!(Yaml.read_in_thread(text).is_err());
    }
}

/// humantime 2.4.0 alone panics on the first three, and takes the others for 130 minutes and the like.
#[test]
fn a_sum_beyond_all_durations_and_a_number_without_its_unit_are_refused() {
    let sums = [
        "18446744073709551615s 1000ms",
        "18446744073709551615s 1s",
        "584542046090y 19767615s 1000ms",
    ];
    let units = ["1 30m", "1.5 5s", "1h 3 0m", "1h 0", "0", "1h 30", "1. 5s", "1 .5s"];
    for text in sums.iter().chain(&units) {
        let error = Json.read(&format!("{{\"default\":\"{text}\"}}")).expect_err(text);
        assert!(error.contains("must be a duration with its unit"), "{error}");
    }
}

#[test]
fn an_alias_and_a_merge_key_say_what_they_point_at() {
    let aliased = Yaml.read("default: &a 7s\nerror: *a").expect("an alias");
    assert_eq!(aliased.error_interval(), Interval::constant(Duration::from_secs(7)));
    let merged = Yaml.read("default: &a { initial: 7s, max: 9s }\nerror: { <<: *a, max: 8s }");
    let expected = Interval::constant(Duration::from_secs(7)).with_max(Duration::from_secs(8));
    // Or refused, where the reader knows no merge keys.
    assert!(merged.is_err() || merged.is_ok_and(|config| config.error_interval() == expected));
}

#[test]
fn a_document_without_end_is_refused_in_a_moment() {
    let large = 100_000;
    let many = |text: &str| text.repeat(large / 10);
    let (years, nines) = ("1y ".repeat(large), "9".repeat(large));
    let documents = [
        (Json, format!("{{{}\"default\":\"30s\"}}", many("\"error\":\"1s\","))),
        (Json, format!("{{\"default\":\"{years}\"}}")),
        (Json, format!("{{\"default\":\"{nines}s\"}}")),
        (Json, format!("{{\"error\":{{\"initial\":\"1s\",\"jitter\":{nines}}}}}")),
        (
            Json,
            format!("{{\"error\":{{{}\"initial\":\"1s\"}}}}", many("\"max\":\"1s\",")),
        ),
        (Yaml, format!("default: {years}")),
        (Yaml, format!("default: \"{}\"", "\\n".repeat(large))),
        (Yaml, format!("{}: 30s", "x".repeat(large))),
        (Yaml, (0..large / 10).map(|n| format!("k{n}: 30s\n")).collect()),
        (Yaml, many("---\n")),
        (Yaml, format!("error: {{ initial: 1s, jitter: 0.{nines} }}")),
        (Toml, format!("default = '{years}'")),
        (Toml, format!("error = {{ initial = '1s', jitter = 0.{nines} }}")),
        (Toml, (0..large / 10).map(|n| format!("[k{n}]\n")).collect()),
        (Toml, (0..large / 10).map(|n| format!("[[k]]\nx = {n}\n")).collect()),
    ];
    for (format, text) in documents {
        let read = format.read_in_thread(text);
        assert!(read.is_err(), "{format:?} {read:?}");
    }
}
