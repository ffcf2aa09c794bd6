//! What a controller says of its runs.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;

/// The start of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    /// Since 1970.
    pub(crate) started: Duration,
    pub(crate) name: String,
    pub(crate) value: i64,
    /// Requests of the controller up to then.
    pub(crate) requests: u64,
}

impl Run {
    /// Reads a line of a controller.
    pub(crate) fn parse(line: &str) -> anyhow::Result<Self> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let parse = |number: &str| number.parse().with_context(|| format!("reading {line:?}"));
        match fields[..] {
            ["run", started, name, value, requests] => Ok(Self {
                started: Duration::from_nanos(parse(started)?),
                name: name.to_owned(),
                value: value.parse().with_context(|| format!("reading {line:?}"))?,
                requests: parse(requests)?,
            }),
            _ => anyhow::bail!("no controller says {line:?}"),
        }
    }
}

/// A change that a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) value: i64,
    /// Since 1970, before the request.
    pub(crate) at: Duration,
}

/// How long after each change the first run started that saw it; `None` where there was none.
pub(crate) fn reflected(changes: &[Sent], runs: &[Run]) -> Vec<Option<Duration>> {
    let latency = |change: &Sent| {
        let of_it = |run: &&Run| run.name == change.name && run.value >= change.value;
        Some(runs.iter().find(of_it)?.started.saturating_sub(change.at))
    };
    changes.iter().map(latency).collect()
}

/// How many runs started sooner after the one before of the same object.
pub(crate) fn sooner_than(least: Duration, runs: &[Run]) -> usize {
    let mut last = HashMap::new();
    let mut sooner = 0;
    for run in runs {
        let before = last.insert(&run.name, run.started);
        sooner += usize::from(before.is_some_and(|before| run.started.saturating_sub(before) < least));
    }
    sooner
}

pub(crate) fn objects(runs: &[Run]) -> usize {
    let mut names: Vec<_> = runs.iter().map(|run| &run.name).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// The smallest that this share of them does not exceed; zero where there are none.
pub(crate) fn percentile(share: f64, mut latencies: Vec<Duration>) -> Duration {
    latencies.sort_unstable();
    let place = (latencies.len() as f64 * share).ceil() as usize;
    latencies.get(place.saturating_sub(1)).copied().unwrap_or_default()
}
