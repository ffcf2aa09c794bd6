//! Every expression of the guide, the alerts and the dashboard, against the guide's table.

use crate::table::{Metric, expressions, metrics};
use promql_parser::{
    parser::{self, Expr, LabelModifier, VectorSelector},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const ALERTS: &str = include_str!("../../examples/metrics/alerts.yaml");
const DASHBOARD: &str = include_str!("../../examples/metrics/dashboard.json");

pub(crate) fn check() {
    let table = metrics();
    let sources = [
        ("the guide", expressions(), 6),
        ("alerts.yaml", alerts(), 3),
        ("dashboard.json", dashboard(), 9),
    ];
    for (source, expressions, least) in sources {
        assert!(
            expressions.len() >= least,
            "{source} has {} expressions",
            expressions.len()
        );
        for expression in expressions {
            if let Err(fault) = check_one(&expression, &table) {
                panic!("{source}: {fault} in\n{expression}");
            }
        }
    }
    // What is wrong is found.
    for wrong in [
        "sum(requeue_runs_total",
        "requeue_run_total",
        "requeue_runs_total_bucket",
        "requeue_delay_seconds",
        "requeue_runs_total{name=\"a\"}",
        "requeue_runs_total{le=\"1\"}",
        "requeue_runs_total{trigger=\"due\" or name=\"a\"}",
        "rate(requeue_runs_total{reason=\"status\"}[5m])",
        "sum by (name) (requeue_runs_total)",
        "sum without (name) (requeue_runs_total)",
        "requeue_failing_objects > on (name) requeue_runs_total",
        "requeue_failing_objects * on (kind) group_left (name) requeue_runs_total",
        "{__name__=\"requeue_runs_total\"}",
    ] {
        assert!(check_one(wrong, &table).is_err(), "{wrong} passes");
    }
}

/// The expressions of the alerts; each says for how long, how severe it is and what to do.
fn alerts() -> Vec<String> {
    let file: Value = serde_saphyr::from_str(ALERTS).expect("alerts.yaml is YAML");
    let groups = file["groups"].as_array().expect("there are groups");
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("a group has rules"));
    let rule = |rule: &Value| {
        for field in [
            "/alert",
            "/for",
            "/labels/severity",
            "/annotations/summary",
            "/annotations/description",
        ] {
            let text = rule.pointer(field).and_then(Value::as_str);
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "an alert has no {field}: {rule}"
            );
        }
        rule["expr"].as_str().expect("an alert has an expression").to_owned()
    };
    rules.map(rule).collect()
}

/// The expressions of the dashboard, with its variables filled in as Grafana does.
fn dashboard() -> Vec<String> {
    let file: Value = serde_json::from_str(DASHBOARD).expect("dashboard.json is JSON");
    let panels = file["panels"].as_array().expect("there are panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels have the same id");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("a panel has targets"));
    let expression = |target: &Value| {
        let text = target["expr"].as_str().expect("a target has an expression");
        text.replace("$__rate_interval", "5m").replace("$kind", "App")
    };
    // A variable asks as `label_values(metric, label)`: that is, by a sum.
    let variables = file["templating"]["list"].as_array().expect("there are variables");
    let queries = variables.iter().filter_map(|variable| variable.pointer("/query/query"));
    let sums = queries.map(|query| {
        let asked = query
            .as_str()
            .and_then(|text| text.strip_prefix("label_values(")?.strip_suffix(')'));
        let (metric, label) = asked
            .and_then(|asked| asked.split_once(", "))
            .expect("a variable has a metric and a label");
        format!("sum by ({label}) ({metric})")
    });
    targets.map(expression).chain(sums).collect()
}

/// What a selector may ask for: name, and labels.
fn names(table: &[Metric]) -> BTreeMap<String, BTreeSet<String>> {
    let mut names = BTreeMap::new();
    for metric in table {
        let mut add = |suffix: &str, more: &[&str]| {
            let labels = metric
                .labels
                .iter()
                .cloned()
                .chain(more.iter().map(ToString::to_string));
            names.insert(format!("{}{suffix}", metric.name), labels.collect());
        };
        if metric.is == "histogram" {
            add("_bucket", &["le"]);
            add("_sum", &[]);
            add("_count", &[]);
        } else {
            add("", &[]);
        }
    }
    names
}

fn check_one(expression: &str, table: &[Metric]) -> Result<(), String> {
    let parsed = parser::parse(expression)?;
    let mut check = Check {
        names: names(table),
        selectors: 0,
    };
    walk_expr(&mut check, &parsed)?;
    if check.selectors == 0 {
        Err("no metric".to_owned())
    } else {
        Ok(())
    }
}

struct Check {
    names: BTreeMap<String, BTreeSet<String>>,
    selectors: usize,
}

impl Check {
    fn selector(&mut self, selector: &VectorSelector) -> Result<(), String> {
        let name = selector.name.as_deref().ok_or("a selector without a name")?;
        let labels = self.names.get(name).ok_or_else(|| format!("no metric {name}"))?;
        let matchers = &selector.matchers;
        let all = matchers.matchers.iter().chain(matchers.or_matchers.iter().flatten());
        for matcher in all {
            if !labels.contains(&matcher.name) {
                return Err(format!("{name} has no label {}", matcher.name));
            }
        }
        self.selectors += 1;
        Ok(())
    }

    /// Labels by which series are summed or matched, of whatever metric.
    fn labels<'a>(&self, labels: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
        for label in labels {
            if !self.names.values().any(|labels| labels.contains(label)) {
                return Err(format!("no metric has the label {label}"));
            }
        }
        Ok(())
    }

    fn modifier(&self, modifier: Option<&LabelModifier>) -> Result<(), String> {
        self.labels(modifier.into_iter().flat_map(|modifier| &modifier.labels().labels))
    }
}

impl ExprVisitor for Check {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector)?,
            Expr::MatrixSelector(selector) => self.selector(&selector.vs)?,
            Expr::Aggregate(aggregate) => self.modifier(aggregate.modifier.as_ref())?,
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.modifier(modifier.matching.as_ref())?;
                    self.labels(modifier.card.labels().into_iter().flat_map(|labels| &labels.labels))?;
                }
            }
            _ => {}
        }
        Ok(true)
    }
}
