//! The table at the end.

use std::{fmt::Write as _, thread, time::Duration};

use crate::{
    runs::percentile,
    scenario::Measured,
    settings::{Contestant, PARTS, Plan},
};

pub(crate) fn table(plan: &Plan, all: &[Measured]) -> anyhow::Result<String> {
    let mut table = Table::default();
    let Plan {
        objects,
        interval,
        intervals,
        workers,
        work,
        changes,
        ..
    } = plan;
    writeln!(
        table.text,
        "\n{objects} objects every {interval:?}, {workers} workers, {work:?} of work per run; a machine of {} cores\n",
        thread::available_parallelism()?
    )?;
    table.row("", all, |measured| measured.contestant.to_string())?;
    table.part(&format!(
        "restart with all objects, then {intervals} intervals without a change"
    ))?;
    table.row("runs", all, |measured| measured.restart.runs.to_string())?;
    table.row("API requests", all, |measured| measured.restart.requests.to_string())?;
    table.row("processor time of the controller", all, |measured| {
        seconds(measured.restart.cpu)
    })?;

    table.part(&format!(
        "starts per {:?}, peak-to-mean (share of that of ±10 %)",
        *interval / PARTS as u32
    ))?;
    let usual = all
        .iter()
        .find(|measured| matches!(measured.contestant, Contestant::ControllerRuntime { jitter } if jitter > 0.0));
    for number in 0..=*intervals {
        table.row(&of_interval(number), all, |measured| {
            let peak = measured.restart.spreads[number].peak_to_mean();
            let usual = usual.map(|usual| usual.restart.spreads[number].peak_to_mean());
            match usual {
                Some(usual) if usual > 0.0 => format!("{peak:.1} ({:.0} %)", 100.0 * peak / usual),
                _ => format!("{peak:.1}"),
            }
        })?;
    }

    table.part("runs per object")?;
    for number in 0..=*intervals {
        table.row(&of_interval(number), all, |measured| {
            let starts = measured.restart.spreads[number].starts;
            format!("{:.3}", starts as f64 / *objects as f64)
        })?;
    }

    table.part(&format!(
        "{changes} changes of the spec, until a run that sees it starts"
    ))?;
    table.row("seen", all, |measured| seen(measured).len().to_string())?;
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        table.row(name, all, |measured| millis(percentile(share, seen(measured))))?;
    }

    table.part("restart, two intervals, each run writes a status that differs")?;
    table.row("runs", all, |measured| measured.status.runs.to_string())?;
    table.row("runs before they were due", all, |measured| {
        measured.status.too_soon.to_string()
    })?;
    table.row("API requests", all, |measured| measured.status.requests.to_string())?;
    table.row("processor time of the controller", all, |measured| {
        seconds(measured.status.cpu)
    })?;
    Ok(table.text)
}

#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn part(&mut self, title: &str) -> std::fmt::Result {
        writeln!(self.text, "{title}")
    }

    fn row(&mut self, name: &str, all: &[Measured], cell: impl Fn(&Measured) -> String) -> std::fmt::Result {
        write!(self.text, "  {name:<34}")?;
        for measured in all {
            write!(self.text, "{:>29}", cell(measured))?;
        }
        writeln!(self.text)
    }
}

fn of_interval(number: usize) -> String {
    match number {
        0 => "interval of the restart".to_owned(),
        number => format!("interval {number} after it"),
    }
}

fn seen(measured: &Measured) -> Vec<Duration> {
    measured.latencies.iter().flatten().copied().collect()
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
