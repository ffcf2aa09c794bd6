//! What the API server answers to a policy that is not allowed, each with its whole message.

use serde_json::json;

use super::{Configs, Refusal};
use crate::{cluster::Cluster, report};

pub(crate) async fn bad_policies_are_refused_by_the_api_server(cluster: Cluster) -> anyhow::Result<()> {
    let configs = Configs::install(cluster.client()).await?;
    let table = [
        (
            json!({ "default": "30s" }),
            "default",
            r#"Invalid value: "string": spec.requeue.default in body must be of type object: "string""#,
        ),
        (
            json!({ "default": 30 }),
            "default",
            r#"Invalid value: "integer": spec.requeue.default in body must be of type object: "integer""#,
        ),
        (
            json!({ "default": { "initial": 30 } }),
            "default.initial",
            r#"Invalid value: "integer": spec.requeue.default.initial in body must be of type string: "integer""#,
        ),
        (
            json!({ "default": { "initial": "soon" } }),
            "default.initial",
            r#"Invalid value: "soon": spec.requeue.default.initial in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "default": { "initial": "1h 30m" } }),
            "default.initial",
            r#"Invalid value: "1h 30m": spec.requeue.default.initial in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "default": { "initial": "1day" } }),
            "default.initial",
            r#"Invalid value: "1day": spec.requeue.default.initial in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "default": { "initial": "1.5h" } }),
            "default.initial",
            r#"Invalid value: "1.5h": spec.requeue.default.initial in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "default": { "initial": "-30s" } }),
            "default.initial",
            r#"Invalid value: "-30s": spec.requeue.default.initial in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "default": { "initial": "0s" } }),
            "default.initial",
            r#"Invalid value: "0s": must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "default": { "initial": "999us" } }),
            "default.initial",
            r#"Invalid value: "999us": must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "default": { "initial": "4320h1ns" } }),
            "default.initial",
            r#"Invalid value: "4320h1ns": must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "default": { "initial": "99999999999999999999h" } }),
            "default.initial",
            r#"Invalid value: "string": type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule: must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "default": { "initial": "000000000000000000000000000000030s" } }),
            "default.initial",
            "Too long: may not be more than 32 bytes",
        ),
        (
            json!({ "error": { "factor": 2, "max": "5m" } }),
            "error.initial",
            "Required value",
        ),
        (
            json!({ "error": { "initial": "10s", "factor": 0.5, "max": "5m" } }),
            "error.factor",
            "Invalid value: 0.5: spec.requeue.error.factor in body should be greater than or equal to 1",
        ),
        (
            json!({ "error": { "initial": "10s", "factor": "2", "max": "5m" } }),
            "error.factor",
            r#"Invalid value: "string": spec.requeue.error.factor in body must be of type number: "string""#,
        ),
        (
            json!({ "error": { "initial": "10s", "factor": 2 } }),
            "error.max",
            "Required value: must be set where factor is above 1",
        ),
        (
            json!({ "error": { "initial": "10s", "factor": 1.5, "max": null } }),
            "error.max",
            "Required value: must be set where factor is above 1",
        ),
        (
            json!({ "error": { "initial": "10s", "max": "9s999ms" } }),
            "error.max",
            "Invalid value: must be at least initial",
        ),
        (
            json!({ "error": { "initial": "10s", "jitter": 0.6 } }),
            "error.jitter",
            "Invalid value: 0.6: spec.requeue.error.jitter in body should be less than or equal to 0.5",
        ),
        (
            json!({ "error": { "initial": "10s", "jitter": -0.1 } }),
            "error.jitter",
            "Invalid value: -0.1: spec.requeue.error.jitter in body should be greater than or equal to 0",
        ),
        (
            json!({ "error": { "initial": "10s", "deadline": "4321h" } }),
            "error.deadline",
            r#"Invalid value: "4321h": must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "initialization": { "intial": "10s" } }),
            "initialization.initial",
            "Required value",
        ),
        (
            json!({ "rate_limit": "off" }),
            "rate_limit",
            r#"Invalid value: "string": spec.requeue.rate_limit in body must be of type object: "string""#,
        ),
        (
            json!({ "rate_limit": { "max": 0, "within": "10s" } }),
            "rate_limit.max",
            "Invalid value: 0: spec.requeue.rate_limit.max in body should be greater than or equal to 1",
        ),
        (
            json!({ "rate_limit": { "max": 65536, "within": "10s" } }),
            "rate_limit.max",
            "Invalid value: 65536: spec.requeue.rate_limit.max in body should be less than or equal to 65535",
        ),
        (
            json!({ "rate_limit": { "max": 2.5, "within": "10s" } }),
            "rate_limit.max",
            r#"Invalid value: "number": spec.requeue.rate_limit.max in body must be of type integer: "number""#,
        ),
        (
            json!({ "rate_limit": { "max": 10 } }),
            "rate_limit.within",
            "Required value",
        ),
        (
            json!({ "rate_limit": { "max": 10, "within": "0s" } }),
            "rate_limit.within",
            r#"Invalid value: "0s": must be from 1ms to 4320h, kube-runtime's limit"#,
        ),
        (
            json!({ "rate_limit": { "max": 10, "within": "10 parsecs" } }),
            "rate_limit.within",
            r#"Invalid value: "10 parsecs": spec.requeue.rate_limit.within in body should match '^([0-9]+(h|m|s|ms|us|ns))+$'"#,
        ),
        (
            json!({ "max_rate": 50 }),
            "max_rate",
            r#"Invalid value: "integer": spec.requeue.max_rate in body must be of type object: "integer""#,
        ),
        (
            json!({ "max_rate": { "burst": 100 } }),
            "max_rate.per_second",
            "Required value",
        ),
        (
            json!({ "max_rate": { "per_second": 0 } }),
            "max_rate.per_second",
            "Invalid value: 0: must be above 0",
        ),
        (
            json!({ "max_rate": { "per_second": 50, "burst": 0 } }),
            "max_rate.burst",
            "Invalid value: 0: spec.requeue.max_rate.burst in body should be greater than or equal to 1",
        ),
        (
            json!({ "max_rate": { "per_second": 50, "burst": 1.5 } }),
            "max_rate.burst",
            r#"Invalid value: "number": spec.requeue.max_rate.burst in body must be of type integer: "number""#,
        ),
    ];
    let count = table.len();
    for (requeue, field, message) in table {
        let wrong = match configs.create("bad", json!({ "requeue": requeue })).await {
            Err(Refusal::Invalid(wrong)) => wrong,
            other => anyhow::bail!("{requeue}: {other:?}"),
        };
        let field = format!("spec.requeue.{field}");
        anyhow::ensure!(
            wrong.iter().all(|(of, _)| *of == field) && wrong.first().is_some_and(|(_, first)| first == message),
            "{requeue}: {wrong:?}"
        );
    }
    report(format!("{count} bad policies were refused, each by the field's name"));
    Ok(())
}
