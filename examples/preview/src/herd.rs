//! The herd: all objects are settled, and a restart of the operator reconciles all of them at once.

use std::{fmt::Write as _, time::Duration};

use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};

use crate::{
    human::{count, exact},
    simulate::{start, uid},
};

/// How many equal parts an interval has: 250 ms of 30 s.
const BINS: usize = 120;

/// How many intervals after the restart are simulated.
pub(crate) const INTERVALS: usize = 10;

/// The jitter that is suggested to a policy without any.
const SUGGESTED: f64 = 0.2;

const DAY: u64 = 86_400;

pub(crate) fn section(policy: &RequeueConfig, objects: u32) -> String {
    let Some(delay) = settled_delay(policy) else {
        let why = match policy.default_interval() == Interval::never() {
            true => "have no timer",
            false => "have given up",
        };
        return format!("After a restart: settled objects {why}, so each is reconciled once and no herd returns\n");
    };
    let bin = exact(delay / BINS as u32);
    let mut text = format!(
        "After a restart: starts per {bin} of {} objects, Ready for a month, all started within {}\n",
        count(objects.into()),
        exact(within(delay))
    );
    for (name, policy) in variants(policy) {
        let herd = herd(&policy, delay, objects);
        for interval in [1, 2, 4, INTERVALS] {
            let bins = &herd[interval * BINS..(interval + 1) * BINS];
            let name = if interval == 1 { name.as_str() } else { "" };
            let peak = bins.iter().max().copied().unwrap_or_default();
            let mean = f64::from(bins.iter().sum::<u32>()) / BINS as f64;
            // While the delay grows, an interval may have no start.
            let times = if mean > 0.0 { f64::from(peak) / mean } else { 0.0 };
            let peak = count(peak.into());
            let _ = writeln!(
                text,
                "  {name:<22}{interval:>3} |{}| {peak:>7} = {times:5.1} x mean",
                line(bins, mean)
            );
        }
    }
    let _ = writeln!(
        text,
        "  {:22}  ^ the interval after the restart; full height is 4 x the mean or more",
        ""
    );
    text
}

/// The policy without jitter and with its jitter, or the suggested one if it has none.
pub(crate) fn variants(policy: &RequeueConfig) -> [(String, RequeueConfig); 2] {
    let interval = policy.default_interval();
    let with = |jitter| policy.with_default(interval.with_jitter(jitter));
    if interval.jitter() > 0.0 {
        [
            ("without jitter".into(), with(0.0)),
            (format!("as it is, jitter {}", interval.jitter()), *policy),
        ]
    } else {
        let suggested = format!("jitter {SUGGESTED} for example");
        [("as it is, no jitter".into(), *policy), (suggested, with(SUGGESTED))]
    }
}

/// The delay of an object that has been settled for a month.
pub(crate) fn settled_delay(policy: &RequeueConfig) -> Option<Duration> {
    policy.interval(Phase::Ready).delay(Duration::from_secs(30 * DAY))
}

/// The time in which all of them are started: nearly at once.
fn within(delay: Duration) -> Duration {
    (delay / 60).min(Duration::from_millis(500))
}

/// Starts in each part of an interval, of the interval of the restart and those after it.
///
/// Each object became Ready 30 to 31 days before, in a different second. Its slot counts from its `lastTransitionTime`, and
/// no restart moves it.
pub(crate) fn herd(policy: &RequeueConfig, delay: Duration, objects: u32) -> Vec<u32> {
    let mut starts = vec![0; (INTERVALS + 1) * BINS];
    for n in 0..objects {
        let settled = Duration::from_secs(30 * DAY + u64::from(n) * 7919 % DAY);
        let object = Observed::new(Phase::Ready).since(start() - settled).uid(&uid(n));
        let mut at = within(delay).mul_f64(f64::from(n) / f64::from(objects));
        while let Some(bin) = starts.get_mut((at.as_nanos() * BINS as u128 / delay.as_nanos()) as usize) {
            *bin += 1;
            match policy.requeue(&object, start() + at) {
                Requeue::After(delay) => at += delay,
                Requeue::AwaitChange => break,
            }
        }
    }
    starts
}

/// Three parts of the interval in each column, half the mean in each step of height.
fn line(bins: &[u32], mean: f64) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let height = |starts: f64| HEIGHTS[((starts / mean * 2.0).ceil() as usize).min(8)];
    bins.chunks(3)
        .map(|bins| height(f64::from(bins.iter().sum::<u32>()) / bins.len() as f64))
        .collect()
}
