//! The table at the end of a soak.

use std::fmt::Write as _;

use crate::{
    book::Kind,
    objects::{OBJECTS, with_child},
    scenario::Measured,
};

const COLUMNS: usize = 8;

pub(crate) fn table(measured: &Measured) -> anyhow::Result<String> {
    let mut table = String::new();
    let totals = &measured.totals;
    let faults: Vec<_> = measured
        .faults
        .iter()
        .map(|(fault, count)| format!("{count}x {fault}"))
        .collect();
    writeln!(
        table,
        "\n{OBJECTS} objects, {} with a child, {} min on a real kube-apiserver and etcd; {}\n",
        with_child(),
        measured.minutes,
        faults.join(", ")
    )?;
    writeln!(
        table,
        "{:<22}{:>12}{:>6}  {:^37}  {:^37}",
        "", "", "", "in quiet times", "around faults"
    )?;
    writeln!(
        table,
        "{:<22}{:>12}{:>6}  {h}  {h}",
        "changes",
        "acknowledged",
        "lost",
        h = format_args!("{:>7}{:>10}{:>10}{:>10}", "seen", "p50", "p99", "max")
    )?;
    for (kind, fate) in Kind::ALL.into_iter().zip(&totals.fates) {
        let lost = measured.lost(kind);
        writeln!(
            table,
            "{:<22}{:>12}{lost:>6}  {}  {}",
            what(kind),
            fate.acknowledged,
            fate.quiet,
            fate.disturbed
        )?;
    }

    let refused: usize = totals.fates.iter().map(|fate| fate.refused).sum();
    writeln!(table, "not acknowledged      {refused:>12}")?;

    let seconds = measured.span.as_secs_f64();
    let runs = totals.runs;
    writeln!(
        table,
        "\nruns                     {runs:>8}   {:.1} per second, {} failed",
        runs as f64 / seconds,
        totals.failed_runs
    )?;
    writeln!(
        table,
        "  reasons to run         {:>8}   ratio {:.3}",
        measured.reasons(),
        runs as f64 / measured.reasons() as f64
    )?;
    writeln!(table, "    due by the interval  {:>8}", totals.timers)?;
    writeln!(table, "    objects changed      {:>8}", totals.changes)?;
    writeln!(table, "    children changed     {:>8}", totals.news)?;
    writeln!(
        table,
        "    lists                {:>8}   {} of the objects, {} of the children",
        measured.listed(),
        measured.lists_of_things,
        measured.lists_of_children
    )?;
    writeln!(table, "  without a reason       {:>8}", measured.unexplained)?;
    writeln!(
        table,
        "API requests             {:>8}   {:.1} per second; {} status writes, {} watches opened",
        measured.requests,
        measured.requests as f64 / seconds,
        measured.writes,
        measured.watches
    )?;
    writeln!(
        table,
        "log lines                {:>8}   ({} ERROR, {} WARN, {} INFO) for {} times that an object began or ceased to fail",
        measured.lines.iter().sum::<u64>(),
        measured.lines[0],
        measured.lines[1],
        measured.lines[2],
        totals.transitions
    )?;
    writeln!(
        table,
        "processor                {:>7.2}%   of a core",
        100.0 * measured.cpu.as_secs_f64() / seconds
    )?;
    let over_time = some(&measured.memory_by_cycle()?);
    write!(
        table,
        "resident memory          {:>5.1} MB   at most; over time {}",
        measured.memory.max(),
        over_time.join(", ")
    )?;
    Ok(table)
}

/// Some of these, from the first to the last, at even distances.
fn some(all: &[f64]) -> Vec<String> {
    let last = all.len() - 1;
    let places = (0..=last.min(COLUMNS)).map(|column| column * last / last.clamp(1, COLUMNS));
    places.map(|place| format!("{:.1}", all[place])).collect()
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
