//! Which seeds are played, on all cores.

use crate::{
    behaviour::seconds,
    coverage::Coverage,
    plan::Plan,
    simulation::{Done, play},
};
use libtest_mimic::Failed;
use requeue_policy::{RequeueConfig, kube::Requeuer};
use std::{
    collections::BTreeMap,
    panic,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};
use verify::number_from_env;

/// Where the seeds start, so that every run of the test plays the same.
const FIRST: u64 = 1;

/// In how many seeds all that has to occur occurs.
const ENOUGH: usize = 1000;

const KEPT: &str = include_str!("seeds.txt");

/// How many failures are shown in full.
const SHOWN: usize = 5;

pub(crate) fn no_seed_breaks_a_rule() -> Result<(), Failed> {
    prepare();
    if let Some(seed) = number_from_env("SIMULATION_SEED")? {
        return replay(seed);
    }
    let count = number_from_env("SIMULATION_SEEDS")?.unwrap_or(1000);
    let kept = KEPT
        .lines()
        .filter_map(|line| line.split('#').next()?.trim().parse().ok());
    let seeds: Vec<_> = kept.chain(FIRST..FIRST + count).collect();
    let started = Instant::now();
    let done = play_all(&seeds);
    let runs: usize = done.values().map(|done| done.runs).sum();
    let days = done.values().map(|done| seconds(done.lasted)).sum::<f64>() / 86_400.0;
    let (count, took) = (seeds.len(), started.elapsed());
    println!("\n    {count} seeds in {took:.1?}: {runs} runs in {days:.0} virtual days");
    judge(&done)?;
    let mut coverage = Coverage::default();
    done.values().for_each(|done| coverage.add_all(&done.coverage));
    let missing = coverage.report();
    // Fewer need not have all.
    match count < ENOUGH || missing.is_empty() {
        true => Ok(()),
        false => Err(format!("in {count} seeds these never occurred: {missing:?}").into()),
    }
}

/// Plays a seed until it breaks a rule, and with its trace if it never does. One object always makes the same; of several,
/// kube-runtime's hash maps decide which is first at the same instant. `SIMULATION_TRACE=1` plays it once, with its trace.
fn replay(seed: u64) -> Result<(), Failed> {
    const TIMES: usize = 20;
    let times = if number_from_env("SIMULATION_TRACE")?.is_some() {
        0
    } else {
        TIMES
    };
    for _ in 0..times {
        let done = play(seed, false);
        if !done.violations.is_empty() {
            return judge(&BTreeMap::from([(seed, done)]));
        }
    }
    let done = play(seed, true);
    println!(
        "{} runs in {:.0} virtual seconds, no rule broken in {times} times before",
        done.runs,
        seconds(done.lasted)
    );
    judge(&BTreeMap::from([(seed, done)]))
}

pub(crate) fn the_seed_of_one_object_always_makes_the_same() -> Result<(), Failed> {
    prepare();
    // Where there are several objects, kube-runtime's hash maps decide which of them is first at the same time.
    let alone = (FIRST..).filter(|seed| Plan::draw(*seed).objects.len() == 1);
    for seed in alone.take(20) {
        let [one, other] = [0, 1].map(|_| play(seed, false).sum);
        if one != other {
            return Err(format!("seed {seed} makes {one:016x}, and then {other:016x}").into());
        }
    }
    Ok(())
}

/// The crate reads both clocks once, which has to be before any runtime's time begins. And the panics that are part of
/// a simulation are not to be shown.
fn prepare() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without I/O starts");
    let _guard = runtime.enter();
    Requeuer::new(RequeueConfig::default()).expect("the default is valid");
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        if !message.contains("JoinError::Panic") {
            show(info);
        }
    }));
}

fn play_all(seeds: &[u64]) -> BTreeMap<u64, Done> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = panic::catch_unwind(|| play(*seed, false));
                    let played = played.unwrap_or_else(|panic| Done::panicked(&*panic));
                    let mut done = done.lock().expect("no thread panics with the results");
                    done.insert(*seed, played);
                }
            });
        }
    });
    done.into_inner().expect("no thread panics with the results")
}

fn judge(done: &BTreeMap<u64, Done>) -> Result<(), Failed> {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for (seed, Done { violations, .. }) in done {
        let Some(first) = violations.first() else { continue };
        if rules.values().flatten().count() < SHOWN {
            println!("\nseed {seed}: {} violations, the first:\n{first}", violations.len());
            println!("    SIMULATION_SEED={seed} cargo test -p verify --test simulation");
        }
        rules.entry(first.rule).or_default().push(*seed);
    }
    for (rule, seeds) in &rules {
        let first: Vec<_> = seeds.iter().take(12).collect();
        println!("{rule}: {} seeds, the first {first:?}", seeds.len());
    }
    match rules.values().flatten().count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} seeds broke a rule", done.len()).into()),
    }
}
