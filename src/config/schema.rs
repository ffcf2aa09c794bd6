//! The schema of a policy in a CustomResourceDefinition.
//!
//! By hand, because it is to be structural: one type for each field, so an interval is the map and not its short form,
//! and the rate limit a map or null. What ties two fields together, or needs a duration's length, is a rule in CEL,
//! which the API server evaluates and other readers of the schema pass over.

use super::{RequeueConfig, duration::written};
use crate::{
    Interval, MaxRate, Phase, RateLimit,
    fleet::{FASTEST, LARGEST_BURST, SLOWEST},
    interval::{LONGEST, SHORTEST},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// What both humantime and CEL's `duration` read, which is Go's.
const PATTERN: &str = "^([0-9]+(h|m|s|ms|us|ns))+$";

/// More than the longest that is ever written, `4319h59m59s999ms999us999ns`; what the server stores and
/// parses is bounded.
const MAX_LENGTH: usize = 32;

/// For an operator's own status.
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
        let limit_or_null = "How often changes may start a run of one object; null is no limit, but in a merge patch it is the default.";
        json_schema!({
            "description": "When objects are reconciled again.",
            "type": "object",
            "properties": {
                "default": field(&interval, "The interval of a settled object.", config.default),
                "error": field(&interval, "The interval of a failed object.", config.error),
                "initialization": field(&interval, "The interval of an object that is not initialized yet.", config.initialization),
                "rate_limit": field(&limit, limit_or_null, config.rate_limit),
                "max_rate": described(&rate, "How many runs per second timers may cause, all objects together; no limit if left out."),
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
                "initial": duration("The first delay of the phase."),
                "factor": {
                    "description": "By what the delay grows from run to run if runs take no time, 1 if left out; needs a max above 1.",
                    "type": "number",
                    "minimum": 1,
                },
                "max": duration("The cap of the growth, at least initial."),
                "jitter": {
                    "description": "By which share of the delay a run may come earlier, so that a herd flattens; 0 if left out.",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 0.5,
                },
                "deadline": duration("After how long in the phase timers give up; never if left out."),
            },
            "additionalProperties": false,
            // One value: when somebody applies another interval, nothing of the one before stays.
            "x-kubernetes-map-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.max) || duration(self.max) >= duration(self.initial)",
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
            "required": ["max", "within"],
            "properties": {
                "max": {
                    "description": "How many runs of one object there may be within the span.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": u16::MAX,
                },
                "within": duration("The span."),
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
                    "description": "How many runs per second.",
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
                    "description": "How many places that nobody used may be used at once, 1 if left out.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST_BURST,
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
    let [shortest, longest] = [SHORTEST, LONGEST].map(|nanos| written(Duration::from_nanos(nanos)));
    json_schema!({
        "description": format!("{description} As 30s, 5m or 1h30m."),
        "type": "string",
        "pattern": PATTERN,
        "maxLength": MAX_LENGTH,
        "x-kubernetes-validations": [{
            "rule": format!("duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"),
            "message": format!("must be from {shortest} to {longest}, kube-runtime's limit"),
        }],
    })
}
