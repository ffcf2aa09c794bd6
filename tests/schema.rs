//! The schema of a policy and what serde reads: one admits what the other does.

#[path = "schema/policies.rs"]
mod policies;

use kube::{CustomResource, CustomResourceExt as _};
use policies::object;
use proptest::prelude::*;
use regex::Regex;
use requeue_policy::{Interval, MaxRate, RateLimit, RequeueConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{sync::LazyLock, time::Duration};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "OperatorConfig", namespaced)]
struct OperatorConfigSpec {
    #[serde(default)]
    requeue: RequeueConfig,
}

/// The schema of the policy as kube makes it for the API server.
static STRUCTURAL: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(OperatorConfig::crd()).expect("a definition");
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/requeue";
    crd.pointer(path).expect("the field's schema").clone()
});

/// Of a duration; the only pattern in the schema.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = STRUCTURAL.pointer("/properties/error/properties/initial/pattern");
    Regex::new(pattern.and_then(Value::as_str).expect("a pattern")).expect("a pattern")
});

/// A number and its unit.
static PART: LazyLock<Regex> = LazyLock::new(|| Regex::new("([0-9]+)([a-z]+)").expect("a pattern"));

/// What the API server would answer to a value, as far as this schema needs: the paths that are wrong. Unknown keywords
/// and rules panic, so nothing in the schema is passed over.
fn wrong(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let schema = schema.as_object().expect("a schema");
    if value.is_null() {
        // Without a default; with one the server has filled it in.
        found.extend((schema.get("nullable") != Some(&json!(true))).then(|| path.to_owned()));
        return;
    }
    let is_sound = match schema["type"].as_str().expect("one type") {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("a type that is not checked: {other}"),
    };
    if !is_sound {
        found.push(path.to_owned());
        return;
    }
    for (keyword, of) in schema {
        let is_sound = match &**keyword {
            "type" | "description" | "default" | "nullable" | "x-kubernetes-map-type" => true,
            "pattern" => {
                assert_eq!(of, PATTERN.as_str(), "another pattern");
                PATTERN.is_match(value.as_str().expect("checked"))
            }
            "maxLength" => value.as_str().map(|text| text.chars().count() as u64) <= of.as_u64(),
            "minimum" => value.as_f64() >= of.as_f64(),
            "maximum" => value.as_f64() <= of.as_f64(),
            "required" => of
                .as_array()
                .expect("a list")
                .iter()
                .all(|name| value.get(name.as_str().expect("a name")).is_some()),
            "properties" => {
                let fields = value.as_object().expect("checked");
                for (name, field) in fields {
                    match of.get(name) {
                        Some(schema) => wrong(schema, field, &format!("{path}.{name}"), found),
                        // Refused under strict validation, else left out of the object.
                        None => found.push(format!("{path}.{name}")),
                    }
                }
                true
            }
            // Last, in order to see only what is sound by itself.
            "x-kubernetes-validations" => true,
            other => panic!("a keyword that is not checked: {other}"),
        };
        if !is_sound {
            found.push(path.to_owned());
        }
    }
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
    if found.is_empty() {
        for rule in rules.into_iter().flatten() {
            let field = rule.get("fieldPath").and_then(Value::as_str).unwrap_or_default();
            let holds = holds(rule["rule"].as_str().expect("a rule"), value);
            found.extend((!holds).then(|| format!("{path}{field}")));
        }
    }
}

/// What the rules say, in Rust; the API server's own answers are a test on the real one.
fn holds(rule: &str, value: &Value) -> bool {
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(go_duration);
    match rule {
        "!has(self.max) || duration(self.max) >= duration(self.initial)" => {
            field("max").is_none_or(|max| max.is_some() && max >= field("initial").flatten())
        }
        "!has(self.factor) || self.factor <= 1.0 || has(self.max)" => {
            let is_constant = value.get("factor").is_none_or(|factor| factor.as_f64() <= Some(1.0));
            is_constant || value.get("max").is_some()
        }
        "duration(self) >= duration('1ms') && duration(self) <= duration('4320h')" => {
            let range = 1_000_000..=4320 * 3_600_000_000_000;
            go_duration(value.as_str().expect("a text")).is_some_and(|nanos| range.contains(&nanos))
        }
        "self > 0.0" => value.as_f64() > Some(0.0),
        other => panic!("a rule that is not checked: {other}"),
    }
}

