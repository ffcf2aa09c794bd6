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

/// The values of each label.
pub(super) fn values() -> Vec<(String, BTreeSet<String>)> {
    let row = |cells: Vec<&str>| (codes(cells[0]).concat(), codes(cells[1]).into_iter().collect());
    rows("| label |").map(row).collect()
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
