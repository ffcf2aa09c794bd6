//! The memory by itself, on a clock that the model sets.

use crate::{
    engine::memory::{Memory, Tick},
    join,
};
use shuttle::sync::Arc;

const GRACE: Tick = 256_000;

/// A key in this shard.
fn key(shard: u64, n: u64) -> u64 {
    shard << 56 | n << 8 | 1
}

fn count(memory: &Memory, key: u64, now: Tick) {
    memory.upsert(key, now, |record, _| {
        record.state.since += 1;
        record.state.due = record.state.due.max(now);
    });
}

fn counted(memory: &Memory, key: u64) -> u64 {
    memory.get(key).map_or(0, |state| state.since)
}

/// Lets three threads with the numbers 0 to 2 do this to one memory.
fn in_threads(memory: &Arc<Memory>, act: impl Fn(&Memory, u64) + Send + Copy + 'static) {
    join([0, 1, 2].map(|n| {
        let memory = memory.clone();
        move || act(&memory, n)
    }));
}

/// On one key, on another of the same shard and on one of another shard, while time goes on and shards are swept.
pub(crate) fn threads_lose_no_update() {
    let memory = Arc::new(Memory::new(GRACE));
    let keys = [key(0, 1), key(0, 2), key(1, 1)];
    in_threads(&memory, move |memory, n| {
        for step in n..n + 3 {
            count(memory, keys[step as usize % 3], 1000 * step);
            assert!(memory.len() <= 3);
        }
    });
    assert_eq!(keys.map(|key| counted(&memory, key)), [3; 3]);
    assert_eq!(memory.len(), 3);
}

/// Each sweep takes the next shard; with one per period, threads that come in the same one take one shard and no more.
pub(crate) fn one_thread_sweeps_in_a_period() {
    let memory = Arc::new(Memory::new(GRACE));
    // One gone object in each of the first four shards; the first sweep, at 0, finds them alive.
    for shard in 0..4 {
        count(&memory, key(shard, 1), 0);
    }
    in_threads(&memory, |memory, _| {
        count(memory, key(9, 1), 2 * GRACE);
    });
    // The sweep at 0 took the first shard, this one the second; and there is a new one.
    assert_eq!(memory.len(), 4, "more or less than one shard was swept");
}

/// A record that comes back to life at the moment of its sweep is counted anew or on, but never torn or lost.
pub(crate) fn a_sweep_takes_no_record_that_lives() {
    let memory = Arc::new(Memory::new(GRACE));
    let keys = [key(1, 1), key(1, 2)];
    for key in keys {
        count(&memory, key, 0);
    }
    // Whichever of them sweeps, the first one's record is gone or has been renewed.
    in_threads(&memory, move |memory, n| {
        count(memory, keys[n as usize % 2], 2 * GRACE + 1000 * n);
    });
    let [first, second] = keys.map(|key| counted(&memory, key));
    assert!(
        (2..=3).contains(&first) && (1..=2).contains(&second),
        "{first} {second}"
    );
    assert_eq!(memory.len(), 2);
}

/// An object that is gone is forgotten once, whatever else happens to it at the time, and the count of those that fail is
/// right.
pub(crate) fn what_is_gone_is_forgotten_and_counted_once() {
    use crate::{Phase, engine::memory::Phases};
    let memory = Arc::new(Memory::new(GRACE));
    let keys = [key(1, 1), key(1, 2)];
    for key in keys {
        count(&memory, key, 0);
    }
    in_threads(&memory, move |memory, n| {
        let key = keys[n as usize % 2];
        if n == 0 {
            memory.forget(key);
        }
        // No late end brings it back.
        let known = memory.modify(key, |record| {
            record.state.phases = Phases::new(Phase::Failed, Some(Phase::Failed))
        });
        assert!(known.is_none() || n != 0);
    });
    assert_eq!((memory.len(), memory.failing()), (1, 1));
}
