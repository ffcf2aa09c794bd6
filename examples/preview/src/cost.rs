//! What the policy costs: reconciles by timers.

use std::{fmt::Write as _, time::Duration};

use requeue_policy::{Interval, Phase, RequeueConfig, RequeuePolicy};

use crate::{
    human::{count, exact, rate, seconds},
    simulate::{capped_after, reconciles, sample},
};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn section(policy: &RequeueConfig, objects: u32) -> String {
    let title = format!("Reconciles of {} objects, by timers", count(objects.into()));
    let mut text = format!("{title:<60}{:>18}{:>16}\n", "per hour", "per second");
    let mut row = |name: &str, per_hour: f64| {
        let _ = writeln!(
            text,
            "  {name:<58}{:>18}{:>16}",
            rate(per_hour),
            rate(per_hour / 3600.0)
        );
    };
    for phase in Phase::ALL {
        let interval = policy.interval(phase);
        if interval == Interval::never() {
            row(&format!("{phase}, each hour"), 0.0);
            continue;
        }
        let at_cap = f64::from(objects) * HOUR.as_secs_f64() / interval.longest().as_secs_f64();
        let from = capped_after(&interval);
        let deadline = interval.deadline();
        let until = deadline.map_or(String::new(), |deadline| format!(", until {}", exact(deadline)));
        if from == 0.0 && deadline.is_none_or(|deadline| deadline > HOUR) {
            row(&format!("{phase}, each hour{until}"), at_cap);
            continue;
        }
        row(
            &format!("{phase}, first hour, all of them at once"),
            first_hour(policy, phase, objects),
        );
        if deadline.is_none_or(|deadline| deadline > HOUR && deadline.as_secs_f64() > from) {
            let cap = exact(interval.longest());
            let from = seconds(from);
            row(&format!("{phase}, each hour at {cap}, from {from} on{until}"), at_cap);
        }
    }
    match policy.rate_limit() {
        Some(limit) => row(
            &format!(
                "one object in a hot loop: {} at once, then one every {}",
                count(limit.burst().into()),
                exact(limit.every())
            ),
            HOUR.as_secs_f64() / limit.every().as_secs_f64(),
        ),
        None => text.push_str("  one object in a hot loop: as fast as it can, rate_limit is off\n"),
    }
    text
}

/// Reconciles of all objects in the first hour. If there are many, or many objects, a sample stands for all.
fn first_hour(policy: &RequeueConfig, phase: Phase, objects: u32) -> f64 {
    let sample = sample(policy, phase, HOUR, objects);
    let count: usize = (0..sample)
        .map(|object| reconciles(policy, phase, object).take_while(|at| *at <= HOUR).count())
        .sum();
    count as f64 * f64::from(objects) / f64::from(sample)
}
