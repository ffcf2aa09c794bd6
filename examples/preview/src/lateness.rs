//! How late a change is noticed that only polling reveals, such as the end of an outage.

use std::{fmt::Write as _, time::Duration};

use requeue_policy::{Interval, Phase, RequeueConfig, RequeuePolicy};

use crate::{
    human::{at_most, exact, rounded},
    simulate::{is_short, reconciles, sample},
};

const MINUTE: Duration = Duration::from_secs(60);
const AFTER: [(&str, Duration); 4] = [
    ("1m", MINUTE),
    ("10m", Duration::from_secs(600)),
    ("1h", Duration::from_secs(3600)),
    ("6h", Duration::from_secs(6 * 3600)),
];

pub(crate) fn section(policy: &RequeueConfig) -> String {
    let mut text = String::from("How late a change is noticed that no event reports: at most (on average)\n");
    let _ = write!(text, "  {:<12}", "in phase for");
    for (name, _) in AFTER {
        let _ = write!(text, "  {name:<18}");
    }
    text = text.trim_end().to_owned() + "\n";
    for phase in Phase::ALL {
        let cells = AFTER.map(|(_, after)| cell(policy, phase, after));
        let mut line = format!("  {phase:<12}");
        for cell in cells {
            let _ = write!(line, "  {cell:<18}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for phase in Phase::ALL {
        if let Some(deadline) = policy.interval(phase).deadline() {
            let _ = writeln!(
                text,
                "  never: {phase} gives up after {}, then only a change triggers a reconcile",
                exact(deadline)
            );
        }
    }
    text
}

fn cell(policy: &RequeueConfig, phase: Phase, after: Duration) -> String {
    let interval = policy.interval(phase);
    match interval.delay(after) {
        None => "never".into(),
        Some(worst) => match mean(policy, phase, &interval, after, worst) {
            Some(mean) => format!("{} ({})", at_most(worst), rounded(mean)),
            None => at_most(worst),
        },
    }
}

/// The mean over slots, and over changes evenly spread over one delay after `after`. None if timers may have given up by
/// then, or if the simulation would take long.
fn mean(
    policy: &RequeueConfig,
    phase: Phase,
    interval: &Interval,
    after: Duration,
    delay: Duration,
) -> Option<Duration> {
    const CHANGES: u32 = 1000;
    if interval.delay(after + delay).is_none() || !is_short(policy, phase, after + delay) {
        return None;
    }
    let sample = sample(policy, phase, after + delay, CHANGES);
    let changes: Vec<_> = (0..CHANGES)
        .map(|change| after + delay.mul_f64((f64::from(change) + 0.5) / f64::from(CHANGES)))
        .collect();
    // One object of the sample sees each change.
    let late: Duration = (0..sample)
        .flat_map(|object| {
            let mut reconciles = reconciles(policy, phase, object).peekable();
            let mine = changes.iter().skip(object as usize).step_by(sample as usize);
            mine.filter_map(move |change| {
                while reconciles.next_if(|at| at < change).is_some() {}
                reconciles.peek().map(|at| *at - *change)
            })
            .collect::<Vec<_>>()
        })
        .sum();
    Some(late / CHANGES)
}
