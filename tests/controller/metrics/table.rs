//! The tables of the guide.

use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../../src/guide/metrics.rs");

/// A row of the table of metrics.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Metric {
    pub(super) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(super) is: String,
    pub(super) labels: BTreeSet<String>,
    pub(super) meaning: String,
}

pub(super) fn metrics() -> Vec<Metric> {
    let metric = |cells: Vec<&str>| Metric {
        name: codes(cells[0]).concat(),
        is: cells[1].to_owned(),
        labels: codes(cells[2]).into_iter().collect(),
        meaning: cells[3].to_owned(),
    };
    rows("| metric |").map(metric).collect()
}

/// A row of the table of labels.
pub(super) struct Label {
    pub(super) label: String,
    /// The metrics whose label it is; none stands for all.
    metrics: Vec<String>,
    pub(super) values: BTreeSet<String>,
}

impl Label {
    pub(super) fn is_of(&self, metric: &str, label: &str) -> bool {
        self.label == label && (self.metrics.is_empty() || self.metrics.iter().any(|of| of == metric))
    }
}

pub(super) fn labels() -> Vec<Label> {
    let label = |cells: Vec<&str>| Label {
        label: codes(cells[0]).concat(),
        metrics: codes(cells[1]),
        values: codes(cells[2]).into_iter().collect(),
    };
    rows("| label |").map(label).collect()
}

/// The cells of the table with this head.
fn rows(head: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = GUIDE.lines().map(|line| line.trim_start_matches("//!").trim());
    let table = lines.skip_while(move |line| !line.starts_with(head)).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// What is in backticks.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
