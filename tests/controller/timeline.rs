//! What the guide's examples say: a policy, what happens to an object, and when it runs.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }    the policy and the setting, in YAML
//!
//!  0s  created             → Err  new            a time, what happens, what the run returns, and why it runs
//!      WARN requeue_policy: failed object=…      a line that is logged by then
//! 10s                      → Err                 a run that is due
//! 15s  its status is written                     no run
//! 20s                                            nothing happens until here
//! ```

use crate::pages;
use humantime_serde::re::humantime::parse_duration;
use requeue_policy::RequeueConfig;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{iter, time::Duration};

/// The examples of the guide's section with this name, which is that of its test.
pub(crate) fn of_section(name: &str) -> Vec<Timeline> {
    let sections: Vec<_> = pages::pages()
        .iter()
        .flat_map(pages::rules)
        .filter(|rule| pages::name(&rule.heading) == name)
        .collect();
    assert_eq!(sections.len(), 1, "sections of the guide with the name {name}");
    let timelines: Vec<_> = sections[0].examples().iter().map(|text| parse(text)).collect();
    assert!(!timelines.is_empty(), "no example in the section {name}");
    timelines
}

pub(crate) struct Timeline {
    pub(crate) policy: RequeueConfig,
    pub(crate) setting: Setting,
    pub(crate) rows: Vec<Row>,
}

#[derive(Default)]
pub(crate) struct Row {
    pub(crate) at: Duration,
    pub(crate) events: Vec<String>,
    /// What the run returns, if there is one.
    pub(crate) run: Option<String>,
    /// What is logged before the next row.
    pub(crate) lines: Vec<String>,
}

/// How the controller is written, apart from its policy.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Setting {
    pub(crate) status: StatusWrites,
    pub(crate) child: Child,
    pub(crate) crd: Crd,
    /// How long a run takes; its status is written at the end.
    #[serde(with = "humantime_serde")]
    pub(crate) takes: Duration,
    /// How much later the watch shows what is written.
    #[serde(with = "humantime_serde")]
    pub(crate) lag: Duration,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum StatusWrites {
    /// With the phase and a message that is another in every run, as in the proposal's controller.
    #[default]
    #[serde(rename = "in every reconcile")]
    EveryRun,
    /// The same, with the time of the phase's last transition.
    #[serde(rename = "in every reconcile, with lastTransitionTime")]
    WithLastTransition,
    /// The same, and the message is part of the fingerprint.
    #[serde(rename = "in every reconcile, with the message in the fingerprint")]
    InFingerprint,
    #[serde(rename = "never")]
    Never,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Child {
    #[default]
    #[serde(rename = "unchanged")]
    Unchanged,
    #[serde(rename = "rewritten in every reconcile")]
    Rewritten,
    /// Not by the client of the `Requeuer`.
    #[serde(rename = "rewritten in every reconcile, by another client")]
    RewrittenOutside,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Crd {
    #[default]
    #[serde(rename = "with status subresource")]
    WithSubresource,
    #[serde(rename = "without status subresource")]
    WithoutSubresource,
    #[serde(rename = "without generation")]
    WithoutGeneration,
}

pub(crate) fn parse(text: &str) -> Timeline {
    let mut lines = text
        .lines()
        .map(|line| line.split("  #").next().unwrap_or_default().trim());
    let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let is_row = |line: &str| line.split("  ").next().and_then(times).is_some();
    // Without a head the example is about the default policy.
    let (head, rest) = match head.first() {
        Some(first) if is_row(first) => (vec![], [head, lines.collect()].concat()),
        _ => (head, lines.collect()),
    };
    let head: Map<String, Value> = match head.is_empty() {
        true => Map::new(),
        false => serde_saphyr::from_str(&head.join("\n")).expect("the head of an example is YAML"),
    };
    let of_setting = serde_json::to_value(Setting::default()).expect("it is JSON");
    let (setting, policy) = head.into_iter().partition(|(key, _)| of_setting.get(key).is_some());

    let mut rows: Vec<Row> = vec![];
    for line in rest.into_iter().filter(|line| !line.is_empty()) {
        if is_row(line) {
            rows.extend(row(line));
        } else {
            let row = rows.last_mut().unwrap_or_else(|| panic!("no row: {line}"));
            row.lines.push(line.to_owned());
        }
    }
    Timeline {
        policy: from(policy),
        setting: from(setting),
        rows,
    }
}

fn from<T: DeserializeOwned>(fields: Map<String, Value>) -> T {
    serde_json::from_value(Value::Object(fields)).unwrap_or_else(|error| panic!("the head of an example: {error}"))
}

/// A row, or the rows that `10s to 60s every 1s` stands for.
fn row(line: &str) -> Vec<Row> {
    let (what, run) = match line.split_once('→') {
        // Why it runs is for the reader.
        Some((what, run)) => (what, run.trim().split("  ").next().map(str::to_owned)),
        None => (line, None),
    };
    let (when, events) = what.split_once("  ").unwrap_or((what, ""));
    let events: Vec<_> = events
        .split(", ")
        .map(str::trim)
        .filter(|event| !event.is_empty())
        .map(str::to_owned)
        .collect();
    let row = |at| Row {
        at,
        events: events.clone(),
        run: run.clone(),
        lines: vec![],
    };
    let (from, to, every) = times(when).unwrap_or_else(|| panic!("no time: {line}"));
    iter::successors(Some(from), |at| Some(*at + every))
        .take_while(|at| *at <= to)
        .map(row)
        .collect()
}

/// The first time, the last, and what lies between any two.
fn times(text: &str) -> Option<(Duration, Duration, Duration)> {
    let time = |text: &str| match text.trim().strip_suffix('s').and_then(|seconds| seconds.parse().ok()) {
        Some(seconds) => Some(Duration::from_secs_f64(seconds)),
        None => parse_duration(text.trim()).ok(),
    };
    match text.split_once(" to ") {
        None => Some((time(text)?, time(text)?, Duration::from_secs(1))),
        Some((from, rest)) => {
            let (to, every) = rest.split_once(" every ")?;
            Some((time(from)?, time(to)?, time(every)?))
        }
    }
}
