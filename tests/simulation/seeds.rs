//! Which seeds are played, on all cores.

use crate::{
    behaviour::seconds,
    plan::Plan,
    simulation::{Done, play},
};
use libtest_mimic::Failed;
use requeue_policy::{RequeueConfig, kube::Requeuer};
use std::{
    collections::BTreeMap,
    env, panic,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

/// Where the seeds start, so that every run of the test plays the same.
const FIRST: u64 = 1;

const KEPT: &str = include_str!("seeds.txt");

/// How many failures are told in full.
const TOLD: usize = 5;

pub(crate) fn no_seed_breaks_a_rule() -> Result<(), Failed> {
    prepare();
    if let Some(seed) = number("SIMULATION_SEED")? {
        return replay(seed);
    }
    let count = number("SIMULATION_SEEDS")?.unwrap_or(1000);
    let mut seeds: Vec<_> = KEPT.lines().filter_map(kept).collect();
    seeds.extend(FIRST..FIRST + count);
    let started = Instant::now();
    let done = play_all(&seeds);
    let (runs, lasted): (usize, i64) = done
        .values()
        .fold((0, 0), |(runs, lasted), done| (runs + done.runs, lasted + done.lasted));
    println!(
        "\n    {} seeds in {:.1?}: {runs} runs in {:.1} virtual years",
        seeds.len(),
        started.elapsed(),
        seconds(lasted) / (365.0 * 86_400.0),
    );
    judge(&done)
}

/// Plays a seed until it breaks a rule, and with its trace if it never does. One object always makes the same; of several,
/// kube-runtime's hash maps decide which is first at the same instant.
fn replay(seed: u64) -> Result<(), Failed> {
    const TIMES: usize = 20;
    for _ in 0..TIMES {
        let done = play(seed, false);
        if !done.violations.is_empty() {
            return judge(&BTreeMap::from([(seed, done)]));
        }
    }
    let done = play(seed, true);
    println!(
        "{} runs in {:.0} virtual seconds, no rule broken in {TIMES} times",
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
        let (one, other) = (play(seed, false), play(seed, false));
        if one.sum != other.sum {
            return Err(format!("seed {seed} makes {:016x}, and then {:016x}", one.sum, other.sum).into());
        }
    }
    Ok(())
}

/// The crate reads both clocks once, which has to be before any runtime's time begins. And the panics that are part of
/// a simulation are not to be printed.
fn prepare() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without I/O starts");
    let _guard = runtime.enter();
    Requeuer::new(RequeueConfig::default()).expect("the default is valid");
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        if !message.contains("JoinError::Panic") {
            print(info);
        }
    }));
}

fn kept(line: &str) -> Option<u64> {
    line.split('#').next()?.trim().parse().ok()
}

fn number(variable: &str) -> Result<Option<u64>, Failed> {
    let Some(text) = env::var_os(variable) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let number = text.parse();
    number
        .map(Some)
        .map_err(|_| format!("{variable}: {text:?} is not allowed, it must be a number below 2^64").into())
}

fn play_all(seeds: &[u64]) -> BTreeMap<u64, Done> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played =
                        panic::catch_unwind(|| play(*seed, false)).unwrap_or_else(|panic| Done::panicked(&*panic));
                    done.lock()
                        .expect("no thread panics with the results")
                        .insert(*seed, played);
                }
            });
        }
    });
    done.into_inner().expect("no thread panics with the results")
}

fn judge(done: &BTreeMap<u64, Done>) -> Result<(), Failed> {
    let failed: Vec<_> = done.iter().filter(|(_, done)| !done.violations.is_empty()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    for (seed, done) in failed.iter().take(TOLD) {
        println!(
            "\nseed {seed}: {} violations, the first:\n{}",
            done.violations.len(),
            done.violations[0]
        );
        println!("    SIMULATION_SEED={seed} cargo test --features kube-runtime --test simulation");
    }
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for (seed, done) in &failed {
        rules.entry(done.violations[0].rule).or_default().push(**seed);
    }
    for (rule, seeds) in &rules {
        println!(
            "{rule}: {} seeds, the first {:?}",
            seeds.len(),
            &seeds[..seeds.len().min(12)]
        );
    }
    Err(format!("{} of {} seeds broke a rule", failed.len(), done.len()).into())
}
