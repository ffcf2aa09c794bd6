//! The schema of a policy, and how a policy is written. What the API server makes of both is a test on the real one.

use kube::{CustomResource, CustomResourceExt as _};
use regex::Regex;
use requeue_policy::{Interval, MaxRate, Phase, RequeueConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{sync::LazyLock, time::Duration};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "OperatorConfig",
    namespaced,
    status = "OperatorConfigStatus"
)]
struct OperatorConfigSpec {
    #[serde(default)]
    requeue: RequeueConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct OperatorConfigStatus {
    phase: Phase,
    before: Option<Phase>,
}

#[test]
fn a_phase_is_a_field_of_a_status() {
    let crd = serde_json::to_value(OperatorConfig::crd()).expect("a definition");
    let status = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
    for (field, nullable) in [("phase", Value::Null), ("before", json!(true))] {
        let field = &status[field];
        assert_eq!(
            (&field["type"], &field["nullable"]),
            (&json!("string"), &nullable),
            "{field}"
        );
        let names: Vec<_> = field["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|name| name.is_string())
            .collect();
        assert_eq!(names, ["Initializing", "Failed", "Ready"], "{field}");
    }
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
        "rate_limit": { "burst": 30, "every": "1s" },
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
    for field in ["default", "error", "initialization"] {
        assert_eq!(STRUCTURAL["properties"][field]["type"], "object", "{field}");
    }
    let reads = |initial: &str| serde_json::from_value::<RequeueConfig>(json!({ "default": { "initial": initial } }));
    for text in ["30s", "1h30m", "1h1m1s1ms1us1ns", "90m", "007s", "1ms", "4320h"] {
        assert!(PATTERN.is_match(text), "{text}");
        reads(text).expect(text);
    }
    // A config file may have these.
    for text in ["1h 30m", "1day", "30 s", "2min", "1.5h", "30s "] {
        assert!(!PATTERN.is_match(text), "{text}");
        reads(text).expect(text);
    }
    serde_json::from_value::<RequeueConfig>(json!({ "default": "30s" })).expect("the short form");
}

#[test]
fn in_a_custom_resource_a_rate_for_the_fleet_is_a_map_or_null() {
    let schema = &STRUCTURAL["properties"]["max_rate"];
    assert_eq!((&schema["type"], &schema["nullable"]), (&json!("object"), &json!(true)));
    assert_eq!(schema["required"], json!(["per_second"]));
    let fields = [
        ("per_second", "number", json!(0.0001), json!(1_000_000.0)),
        ("burst", "integer", json!(1), json!(1_000_000)),
    ];
    for (name, of_type, least, most) in fields {
        let field = &schema["properties"][name];
        assert_eq!(field["type"], of_type);
        assert_eq!(field["minimum"].as_f64(), least.as_f64());
        assert_eq!(field["maximum"].as_f64(), most.as_f64());
        for (value, is_read) in [(&least, true), (&most, true), (&json!(0), false), (&json!(1e7), false)] {
            let mut rate = json!({ "per_second": 50 });
            rate[name] = value.clone();
            let read = serde_json::from_value::<RequeueConfig>(json!({ "max_rate": rate }));
            assert_eq!(read.is_ok(), is_read, "{name}: {value}");
        }
    }
    // A config file may have these.
    for rate in [json!(50), json!("50"), json!("off"), json!(false)] {
        serde_json::from_value::<RequeueConfig>(json!({ "max_rate": rate })).expect("it is read");
    }
}

#[test]
fn in_a_custom_resource_a_rate_limit_is_a_map_or_null() {
    let schema = &STRUCTURAL["properties"]["rate_limit"];
    assert_eq!((&schema["type"], &schema["nullable"]), (&json!("object"), &json!(true)));
    assert_eq!(schema["required"], json!(["burst", "every"]));
    for (bound, beyond) in [("minimum", -1.0), ("maximum", 1.0)] {
        let last = schema["properties"]["burst"][bound].as_f64().expect(bound);
        for (burst, is_read) in [(last, true), (last + beyond, false)] {
            let limit = json!({ "rate_limit": { "burst": burst, "every": "1s" } });
            let read = serde_json::from_value::<RequeueConfig>(limit);
            assert_eq!(read.is_ok(), is_read, "{bound}: {burst}");
        }
    }
}

#[test]
fn a_policy_is_written_as_a_custom_resource_has_it() {
    let longest = Duration::from_secs(180 * 86_400);
    let error = Interval::constant(longest - Duration::from_nanos(1));
    let config = RequeueConfig::default()
        .with_default(Duration::from_secs(5400))
        .with_error(error.with_factor(2.0).with_max(longest))
        .with_initialization(Interval::constant(Duration::ZERO).with_jitter(0.5))
        .with_rate_limit(None)
        .with_max_rate(MaxRate::new(50.0));
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
