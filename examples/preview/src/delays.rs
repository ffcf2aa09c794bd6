//! The delays of each phase, until the cap and the deadline.

use std::{fmt::Write as _, time::Duration};

use requeue_policy::{Interval, Phase, RequeueConfig, RequeuePolicy};

use crate::{
    human::{count, exact, percent, seconds},
    simulate::{capped_after, reconciles, sample},
};

/// How many delays are listed one by one.
const LISTED: usize = 7;

/// How many retries are counted one by one.
const COUNTED: usize = 100_000;

pub(crate) fn section(policy: &RequeueConfig) -> String {
    let mut text = String::from("Delays between reconciles, while an object stays in its phase\n");
    for phase in Phase::ALL {
        let interval = policy.interval(phase);
        let _ = writeln!(text, "  {phase:<12}  {}", sequence(&interval));
        if let Some(max) = interval.max().filter(|max| *max > interval.longest()) {
            let _ = writeln!(text, "{:16}max {} has no effect: factor is 1", "", exact(max));
        }
        if let Some(deadline) = interval.deadline() {
            let retries = retries(policy, phase);
            let _ = writeln!(text, "{:16}gives up after {}: {retries}", "", exact(deadline));
        }
        if interval.jitter() > 0.0 {
            let _ = writeln!(text, "{:16}{}", "", jitter(&interval));
        }
    }
    text
}

fn sequence(interval: &Interval) -> String {
    if *interval == Interval::never() {
        return "never: only a change triggers a reconcile".into();
    }
    let longest = interval.longest();
    if interval.initial() >= longest {
        return format!("every {}", exact(longest));
    }
    let listed: Vec<_> = interval.delays().take(LISTED + 1).collect();
    let growing: Vec<_> = listed.iter().copied().take_while(|delay| *delay < longest).collect();
    let list = |delays: &[Duration]| delays.iter().copied().map(exact).collect::<Vec<_>>().join(" ");
    if growing.len() < listed.len() {
        return format!("{}, then every {}", list(&growing), exact(longest));
    }
    if listed.len() <= LISTED {
        // The deadline comes first.
        return list(&listed);
    }
    let first = if exact(listed[0]) == exact(listed[1]) {
        exact(listed[0])
    } else {
        list(&listed[..LISTED - 1])
    };
    match last(interval) {
        last if last < longest && interval.deadline().is_some() => format!("{first} ... up to {}", exact(last)),
        _ => format!(
            "{first} ... then every {}, from {} on",
            exact(longest),
            seconds(capped_after(interval))
        ),
    }
}

/// The longest delay before the deadline, before jitter.
fn last(interval: &Interval) -> Duration {
    let deadline = interval.deadline().unwrap_or(Duration::MAX);
    let moment_before = deadline.saturating_sub(Duration::from_nanos(1));
    interval.delay(moment_before).unwrap_or(interval.longest())
}

/// How many retries there are before timers give up.
fn retries(policy: &RequeueConfig, phase: Phase) -> String {
    let least = policy.interval(phase).delays().take(COUNTED).count();
    if least == COUNTED {
        return format!("more than {} retries", count(COUNTED as u64));
    }
    let most = (0..sample(policy, phase, Duration::MAX, 1000))
        .map(|object| reconciles(policy, phase, object).take(2 * COUNTED).count())
        .fold(least, usize::max);
    match (least, most) {
        (1, 1) => "1 retry".into(),
        (least, most) if least == most => format!("{} retries", count(least as u64)),
        (least, most) => format!(
            "{} retries, or by jitter up to {}",
            count(least as u64),
            count(most as u64)
        ),
    }
}

fn jitter(interval: &Interval) -> String {
    let (first, last) = (interval.initial(), last(interval));
    let earliest = |delay: Duration| exact(delay.mul_f64(1.0 - interval.jitter()));
    let mut text = format!("jitter: up to {} earlier", percent(interval.jitter()));
    let _ = write!(text, ", {} becomes {} to {0}", exact(first), earliest(first));
    if last > first {
        let _ = write!(text, ", {} becomes {} to {0}", exact(last), earliest(last));
    }
    text
}
