//! The table of metrics, as the guide has it.

use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../src/guide/metrics.rs");

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) is: String,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) meaning: String,
}

pub(crate) fn metrics() -> Vec<Metric> {
    let rows = rows("| metric |");
    let metric = |cells: Vec<&str>| Metric {
        name: codes(cells[0]).concat(),
        is: cells[1].to_owned(),
        labels: codes(cells[2]).into_iter().collect(),
        meaning: cells[3].to_owned(),
    };
    rows.map(metric).collect()
}

/// The values of each label that the guide lists.
#[allow(dead_code, reason = "the example needs the metrics only")]
pub(crate) fn values() -> Vec<(String, BTreeSet<String>)> {
    let row = |cells: Vec<&str>| (codes(cells[0]).concat(), codes(cells[1]).into_iter().collect());
    rows("| label |").map(row).collect()
}

/// The expressions in the guide.
#[allow(dead_code, reason = "the example needs the metrics only")]
pub(crate) fn expressions() -> Vec<String> {
    let fences = GUIDE.split("//! ```promql\n").skip(1);
    let text = |fence: &str| fence.split("//! ```").next().unwrap_or_default().replace("//! ", "");
    fences.map(text).collect()
}

/// The cells of the table with this head.
fn rows(head: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = GUIDE.lines().map(|line| line.trim_start_matches("//!").trim());
    let table = lines.skip_while(move |line| !line.starts_with(head)).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands in backticks.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
