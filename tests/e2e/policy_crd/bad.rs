//! What the API server answers to a policy that is not allowed, each with its whole message.

use anyhow::Context as _;
use cluster::Cluster;
use serde_json::{Value, json};

use super::{Configs, refusal};
use crate::report;

/// The policy, the field that is wrong, and the message, in short.
const TABLE: &str = r#"
{ "default": "30s" } | default | Invalid value: "string": <body> must be of type object: "string"
{ "default": 30 } | default | Invalid value: "integer": <body> must be of type object: "integer"
{ "default": { "initial": 30 } } | default.initial | Invalid value: "integer": <body> must be of type string: "integer"
{ "default": { "initial": "soon" } } | default.initial | Invalid value: "soon": <body> <initial>
{ "default": { "initial": "1h 30m" } } | default.initial | Invalid value: "1h 30m": <body> <initial>
{ "default": { "initial": "1day" } } | default.initial | Invalid value: "1day": <body> <initial>
{ "default": { "initial": "1.5h" } } | default.initial | Invalid value: "1.5h": <body> <initial>
{ "default": { "initial": "-30s" } } | default.initial | Invalid value: "-30s": <body> <initial>
{ "default": { "initial": "Never" } } | default.initial | Invalid value: "Never": <body> <initial>
{ "default": { "initial": "0s" } } | default.initial | Invalid value: "0s": <limit>
{ "default": { "initial": "999us" } } | default.initial | Invalid value: "999us": <limit>
{ "default": { "initial": "4320h1ns" } } | default.initial | Invalid value: "4320h1ns": <limit>
{ "default": { "initial": "99999999999999999999h" } } | default.initial | Invalid value: "string": type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule: <limit>
{ "default": { "initial": "000000000000000000000000000000030s" } } | default.initial | Too long: may not be more than 32 bytes
{ "error": { "factor": 2, "max": "5m" } } | error.initial | Required value
{ "error": { "initial": "10s", "factor": 0.5, "max": "5m" } } | error.factor | Invalid value: 0.5: <body> should be greater than or equal to 1
{ "error": { "initial": "10s", "factor": "2", "max": "5m" } } | error.factor | Invalid value: "string": <body> must be of type number: "string"
{ "error": { "initial": "10s", "factor": 2 } } | error.max | Required value: must be set where factor is above 1
{ "error": { "initial": "10s", "factor": 1.5, "max": null } } | error.max | Required value: must be set where factor is above 1
{ "error": { "initial": "10s", "max": "9s999ms" } } | error.max | Invalid value: must be at least initial
{ "error": { "initial": "10s", "jitter": 0.6 } } | error.jitter | Invalid value: 0.6: <body> should be less than or equal to 0.5
{ "error": { "initial": "10s", "jitter": -0.1 } } | error.jitter | Invalid value: -0.1: <body> should be greater than or equal to 0
{ "error": { "initial": "10s", "deadline": "4321h" } } | error.deadline | Invalid value: "4321h": <limit>
{ "initialization": { "intial": "10s" } } | initialization.initial | Required value
{ "rate_limit": "off" } | rate_limit | Invalid value: "string": <body> must be of type object: "string"
{ "rate_limit": { "burst": 0, "every": "10s" } } | rate_limit.burst | Invalid value: 0: <body> should be greater than or equal to 1
{ "rate_limit": { "burst": 65536, "every": "10s" } } | rate_limit.burst | Invalid value: 65536: <body> should be less than or equal to 65535
{ "rate_limit": { "burst": 2.5, "every": "10s" } } | rate_limit.burst | Invalid value: "number": <body> must be of type integer: "number"
{ "rate_limit": { "burst": 10 } } | rate_limit.every | Required value
{ "rate_limit": { "burst": 10, "every": "0s" } } | rate_limit.every | Invalid value: "0s": <limit>
{ "rate_limit": { "burst": 10, "every": "10 parsecs" } } | rate_limit.every | Invalid value: "10 parsecs": <body> <pattern>
{ "max_rate": 50 } | max_rate | Invalid value: "integer": <body> must be of type object: "integer"
{ "max_rate": { "burst": 100 } } | max_rate.per_second | Required value
{ "max_rate": { "per_second": 0 } } | max_rate.per_second | Invalid value: 0: must be above 0
{ "max_rate": { "per_second": 50, "burst": 0 } } | max_rate.burst | Invalid value: 0: <body> should be greater than or equal to 1
{ "max_rate": { "per_second": 50, "burst": 1.5 } } | max_rate.burst | Invalid value: "number": <body> must be of type integer: "number"
"#;

pub(crate) async fn bad_policies_are_refused_by_the_api_server(cluster: &mut Cluster) -> anyhow::Result<()> {
    let configs = Configs::install(cluster.client()).await?;
    let mut count = 0;
    for line in TABLE.trim().lines() {
        let mut columns = line.splitn(3, " | ");
        let mut column = || columns.next().context(line);
        let (requeue, field, message) = (column()?, format!("spec.requeue.{}", column()?), column()?);
        let requeue: Value = serde_json::from_str(requeue).context(line)?;
        let message = message
            .replace("<body>", &format!("{field} in body"))
            .replace("<pattern>", "should match '^([0-9]+(h|m|s|ms|us|ns))+$'")
            .replace("<initial>", "should match '^(never|([0-9]+(h|m|s|ms|us|ns))+)$'")
            .replace("<limit>", "must be from 1ms to 4320h, kube-runtime's limit");
        let created = configs.create("bad", json!({ "requeue": requeue })).await;
        let wrong = refusal(created.err().context(line)?).context(line)?;
        anyhow::ensure!(
            wrong.iter().all(|(of, _)| *of == field) && wrong.first().is_some_and(|(_, first)| *first == message),
            "{requeue}: {wrong:?}"
        );
        count += 1;
    }
    report(format!("{count} bad policies were refused, each by the field's name"));
    Ok(())
}
