//! The schema of a policy in a CustomResourceDefinition.
//!
//! By hand, because it must be structural: one type for each field. So an interval is a map and has no short form, and a
//! limit is a map or null. Whatever compares two fields, or durations, is a CEL rule, which the API server evaluates and
//! other readers of the schema ignore.

use super::{RequeueConfig, duration::written, text::NEVER};
use crate::policy::{
    interval::{Interval, LONGEST, SHORTEST},
    max_rate::{self, FASTEST, MaxRate, SLOWEST},
    phase::Phase,
    rate_limit::{self, RateLimit},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// What both humantime and CEL's `duration` read, which is Go's.
const PATTERN: &str = "([0-9]+(h|m|s|ms|us|ns))+";

/// More than the longest text that is ever written, `4319h59m59s999ms999us999ns`. It bounds what the server stores and
/// parses.
const MAX_LENGTH: usize = 32;

/// For the status of an operator's custom resource.
impl JsonSchema for Phase {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Phase".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Phase").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whether the object is being initialized, has failed or is ready.",
            "type": "string",
            "enum": Self::ALL.map(|phase| phase.to_string()),
        })
    }
}

impl JsonSchema for RequeueConfig {
    fn schema_name() -> Cow<'static, str> {
        "RequeueConfig".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::RequeueConfig").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let config = Self::default();
        let interval = generator.subschema_for::<Interval>();
        let limit = generator.subschema_for::<Option<RateLimit>>();
        let rate = generator.subschema_for::<Option<MaxRate>>();
        let limit_or_null =
            "How often one object may be reconciled. null means no limit, but in a merge patch it means the default.";
        json_schema!({
            "description": "When objects are reconciled again.",
            "type": "object",
            "properties": {
                "default": field(&interval, "The interval of a settled object.", config.default),
                "error": field(&interval, "The interval of a failed object.", config.error),
                "initialization": field(&interval, "The interval of an object that is not initialized yet.", config.initialization),
                "rate_limit": field(&limit, limit_or_null, config.rate_limit),
                "max_rate": described(&rate, "How many reconciles per second timers may cause, all objects together. No limit if left out."),
            },
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Interval").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["initial"],
            "properties": {
                "initial": duration_or_never("The first delay of the phase, or never: then only a change triggers a reconcile."),
                "factor": {
                    "description": "Growth factor per retry, 1 if left out. Requires max if greater than 1.",
                    "type": "number",
                    "minimum": 1,
                },
                "max": duration_at_most("The longest delay, at least initial."),
                "jitter": {
                    "description": "The fraction by which a delay may be shortened, to spread objects that started together; 0 if left out.",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 0.5,
                },
                "deadline": duration("The time in the phase after which timers give up. They never do if left out."),
            },
            "additionalProperties": false,
            // One value: an applied interval replaces all of the one before.
            "x-kubernetes-map-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": format!("!has(self.max) || self.initial == '{NEVER}' || duration(self.max) >= duration(self.initial)"),
                    "message": "must be at least initial",
                    "fieldPath": ".max",
                },
                {
                    "rule": "!has(self.factor) || self.factor <= 1.0 || has(self.max)",
                    "message": "must be set where factor is above 1",
                    "fieldPath": ".max",
                    "reason": "FieldValueRequired",
                },
            ],
        })
    }
}

impl JsonSchema for RateLimit {
    fn schema_name() -> Cow<'static, str> {
        "RateLimit".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::RateLimit").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["burst", "every"],
            "properties": {
                "burst": {
                    "description": "How many reconciles of one object there may be at once.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": rate_limit::LARGEST_BURST,
                },
                "every": duration("The time from one reconcile to the next once the burst is used up."),
            },
            "additionalProperties": false,
            "x-kubernetes-map-type": "atomic",
        })
    }
}

impl JsonSchema for MaxRate {
    fn schema_name() -> Cow<'static, str> {
        "MaxRate".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::MaxRate").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["per_second"],
            "properties": {
                "per_second": {
                    "description": "How many reconciles per second.",
                    "type": "number",
                    "minimum": SLOWEST,
                    "maximum": FASTEST,
                    // The API server compares a whole number with the minimum's whole part, which is 0.
                    "x-kubernetes-validations": [{
                        "rule": "self > 0.0",
                        "message": "must be above 0",
                    }],
                },
                "burst": {
                    "description": "How many unused turns may be used at once, 1 if left out.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": max_rate::LARGEST_BURST,
                },
            },
            "additionalProperties": false,
            "x-kubernetes-map-type": "atomic",
        })
    }
}

/// The same schema as a field with a default.
fn field(schema: &Schema, description: &str, default: impl Serialize) -> Schema {
    let mut schema = described(schema, description);
    let mut more = json_schema!({ "default": default });
    schema.ensure_object().append(more.ensure_object());
    schema
}

fn described(schema: &Schema, description: &str) -> Schema {
    let mut schema = schema.clone();
    let mut more = json_schema!({ "description": description });
    schema.ensure_object().append(more.ensure_object());
    schema
}

fn duration(description: &str) -> Schema {
    let [shortest, longest] = bounds();
    let rule = format!("duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')");
    text(description, format!("^{PATTERN}$"), &[rule])
}

/// A duration, or `never`. In one rule both bounds would cost more than the API server allows in a map of policies.
fn duration_or_never(description: &str) -> Schema {
    let [shortest, longest] = bounds();
    let rules = [
        format!("self == '{NEVER}' || duration(self) >= duration('{shortest}')"),
        format!("self == '{NEVER}' || duration(self) <= duration('{longest}')"),
    ];
    text(description, format!("^({NEVER}|{PATTERN})$"), &rules)
}

/// A duration that another rule compares with one that is long enough.
fn duration_at_most(description: &str) -> Schema {
    let [_, longest] = bounds();
    let rule = format!("duration(self) <= duration('{longest}')");
    text(description, format!("^{PATTERN}$"), &[rule])
}

fn bounds() -> [String; 2] {
    [SHORTEST, LONGEST].map(|nanos| written(Duration::from_nanos(nanos)))
}

fn text(description: &str, pattern: String, rules: &[String]) -> Schema {
    let [shortest, longest] = bounds();
    let message = format!("must be from {shortest} to {longest}, kube-runtime's limit");
    let rule = |rule: &String| json_schema!({ "rule": rule, "message": message });
    json_schema!({
        "description": format!("{description} For example 30s, 5m or 1h30m."),
        "type": "string",
        "pattern": pattern,
        "maxLength": MAX_LENGTH,
        "x-kubernetes-validations": rules.iter().map(rule).collect::<Vec<_>>(),
    })
}
