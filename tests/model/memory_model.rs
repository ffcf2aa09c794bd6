//! The memory by itself, on a clock that the model sets.

use crate::adapter::memory::{Memory, Record, Tick};
use shuttle::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

const GRACE: Tick = 256_000;

/// A key in this shard.
fn key(shard: u64, n: u64) -> u64 {
    shard << 56 | n << 8 | 1
}

fn count(memory: &Memory, key: u64, now: Tick) {
    memory.update(key, now, |record| {
        let record = record.get_or_insert_default();
        record.since += 1;
        record.due = record.due.max(now);
    });
}

fn counted(memory: &Memory, key: u64, now: Tick) -> u64 {
    memory.update(key, now, |record| record.map_or(0, |record| record.since))
}

/// On one key, on another of the same shard and on one of another shard, while time goes on and shards are swept.
pub(crate) fn threads_lose_no_update() {
    let memory = Arc::new(Memory::new(GRACE));
    let keys = [key(0, 1), key(0, 2), key(1, 1)];
    let threads: Vec<_> = (0..3)
        .map(|n| {
            let memory = memory.clone();
            thread::spawn(move || {
                for step in 0..3 {
                    count(&memory, keys[(n + step) % 3], 1000 * (n + step) as Tick);
                    assert!(memory.len() <= 3);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    assert_eq!(keys.map(|key| counted(&memory, key, 5000)), [3; 3]);
    assert_eq!(memory.len(), 3);
}

/// Each sweep takes the next shard; with one per period, threads that come in the same one take one shard and no more.
pub(crate) fn one_thread_sweeps_in_a_period() {
    let memory = Arc::new(Memory::new(GRACE));
    // One gone object in each of the first four shards; the first sweep, at 0, finds them alive.
    for shard in 0..4 {
        count(&memory, key(shard, 1), 0);
    }
    let now = 2 * GRACE;
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let memory = memory.clone();
            thread::spawn(move || counted(&memory, key(9, 1), now))
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    // The sweep at 0 took the first shard, this one the second.
    assert_eq!(memory.len(), 3, "more or less than one shard was swept");
}

/// A record that comes back to life at the moment of its sweep is counted anew or on, but never torn or lost.
pub(crate) fn a_sweep_takes_no_record_that_lives() {
    let memory = Arc::new(Memory::new(GRACE));
    count(&memory, key(1, 1), 0);
    count(&memory, key(1, 2), 0);
    let now = 2 * GRACE;
    let runs = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..3_u64)
        .map(|n| {
            let (memory, runs) = (memory.clone(), runs.clone());
            thread::spawn(move || {
                // Whichever of them sweeps, the first one's record is gone or has been renewed.
                count(&memory, key(1, 1 + n % 2), now + 1000 * n);
                runs.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    let first = counted(&memory, key(1, 1), now);
    let second = counted(&memory, key(1, 2), now);
    assert!(
        (2..=3).contains(&first) && (1..=2).contains(&second),
        "{first} {second}"
    );
    assert_eq!(memory.len(), 2);
}
