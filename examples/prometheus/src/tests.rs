//! Every expression of the guide, the alerts and the dashboard, against what is there to be scraped.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::{
    parser::{self, Expr, LabelModifier, VectorSelector},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;

use crate::{families, scrape, silent};

const ALERTS: &str = include_str!("../alerts.yaml");
const DASHBOARD: &str = include_str!("../dashboard.json");
const GUIDE: &str = include_str!("../../../src/guide/metrics.rs");

#[tokio::test(start_paused = true)]
async fn dashboard_and_alerts_ask_for_nothing_that_is_not_there() {
    let text = scrape().await.expect("it is scraped");
    let there: BTreeSet<_> = families(&text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(there, in_guide());
    assert_eq!(silent(&text), [""; 0]);

    let series = series(&text);
    let sources = [
        ("the guide", expressions(), 6),
        ("alerts.yaml", alerts(), 3),
        ("dashboard.json", dashboard(), 9),
    ];
    for (source, expressions, least) in sources {
        let count = expressions.len();
        assert!(count >= least, "{source} has {count} expressions");
        for expression in expressions {
            if let Err(fault) = check(&expression, &series) {
                panic!("{source}: {fault} in\n{expression}");
            }
        }
    }
    for wrong in [
        "sum(requeue_reconciles_total",
        "requeue_reconcile_total",
        "requeue_reconciles_total_bucket",
        "requeue_delay_seconds",
        "requeue_reconciles_total{name=\"a\"}",
        "requeue_reconciles_total{le=\"1\"}",
        "requeue_reconciles_total{reason=\"due\" or name=\"a\"}",
        "rate(requeue_reconciles_total{trigger=\"due\"}[5m])",
        "sum by (name) (requeue_reconciles_total)",
        "sum without (name) (requeue_reconciles_total)",
        "requeue_failing_objects > on (name) requeue_reconciles_total",
        "requeue_failing_objects * on (kind) group_left (name) requeue_reconciles_total",
        "{__name__=\"requeue_reconciles_total\"}",
    ] {
        assert!(check(wrong, &series).is_err(), "{wrong} passes");
    }
}

#[test]
fn a_metric_without_a_sample_above_zero_is_found() {
    let text = "# TYPE a counter\na{kind=\"App\"} 0\n\n# TYPE b histogram\nb_bucket{le=\"1\"} 1\nb_count{kind=\"App\"} 0\n\n# TYPE c gauge\nc{kind=\"App\"} 1\n";
    assert_eq!(silent(text), ["a", "b"]);
}

/// The metrics in the guide's table.
fn in_guide() -> BTreeSet<&'static str> {
    let rows = GUIDE.lines().filter_map(|line| line.strip_prefix("//! | "));
    let names = rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split('`').next());
    names.filter(|name| name.starts_with("requeue_")).collect()
}

/// The expressions in the guide.
fn expressions() -> Vec<String> {
    let fences = GUIDE.split("//! ```promql\n").skip(1);
    let text = |fence: &str| fence.split("//! ```").next().unwrap_or_default().replace("//! ", "");
    fences.map(text).collect()
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
    // A variable asks by `label_values(metric, label)`: that is, by a sum.
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

/// The series of a scrape: names, and their labels.
type Series<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn series(text: &str) -> Series<'_> {
    let mut series = Series::new();
    let samples = text.lines().filter_map(|line| line.split_once('{'));
    for (name, labels) in samples {
        let labels = labels.split(',').filter_map(|label| label.split_once("=\""));
        series.entry(name).or_default().extend(labels.map(|(label, _)| label));
    }
    series
}

fn check(expression: &str, series: &Series<'_>) -> Result<(), String> {
    let parsed = parser::parse(expression)?;
    let mut check = Check { series, selectors: 0 };
    walk_expr(&mut check, &parsed)?;
    match check.selectors {
        0 => Err("no metric".to_owned()),
        _ => Ok(()),
    }
}

struct Check<'a> {
    series: &'a Series<'a>,
    selectors: usize,
}

impl Check<'_> {
    fn selector(&mut self, selector: &VectorSelector) -> Result<(), String> {
        let name = selector.name.as_deref().ok_or("a selector without a name")?;
        let labels = self.series.get(name).ok_or_else(|| format!("no metric {name}"))?;
        let matchers = &selector.matchers;
        let all = matchers.matchers.iter().chain(matchers.or_matchers.iter().flatten());
        for matcher in all {
            if !labels.contains(&*matcher.name) {
                return Err(format!("{name} has no label {}", matcher.name));
            }
        }
        self.selectors += 1;
        Ok(())
    }

    /// Labels by which series are summed or matched, of whatever metric.
    fn labels<'a>(&self, labels: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
        for label in labels {
            if !self.series.values().any(|labels| labels.contains(&**label)) {
                return Err(format!("no metric has the label {label}"));
            }
        }
        Ok(())
    }

    fn modifier(&self, modifier: Option<&LabelModifier>) -> Result<(), String> {
        self.labels(modifier.into_iter().flat_map(|modifier| &modifier.labels().labels))
    }
}

impl ExprVisitor for Check<'_> {
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
