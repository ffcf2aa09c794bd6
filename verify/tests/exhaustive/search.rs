//! Breadth first: the first counterexample is a shortest one.

use crate::{action::Action, cast::Cast, real::Real, world::World};
use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many threads search, and how many parts of the set of states they lock one by one.
const THREADS: usize = 2;
const PARTS: usize = 64;

/// How many states are taken from a level at once.
const CHUNK: usize = 256;

/// How a state was reached.
struct Path {
    action: Action,
    before: Option<Arc<Path>>,
}

/// The hashes of the states, which need not be hashed again.
type Seen = HashSet<u64, BuildHasherDefault<Itself>>;

#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Level = Vec<(World, Option<Arc<Path>>)>;

/// What was searched.
#[derive(Default)]
pub(crate) struct Searched {
    pub(crate) depth: usize,
    pub(crate) states: usize,
    pub(crate) steps: usize,
    /// Whether there is no further state.
    pub(crate) is_all: bool,
    pub(crate) covered: u32,
}

/// A counterexample.
pub(crate) struct Broken {
    pub(crate) what: String,
    pub(crate) actions: Vec<Action>,
}

/// Searches all orders of up to `depth` actions, or as deep as there is time for.
pub(crate) fn search(cast: &'static Cast, depth: usize, time: Duration) -> Result<Searched, Broken> {
    let start = Instant::now();
    let mut real = Real::new(cast.policies);
    let first = World::new(cast, &mut real);
    let seen: Vec<_> = (0..PARTS).map(|_| Mutex::new(Seen::default())).collect();
    insert(&seen, first.hash());
    let mut level: Level = vec![(first, None)];
    let mut searched = Searched::default();
    while searched.depth < depth {
        let (next, steps, covered, is_over) = expand(cast, &level, &seen, start, time)?;
        searched.steps += steps;
        searched.covered |= covered;
        if is_over {
            break;
        }
        searched.depth += 1;
        if next.is_empty() {
            searched.is_all = true;
            break;
        }
        level = next;
    }
    searched.states = seen.iter().map(|part| lock(part).len()).sum();
    Ok(searched)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics under it")
}

fn insert(seen: &[Mutex<Seen>], hash: u64) -> bool {
    lock(&seen[hash as usize % PARTS]).insert(hash)
}

/// All states that one more action leads to, how many steps that took, what they cover, and whether the time was over.
fn expand(
    cast: &'static Cast,
    level: &Level,
    seen: &[Mutex<Seen>],
    start: Instant,
    time: Duration,
) -> Result<(Level, usize, u32, bool), Broken> {
    let (taken, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let broken: Mutex<Option<Broken>> = Mutex::new(None);
    let work = || {
        let mut real = Real::new(cast.policies);
        let (mut next, mut steps, mut covered) = (vec![], 0, 0);
        loop {
            let from = taken.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= level.len() || is_over.load(Ordering::Relaxed) {
                return (next, steps, covered);
            }
            if start.elapsed() > time {
                is_over.store(true, Ordering::Relaxed);
            }
            for (world, path) in &level[from..level.len().min(from + CHUNK)] {
                for action in world.actions() {
                    steps += 1;
                    let mut after = world.clone();
                    let holds = after.step(action, &mut real);
                    covered |= after.covered();
                    if let Err(what) = holds {
                        let before = path.clone();
                        let actions = actions(&Arc::new(Path { action, before }));
                        lock(&broken).get_or_insert(Broken { what, actions });
                        is_over.store(true, Ordering::Relaxed);
                        return (next, steps, covered);
                    }
                    if insert(seen, after.hash()) {
                        let before = path.clone();
                        next.push((after, Some(Arc::new(Path { action, before }))));
                    }
                }
            }
        }
    };
    let parts = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("a thread of the search");
        threads.into_iter().map(join).collect::<Vec<_>>()
    });
    if let Some(broken) = broken.into_inner().expect("nothing panics under it") {
        return Err(broken);
    }
    let (mut all, mut steps, mut covered) = (vec![], 0, 0);
    for (next, more, reached) in parts {
        all.extend(next);
        steps += more;
        covered |= reached;
    }
    Ok((all, steps, covered, is_over.into_inner()))
}

fn actions(path: &Arc<Path>) -> Vec<Action> {
    let mut actions = vec![];
    let mut path = Some(path);
    while let Some(step) = path {
        actions.push(step.action);
        path = step.before.as_ref();
    }
    actions.reverse();
    actions
}
