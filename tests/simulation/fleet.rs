//! A fleet of a hundred thousand objects whose timers share a rate: what they cost, who waits how long, who never does.
//!
//! The wrapped reconciler is called as the `Controller` calls it, but without one: its queues would be what is measured.

use crate::{
    random::Random,
    thing::{Thing, ThingSpec, ThingStatus},
};
use futures::executor::block_on;
use kube::runtime::controller::Action;
use libtest_mimic::Failed;
use requeue_policy::{Interval, MaxRate, Phase, RequeueConfig, kube::Requeuer};
use std::{
    cell::Cell,
    cmp::Reverse,
    collections::BinaryHeap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, advance};

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
/// Until those are due again nobody asks for the places that they gave back.
const QUIET: std::ops::Range<Millis> = ROLLOUT_AT - WINDOW + 1..ROLLOUT_AT + INTERVAL + 1;

pub(crate) fn a_rate_for_the_fleet_is_kept_starves_nobody_and_delays_no_change() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(live())
}

/// What the API server has of an object, and what the controller's scheduler has.
struct Object {
    version: u64,
    generation: i64,
    timer: Millis,
    last_run: Millis,
}

async fn live() -> Result<(), Failed> {
    let requeue = Requeuer::new(RequeueConfig {
        default: Interval::constant(Duration::from_millis(INTERVAL)),
        max_rate: Some(MaxRate::new(RATE as f64)),
        ..RequeueConfig::default()
    })?;
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let reconcile = requeue.reconciler(move |_: Arc<Thing>, _: Arc<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Phase::Ready) }
    });
    let start = Instant::now();
    let now = || (Instant::now() - start).as_millis() as Millis;

    let new = || Object {
        version: 1,
        generation: 1,
        timer: 0,
        last_run: 0,
    };
    let mut objects: Vec<_> = (0..OBJECTS).map(|_| new()).collect();
    let mut timers = BinaryHeap::new();
    let longest_gap = Cell::new(0);
    // A trigger of an object, whatever its cause; tells whether it ran, and how many runs that made. What was scheduled is replaced: it was later.
    let trigger = |objects: &mut Vec<Object>, timers: &mut BinaryHeap<_>, number: u64| {
        let object = &mut objects[number as usize];
        let before = runs.load(Ordering::Relaxed);
        let call = |object: &Object| {
            // No run here waits for anything, so no time passes in it.
            let Ok(action) = block_on(reconcile(thing(number, object), Arc::new(())));
            delay(&action)
        };
        let mut next = call(object);
        let ran = runs.load(Ordering::Relaxed) > before;
        if ran {
            longest_gap.set(longest_gap.get().max(now() - object.last_run));
            object.last_run = now();
            // Its status comes back.
            object.version += 1;
            next = next.min(call(object));
        }
        object.timer = now() + next;
        timers.push(Reverse((object.timer, number)));
        (ran, runs.load(Ordering::Relaxed) - before)
    };

    // An operator starts: every object runs at once, and no timer is the cause.
    for number in 0..OBJECTS {
        if trigger(&mut objects, &mut timers, number) != (true, 1) {
            return Err(format!("object {number} did not run once at the start").into());
        }
    }
    let mut random = Random::new(OBJECTS);
    let mut changes: Vec<_> = (0..CHANGES)
        .map(|_| (random.below(END), random.below(OBJECTS)))
        .collect();
    // Every fifth, so a fifth of the places is given back.
    changes.extend((0..ROLLOUT).map(|n| (ROLLOUT_AT, n * (OBJECTS / ROLLOUT))));
    changes.sort_unstable_by_key(|change| Reverse(*change));

    let mut by_timers = vec![0_u64; ((END - INTERVAL) / WINDOW) as usize];
    let mut waited = 0;
    loop {
        let timer = timers.peek().map_or(END, |Reverse((at, _))| *at);
        let change = changes.last().map_or(END, |(at, _)| *at);
        let at = timer.min(change);
        if at >= END {
            break;
        }
        if at > now() {
            advance(Duration::from_millis(at - now())).await;
        }
        if change <= timer {
            let Some((_, number)) = changes.pop() else { break };
            let object = &mut objects[number as usize];
            object.generation += 1;
            object.version += 1;
            if trigger(&mut objects, &mut timers, number) != (true, 1) {
                return Err(format!("the change of object {number} at {at} ms did not start one run").into());
            }
            continue;
        }
        let Some(Reverse((_, number))) = timers.pop() else {
            break;
        };
        if objects[number as usize].timer != at {
            continue;
        }
        match trigger(&mut objects, &mut timers, number) {
            (true, 1) => {
                if let Some(count) = by_timers.get_mut(((at - INTERVAL) / WINDOW) as usize) {
                    *count += 1;
                }
            }
            (true, _) => return Err(format!("the status write of object {number} started a run").into()),
            (false, _) => waited += 1,
        }
    }
    let ends = objects.iter().map(|object| now() - object.last_run);
    let gap = ends.max().unwrap_or_default().max(longest_gap.get());
    let per_second = |count: &u64| *count as f64 * 1000.0 / WINDOW as f64;
    let spans = by_timers
        .iter()
        .zip(0..)
        .map(|(count, number)| (INTERVAL + number * WINDOW, *count));
    let most = by_timers.iter().copied().max().unwrap_or_default();
    let least = spans
        .clone()
        .filter(|(from, _)| !QUIET.contains(from))
        .map(|(_, count)| count)
        .min();
    let least = least.unwrap_or_default();
    println!(
        "\n    {OBJECTS} objects at {RATE}/s: timers started {} to {} runs per second in each of {} spans of {} s; {waited} waited, \
         and the longest gap was {} s, {:.2} rounds; {} changes ran at once",
        per_second(&least),
        per_second(&most),
        by_timers.len(),
        WINDOW / 1000,
        gap / 1000,
        gap as f64 / ROUND as f64,
        CHANGES + ROLLOUT,
    );
    for count in [least, most] {
        let rate = per_second(&count);
        if (rate / RATE as f64 - 1.0).abs() > 0.02 {
            return Err(format!("timers started {rate} runs per second: {:?}", spans.collect::<Vec<_>>()).into());
        }
    }
    if gap * 2 > ROUND * 3 {
        return Err(format!("an object did not run for {gap} ms").into());
    }
    Ok(())
}

