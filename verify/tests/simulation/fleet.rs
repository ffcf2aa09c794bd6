//! A fleet of a hundred thousand objects whose timers share a rate: who waits how long, who never does.

use libtest_mimic::Failed;
use requeue_policy::{MaxRate, Phase, RequeueConfig, kube::Requeuer};
use std::{cmp::Reverse, collections::BinaryHeap, convert::Infallible, sync::Arc, time::Duration};
use tokio::time::{Instant, advance};
use verify::{Caller, Random, Thing, delay, in_virtual_time};

/// Milliseconds, as kube-runtime's timers have them.
type Millis = u64;

const OBJECTS: u64 = 100_000;
const RATE: u64 = 50;
const INTERVAL: Millis = 300_000;
/// In which the rate serves every object once.
const ROUND: Millis = OBJECTS * 1000 / RATE;
const END: Millis = INTERVAL + 4 * ROUND;
const WINDOW: Millis = 100_000;
const CHANGES: u64 = 1000;
/// So many objects get another spec at once, all of them while their timers wait.
const ROLLOUT: u64 = 20_000;
const ROLLOUT_AT: Millis = INTERVAL + 2 * ROUND;
/// Until those are due again nobody asks for the turns that they gave back.
const QUIET: std::ops::Range<Millis> = ROLLOUT_AT - WINDOW + 1..ROLLOUT_AT + INTERVAL + 1;

/// What the API server has of an object, and what the controller's scheduler has.
#[derive(Clone)]
struct Object {
    version: u64,
    generation: i64,
    timer: Millis,
    last_run: Millis,
}

struct Fleet {
    start: Instant,
    caller: Caller<Infallible>,
    objects: Vec<Object>,
    timers: BinaryHeap<Reverse<(Millis, usize)>>,
    longest_gap: Millis,
}

impl Fleet {
    fn now(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    /// In how many milliseconds the object is to come back, rounded up as the runtime's timers are.
    fn call(&self, number: usize) -> Millis {
        let object = &self.objects[number];
        let thing = Thing::stored(number, object.version, object.generation);
        let thing = if object.version > 1 {
            thing.in_phase(Phase::Ready)
        } else {
            thing
        };
        let delay = delay(&self.caller.trigger(&Arc::new(thing)));
        delay.unwrap_or_default().as_nanos().div_ceil(1_000_000) as Millis
    }

    /// A trigger of an object, whatever its cause; tells how many runs it and the object's own status write started. What was
    /// scheduled is replaced: it was later.
    fn trigger(&mut self, number: usize) -> usize {
        let (before, now) = (self.caller.runs(), self.now());
        let mut next = self.call(number);
        if self.caller.runs() > before {
            self.longest_gap = self.longest_gap.max(now - self.objects[number].last_run);
            self.objects[number].last_run = now;
            self.objects[number].version += 1;
            next = next.min(self.call(number));
        }
        self.objects[number].timer = now + next;
        self.timers.push(Reverse((now + next, number)));
        self.caller.runs() - before
    }
}

pub(crate) fn a_rate_for_the_fleet_is_kept_starves_nobody_and_delays_no_change() -> Result<(), Failed> {
    in_virtual_time(live())
}

async fn live() -> Result<(), Failed> {
    let config = RequeueConfig::default()
        .with_default(Duration::from_millis(INTERVAL))
        .with_max_rate(MaxRate::new(RATE as f64));
    let requeue = Requeuer::new(config)?;
    let new = Object {
        version: 1,
        generation: 1,
        timer: 0,
        last_run: 0,
    };
    let mut fleet = Fleet {
        start: Instant::now(),
        caller: Caller::new(&requeue, |_| Ok(Phase::Ready)),
        objects: vec![new; OBJECTS as usize],
        timers: BinaryHeap::new(),
        longest_gap: 0,
    };
    // An operator starts: every object runs at once, and no timer is the cause.
    for number in 0..fleet.objects.len() {
        if fleet.trigger(number) != 1 {
            return Err(format!("object {number} did not run once at the start").into());
        }
    }
    let mut random = Random::new(OBJECTS);
    let mut changes: Vec<_> = (0..CHANGES)
        .map(|_| (random.below(END), random.below(OBJECTS)))
        .collect();
    // Every fifth, so a fifth of the turns is given back.
    changes.extend((0..ROLLOUT).map(|n| (ROLLOUT_AT, n * (OBJECTS / ROLLOUT))));
    changes.sort_unstable_by_key(|change| Reverse(*change));

    let mut by_timers = vec![0_u64; ((END - INTERVAL) / WINDOW) as usize];
    loop {
        let timer = fleet.timers.peek().map_or(END, |Reverse((at, _))| *at);
        let change = changes.last().map_or(END, |(at, _)| *at);
        let at = timer.min(change);
        if at >= END {
            break;
        }
        if at > fleet.now() {
            advance(Duration::from_millis(at - fleet.now())).await;
        }
        if change <= timer {
            let number = changes.pop().map_or(0, |(_, number)| number as usize);
            fleet.objects[number].generation += 1;
            fleet.objects[number].version += 1;
            if fleet.trigger(number) != 1 {
                return Err(format!("the change of object {number} at {at} ms did not start one run").into());
            }
            continue;
        }
        let number = fleet.timers.pop().map_or(0, |Reverse((_, number))| number);
        if fleet.objects[number].timer == at {
            let runs = fleet.trigger(number);
            if runs > 1 {
                return Err(format!("the status write of object {number} started a run").into());
            }
            by_timers[((at - INTERVAL) / WINDOW) as usize] += runs as u64;
        }
    }
    let now = fleet.now();
    let gaps = fleet.objects.iter().map(|object| now - object.last_run);
    let gap = gaps.fold(fleet.longest_gap, Millis::max);
    if gap * 2 > ROUND * 3 {
        return Err(format!("an object did not run for {gap} ms").into());
    }
    for (window, count) in by_timers.iter().enumerate() {
        let is_quiet = QUIET.contains(&(INTERVAL + window as Millis * WINDOW));
        let share = *count as f64 * 1000.0 / (WINDOW * RATE) as f64;
        if share > 1.02 || share < 0.98 && !is_quiet {
            return Err(format!("timers started {share:.3} of the rate in window {window}: {by_timers:?}").into());
        }
    }
    println!("\n    the longest gap was {:.2} rounds", gap as f64 / ROUND as f64);
    Ok(())
}