/// Go's `time.ParseDuration` in nanoseconds, of whole numbers; `None` where it overflows.
fn go_duration(text: &str) -> Option<i64> {
    PART.captures_iter(text).try_fold(0_i64, |sum, part| {
        let unit = match &part[2] {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" => 1000,
            "ns" => 1,
            other => panic!("not a unit of Go's: {other}"),
        };
        sum.checked_add(part[1].parse::<i64>().ok()?.checked_mul(unit)?)
    })
}

fn admits(config: &Value) -> Result<(), Vec<String>> {
    let mut found = vec![];
    wrong(&STRUCTURAL, config, "requeue", &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn written(config: &RequeueConfig) -> Value {
    serde_json::to_value(config).expect("JSON is written")
}

#[test]
fn the_schema_fills_in_the_defaults_of_the_crate() {
    let schema = &*STRUCTURAL;
    let defaults = json!({
        "default": { "initial": "30s" },
        "error": { "initial": "10s" },
        "initialization": { "initial": "5s" },
        "rate_limit": { "max": 10, "within": "10s" },
    });
    assert_eq!(schema["default"], defaults);
    let fields = schema["properties"].as_object().expect("the fields").iter();
    let fields: Map<_, _> = fields
        // Off, and so without one.
        .filter(|(name, _)| *name != "max_rate")
        .map(|(name, field)| (name.clone(), field["default"].clone()))
        .collect();
    assert!(schema["properties"]["max_rate"].get("default").is_none());
    assert_eq!(Value::from(fields), defaults);
    let read: RequeueConfig = serde_json::from_value(defaults).expect("the defaults");
    assert_eq!(read, RequeueConfig::default());
}

#[test]
fn every_field_of_the_schema_has_one_type_and_a_description() {
    fn check(schema: &Value, path: &str) {
        assert!(schema["type"].is_string(), "{path}: {schema}");
        assert!(schema["description"].is_string(), "{path}: {schema}");
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            check(field, &format!("{path}.{name}"));
        }
    }
    check(&STRUCTURAL, "requeue");
}

#[test]
fn in_a_custom_resource_an_interval_is_a_map_and_its_durations_are_gos() {
    let admitted = ["30s", "1h30m", "1h1m1s1ms1us1ns", "90m", "007s", "1ms", "4320h"];
    for text in admitted {
        let config = json!({ "default": { "initial": text } });
        assert_eq!(admits(&config), Ok(()), "{text}");
        serde_json::from_value::<RequeueConfig>(config).expect(text);
    }
    // A config file may have these.
    for text in ["1h 30m", "1day", "30 s", "2min", "1.5h", "30s "] {
        let config = json!({ "default": { "initial": text } });
        assert_eq!(
            admits(&config),
            Err(vec!["requeue.default.initial".to_owned()]),
            "{text}"
        );
        serde_json::from_value::<RequeueConfig>(config).expect(text);
    }
    let short = json!({ "default": "30s" });
    assert_eq!(admits(&short), Err(vec!["requeue.default".to_owned()]));
    serde_json::from_value::<RequeueConfig>(short).expect("the short form");
}

#[test]
fn in_a_custom_resource_a_rate_for_the_fleet_is_a_map_or_null() {
    let admitted = [
        json!(null),
        json!({ "per_second": 50 }),
        json!({ "per_second": 0.0001, "burst": 1 }),
        json!({ "per_second": 1_000_000, "burst": 1_000_000 }),
    ];
    for rate in admitted {
        let config = json!({ "max_rate": rate });
        assert_eq!(admits(&config), Ok(()), "{config}");
        serde_json::from_value::<RequeueConfig>(config).expect("it is read");
    }
    let refused = [
        (json!({ "per_second": 0 }), ".per_second"),
        (json!({ "per_second": 1e7 }), ".per_second"),
        (json!({ "burst": 100 }), ""),
        (json!({ "per_second": 50, "burst": 0 }), ".burst"),
        (json!({ "per_second": 50, "burst": 1.5 }), ".burst"),
        (json!({ "per_second": 50, "burst": 1_000_001 }), ".burst"),
        (json!({ "per_second": 50, "per": "1s" }), ".per"),
    ];
    for (rate, field) in refused {
        let config = json!({ "max_rate": rate });
        assert_eq!(
            admits(&config),
            Err(vec![format!("requeue.max_rate{field}")]),
            "{config}"
        );
        serde_json::from_value::<RequeueConfig>(config).expect_err("it is refused");
    }
    // A config file may have these.
    for rate in [json!(50), json!("50"), json!("off"), json!(false)] {
        let config = json!({ "max_rate": rate });
        assert_eq!(admits(&config), Err(vec!["requeue.max_rate".to_owned()]), "{config}");
        serde_json::from_value::<RequeueConfig>(config).expect("it is read");
    }
}

#[test]
fn a_policy_is_written_as_a_custom_resource_has_it() {
    let longest = Duration::from_secs(180 * 86_400);
    let config = RequeueConfig {
        default: Interval::constant(Duration::from_secs(5400)),
        error: Interval::constant(longest - Duration::from_nanos(1))
            .with_factor(2.0)
            .with_max(longest),
        initialization: Interval::constant(Duration::ZERO).with_jitter(0.5),
        rate_limit: None,
        max_rate: Some(MaxRate::new(50.0)),
    };
    let expected = json!({
        "default": { "initial": "1h30m" },
        "error": { "initial": "4319h59m59s999ms999us999ns", "factor": 2.0, "max": "4320h" },
        // Not allowed, but nothing writes another value than there is.
        "initialization": { "initial": "0s", "jitter": 0.5 },
        "rate_limit": null,
        "max_rate": { "per_second": 50.0, "burst": 1 },
    });
    assert_eq!(written(&config), expected);
}

#[test]
fn other_readers_of_the_schema_find_it_sound_too() {
    // What an editor gets, without kube's changes: references, and a type that may be null.
    let schema = schemars::schema_for!(RequeueConfig).to_value();
    assert_eq!(schema["properties"]["error"]["$ref"], "#/$defs/Interval");
    assert_eq!(schema["properties"]["error"]["default"], json!({ "initial": "10s" }));
    let limit = json!([{ "$ref": "#/$defs/RateLimit" }, { "type": "null" }]);
    assert_eq!(schema["properties"]["rate_limit"]["anyOf"], limit);
    assert_eq!(schema["$defs"]["Interval"]["additionalProperties"], false);
}

fn config() -> impl Strategy<Value = RequeueConfig> {
    let interval = || {
        let nanos = prop_oneof![
            1_000_000_u64..=15_552_000_000_000_000,
            Just(1_000_000),
            Just(15_552_000_000_000_000)
        ];
        let deadline = prop::option::of(nanos.clone());
        let factor = prop_oneof![Just(1.0), 1.0..1e9_f64];
        let jitter = prop_oneof![Just(0.0), 0.0..=0.5_f64];
        (nanos.clone(), prop::option::of(nanos), factor, jitter, deadline).prop_map(
            |(initial, max, factor, jitter, deadline)| {
                let mut interval = Interval::constant(Duration::from_nanos(initial)).with_jitter(jitter);
                if let Some(max) = max.filter(|max| *max >= initial) {
                    interval = interval.with_max(Duration::from_nanos(max)).with_factor(factor);
                }
                deadline.map_or(interval, |deadline| {
                    interval.with_deadline(Duration::from_nanos(deadline))
                })
            },
        )
    };
    let within = 1_000_000_u64..15_552_000_000_000_000;
    let limit = (1_u32..65_536, within).prop_map(|(max, within)| RateLimit::new(max, Duration::from_nanos(within)));
    let rate = (1e-4_f64..=1e6, 1_u32..=1_000_000).prop_map(|(rate, burst)| MaxRate::new(rate).with_burst(burst));
    let bounds = (prop::option::of(limit), prop::option::of(rate));
    (interval(), interval(), interval(), bounds).prop_map(|(default, error, initialization, (rate_limit, max_rate))| {
        RequeueConfig {
            default,
            error,
            initialization,
            rate_limit,
            max_rate,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_the_schema_admits_serde_reads(object in object()) {
        let read = serde_json::from_value::<RequeueConfig>(object.clone());
        match admits(&object) {
            Ok(()) => {
                let read = read.map_err(|error| TestCaseError::fail(format!("{object}: {error}")))?;
                prop_assert!(read.validate().is_ok());
                prop_assert_eq!(admits(&written(&read)), Ok(()));
            }
            Err(wrong) => prop_assert!(!wrong.is_empty()),
        }
    }

    #[test]
    fn what_serde_writes_the_schema_admits(config in config()) {
        prop_assert!(config.validate().is_ok());
        prop_assert_eq!(admits(&written(&config)), Ok(()));
    }
}

#[test]
fn the_random_objects_are_of_both_kinds() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut admitted = 0;
    for _ in 0..1000 {
        let object = object().new_tree(&mut runner).expect("an object").current();
        admitted += usize::from(admits(&object).is_ok());
    }
    assert!((200..800).contains(&admitted), "{admitted} of 1000 are admitted");
}