fn thing(number: u64, object: &Object) -> Arc<Thing> {
    let spec = ThingSpec {
        value: object.generation as u64,
    };
    let mut thing = Thing::new(&format!("t{number}"), spec);
    thing.metadata.namespace = Some("default".to_owned());
    thing.metadata.uid = Some(format!("0b1e1e5c-7a0f-4a52-9d3e-{number:012}"));
    thing.metadata.resource_version = Some(object.version.to_string());
    thing.metadata.generation = Some(object.generation);
    thing.status = (object.version > 1).then(|| ThingStatus {
        phase: Some(Phase::Ready),
        ..ThingStatus::default()
    });
    Arc::new(thing)
}

/// In how many milliseconds it asks to come back, rounded up as the runtime's timers are; kube shows it to no other code.
fn delay(action: &Action) -> Millis {
    let text = format!("{action:?}");
    let text = text
        .strip_prefix("Action { requeue_after: Some(")
        .and_then(|rest| rest.strip_suffix(") }"))
        .unwrap_or_else(|| panic!("no delay: {text}"));
    let unit = text
        .find(|c: char| c.is_alphabetic() || c == 'µ')
        .unwrap_or_else(|| panic!("no unit: {text}"));
    let (number, unit) = text.split_at(unit);
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("no number: {text}"));
    let millis = match unit {
        "s" => number * 1e3,
        "ms" => number,
        other => panic!("a delay in {other}"),
    };
    // What binary fractions add is no millisecond more.
    (millis - 1e-6).ceil() as Millis
}
