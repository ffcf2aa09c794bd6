//! The table at the end of a soak.

use std::{fmt::Write as _, time::Duration};

use cluster::{Histogram, Kind};
use tracing::Level;

use crate::{
    objects::{OBJECTS, is_silent, with_child},
    scenario::Measured,
};

const COLUMNS: usize = 8;

pub(crate) fn table(measured: &Measured) -> anyhow::Result<String> {
    let (totals, requests, faults) = (&measured.totals, measured.requests, &measured.faults);
    let (runs, reasons, children) = (totals.runs, measured.reasons(), with_child());
    let seconds = measured.span.as_secs_f64();
    let per_second = |count: u64| format!("{:.1} per second", count as f64 / seconds);
    let faults: Vec<_> = faults
        .iter()
        .map(|(fault, count)| format!("{count}x {fault}"))
        .collect();
    let head = format!("{:>7}{:>10}{:>10}{:>10}", "seen", "p50", "p99", "max");

    let mut table = format!(
        "\n{OBJECTS} objects, {children} with a child, {} min on a real kube-apiserver and etcd; {}\n\n{:<40}  {:^37}  {:^37}\n",
        measured.minutes,
        faults.join(", "),
        "",
        "in quiet times",
        "around faults"
    );
    let (changes, acknowledged, lost) = ("changes", "acknowledged", "lost");
    writeln!(table, "{changes:<22}{acknowledged:>12}{lost:>6}  {head}  {head}")?;
    for (kind, fate) in Kind::ALL.into_iter().zip(&totals.fates) {
        let (what, acknowledged, lost) = (what(kind), fate.acknowledged, measured.lost(kind));
        let [quiet, disturbed] = [&fate.quiet, &fate.disturbed].map(columns);
        writeln!(table, "{what:<22}{acknowledged:>12}{lost:>6}  {quiet}  {disturbed}")?;
    }
    let refused: usize = totals.fates.iter().map(|fate| fate.refused).sum();
    writeln!(table, "{:<22}{refused:>12}\n", "not acknowledged")?;

    let failed = format!("{}, {} failed", per_second(runs), totals.failed_runs);
    let ratio = format!("ratio {:.3}", runs as f64 / reasons as f64);
    let (things, children) = (requests.lists_of_things, requests.lists_of_children);
    let lists = format!("{things} of the objects, {children} of the children");
    let (writes, watches, per_second) = (requests.writes, requests.watches, per_second(requests.all));
    let kinds = format!("{per_second}; {writes} status writes, {watches} watches opened");
    let lines = [Level::ERROR, Level::WARN, Level::INFO].map(|level| measured.lines.count(level));
    let levels = format!("({} ERROR, {} WARN, {} INFO)", lines[0], lines[1], lines[2]);
    let levels = format!(
        "{levels} for {} times that an object began or ceased to fail",
        totals.transitions
    );
    let echoes = measured.echoes;
    let own = echoes.of_status + echoes.of_children;
    let silent = (0..OBJECTS).filter(|number| is_silent(*number)).count();
    let silent = format!("{silent} objects await a change or were given up");
    let counts = [
        ("runs", runs, failed),
        ("  reasons to run", reasons, ratio),
        ("    due by the interval", totals.timers, String::new()),
        ("    objects changed", totals.changes, String::new()),
        ("    children changed", totals.children, String::new()),
        ("    lists", measured.listed(), lists),
        ("  without a reason", measured.unexplained, String::new()),
        ("  silent ones disturbed", u64::from(measured.disturbed), silent),
        (
            "own writes",
            own,
            format!("{} of the status, {} of children", echoes.of_status, echoes.of_children),
        ),
        ("  came back as events", echoes.came_back, String::new()),
        ("  started runs", measured.by_echoes, String::new()),
        ("API requests", requests.all, kinds),
        ("log lines", lines.iter().sum(), levels),
    ];
    for (what, count, more) in counts {
        let row = format!("{what:<25}{count:>8}   {more}");
        writeln!(table, "{}", row.trim_end())?;
    }
    let cpu = 100.0 * measured.cpu.as_secs_f64() / seconds;
    writeln!(table, "{:<25}{cpu:>7.2}%   of a core", "processor")?;
    let (max, over_time) = (measured.memory.max(), some(&measured.memory_by_cycle()?).join(", "));
    write!(
        table,
        "{:<25}{max:>5.1} MB   at most; over time {over_time}",
        "resident memory"
    )?;
    Ok(table)
}

fn columns(latencies: &Histogram) -> String {
    let count = latencies.count();
    if count == 0 {
        return format!("{count:>7}{:>10}{:>10}{:>10}", "-", "-", "-");
    }
    let [p50, p99, max] = [latencies.percentile(50), latencies.percentile(99), latencies.max()].map(short);
    format!("{count:>7}{p50:>10}{p99:>10}{max:>10}")
}

fn short(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Some of these, from the first to the last, at even distances.
fn some(all: &[f64]) -> Vec<String> {
    let last = all.len() - 1;
    let indexes = (0..=last.min(COLUMNS)).map(|column| column * last / last.clamp(1, COLUMNS));
    indexes.map(|index| format!("{:.1}", all[index])).collect()
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Spec => "spec",
        Kind::Label => "label",
        Kind::Annotation => "annotation",
        Kind::Child => "child",
        Kind::Creation => "created anew",
        Kind::Status => "status, another client",
    }
}
