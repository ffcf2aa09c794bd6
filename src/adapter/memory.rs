//! The only state: what the last run of each object saw and said.
//!
//! Sharded by uid, bounded by age, and safe to lose: an object that is not remembered runs once more.

use crate::{
    Phase,
    rate::Rate,
    sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError},
};
use std::collections::HashMap;

/// A time on the adapter's clock, in microseconds since it was started.
pub(crate) type Tick = u64;

/// What is remembered of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Hash of what must wake the reconciler, as the last run saw it.
    pub(crate) print: u64,
    /// When the next run is due; where only a change starts it, when the object was last heard of.
    pub(crate) due: Tick,
    /// Since when the object is in the phase that the last run reported.
    pub(crate) since: Tick,
    /// What it has used of its rate limit.
    pub(crate) rate: Rate,
    /// Hash of the resource version that the last trigger saw, run or postponed.
    pub(crate) version: u32,
    pub(crate) phases: Phases,
    pub(crate) flags: Flags,
}

impl Record {
    /// Whether its object fails and a timer tries it again.
    fn is_failing(&self) -> bool {
        self.phases.is_failed() && !self.flags.has(Flags::AWAITS_CHANGE)
    }
}

/// The two phases of an object, in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Phases(u8);

impl Phases {
    /// Returns the phases of an object that was seen in `seen` and whose last run reported `reported`.
    pub(crate) fn new(seen: Phase, reported: Option<Phase>) -> Self {
        Self(encode(Some(seen)) | encode(reported) << 4)
    }

    fn is_failed(self) -> bool {
        self.reported() == Some(Phase::Failed)
    }

    /// The phase that the object had at the last trigger.
    pub(crate) const fn seen(self) -> Option<Phase> {
        decode(self.0 & 0xf)
    }

    /// The phase that the last run reported; `None` until the first run has ended.
    pub(crate) const fn reported(self) -> Option<Phase> {
        decode(self.0 >> 4)
    }
}

fn encode(phase: Option<Phase>) -> u8 {
    phase.map_or(0, |phase| phase as u8 + 1)
}

const fn decode(code: u8) -> Option<Phase> {
    match code {
        0 => None,
        code => Some(Phase::ALL[code as usize - 1]),
    }
}

/// Eight yes-or-no facts in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// A run has started and not ended; at a trigger: it was cut off.
    pub(crate) const RUNNING: u8 = 1;
    /// A run that was needed is held back by the rate limit.
    pub(crate) const HELD: u8 = 2;
    /// The object has used up its rate limit and has not rested since.
    pub(crate) const LOOPING: u8 = 4;
    /// No timer: only a change starts the next run.
    pub(crate) const AWAITS_CHANGE: u8 = 8;
    /// The same because the last run gave up.
    pub(crate) const GAVE_UP: u8 = 16;
    /// It was due and got a place in the fleet's rate: `due` is that place.
    pub(crate) const PLACED: u8 = 32;
    /// An annotation pauses it.
    pub(crate) const PAUSED: u8 = 64;
    /// It has an annotation that is refused, and the log has it.
    pub(crate) const REFUSED: u8 = 128;

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u8, on: bool) {
        if on {
            self.0 |= flag;
        } else {
            self.0 &= !flag;
        }
    }
}

const SHARDS: usize = 256;

/// Records of all objects, by uid.
///
/// A record that has not come back `grace` after it was due belongs to an object that is gone, and leaves: one shard
/// is swept every `grace / 256`, by whichever call comes then.
pub(crate) struct Memory {
    shards: Box<[Mutex<HashMap<u64, Record>>]>,
    grace: AtomicU64,
    next_sweep: AtomicU64,
    swept: AtomicUsize,
    /// Records of objects that fail and are tried again.
    failing: AtomicUsize,
}

impl Memory {
    pub(crate) fn new(grace: Tick) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            grace: AtomicU64::new(grace),
            next_sweep: AtomicU64::new(0),
            swept: AtomicUsize::new(0),
            failing: AtomicUsize::new(0),
        }
    }

    /// Returns a copy of the object's record.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<Record> {
        self.shard(key).get(&key).copied()
    }

    /// Calls `f` with the object's record if there is one.
    #[inline]
    pub(crate) fn modify(&self, key: u64, now: Tick, f: impl FnOnce(&mut Record)) {
        self.sweep(now);
        if let Some(record) = self.shard(key).get_mut(&key) {
            let before = record.is_failing();
            f(record);
            self.count(before, record.is_failing());
        }
    }

    /// Calls `f` with the object's record, `None` where there is none; what `f` leaves there is kept.
    pub(crate) fn update<R>(&self, key: u64, now: Tick, f: impl FnOnce(&mut Option<Record>) -> R) -> R {
        self.sweep(now);
        let mut shard = self.shard(key);
        let known = shard.get_mut(&key);
        let mut record = known.as_deref().copied();
        let before = record.is_some_and(|record| record.is_failing());
        let result = f(&mut record);
        let Some(record) = record else { return result };
        self.count(before, record.is_failing());
        match known {
            Some(known) => *known = record,
            // Only what is new: `insert` makes room before it looks.
            None => drop(shard.insert(key, record)),
        }
        result
    }

    /// How many objects are remembered.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// How many of them fail and are tried again.
    pub(crate) fn failing(&self) -> usize {
        self.failing.load(Ordering::Relaxed)
    }

    /// For how long one that does not come back is remembered from now on.
    pub(crate) fn set_grace(&self, grace: Tick) {
        self.grace.store(grace, Ordering::Relaxed);
    }

    #[inline]
    fn count(&self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => self.failing.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.failing.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    #[inline]
    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, Record>> {
        lock(&self.shards[(key >> 56) as usize])
    }

    fn is_alive(&self, record: &Record, now: Tick) -> bool {
        record.due.saturating_add(self.grace.load(Ordering::Relaxed)) >= now
    }

    #[inline]
    fn sweep(&self, now: Tick) {
        let next = self.next_sweep.load(Ordering::Relaxed);
        if now >= next {
            self.sweep_one(next, now);
        }
    }

    #[cold]
    fn sweep_one(&self, next: Tick, now: Tick) {
        let after = now + self.grace.load(Ordering::Relaxed) / SHARDS as u64;
        // Only one thread sweeps; the others go on.
        if self
            .next_sweep
            .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            let shard = self.swept.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let mut shard = lock(&self.shards[shard]);
            shard.retain(|_, record| {
                let stays = self.is_alive(record, now);
                self.count(record.is_failing(), stays && record.is_failing());
                stays
            });
            // A fleet that has shrunk gives its memory back.
            let len = shard.len();
            if shard.capacity() > 4 * len {
                shard.shrink_to(2 * len);
            }
        }
    }
}

/// No user's code runs under a lock, so a poisoned one holds nothing half done.
#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slot;

    const GRACE: Tick = 60_000_000;

    fn key(n: usize) -> u64 {
        Slot::of(&format!("0b1e1e5c-7a0f-4a52-9d3e-{n:012}")).bits()
    }

    fn remember(memory: &Memory, n: usize, due: Tick, now: Tick) {
        memory.update(key(n), now, |record| {
            *record = Some(Record {
                due,
                ..Record::default()
            });
        });
    }

    /// A bucket holds an entry and a control byte, and seven of eight may be used.
    fn bytes(memory: &Memory) -> usize {
        let capacity: usize = memory.shards.iter().map(|shard| lock(shard).capacity()).sum();
        capacity * 8 / 7 * (size_of::<(u64, Record)>() + 1)
    }

    #[test]
    fn at_most_140_bytes_per_object() {
        let memory = Memory::new(GRACE);
        for n in 0..200_000 {
            remember(&memory, n, 0, 0);
            if n >= 50_000 && n % 1000 == 0 {
                let per_object = bytes(&memory) / (n + 1);
                assert!((64..=140).contains(&per_object), "{per_object} bytes at {n} objects");
            }
        }
    }

    #[test]
    fn forgetting_is_driven_by_use() {
        let memory = Memory::new(GRACE);
        for n in 0..100_000 {
            remember(&memory, n, 30_000_000, 0);
        }
        // One object lives on and comes back every ten seconds.
        for now in (0..=40).map(|n| n * 10_000_000) {
            remember(&memory, 0, now + 10_000_000, now);
            if now <= 80_000_000 {
                assert_eq!(
                    memory.len(),
                    100_000,
                    "an object that may still come back was forgotten"
                );
            }
        }
        for now in (41_u64..).map(|n| n * 10_000_000).take(SHARDS) {
            remember(&memory, 0, now + 10_000_000, now);
        }
        assert_eq!(memory.len(), 1);
        assert!(bytes(&memory) < 64 * 1024, "{} bytes are kept", bytes(&memory));
    }

    #[test]
    fn many_threads_lose_no_update() {
        let memory = Memory::new(GRACE);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for n in 0..20_000 {
                        memory.update(key(n % 1000), 0, |record| record.get_or_insert_default().since += 1);
                    }
                });
            }
        });
        let counts = (0..1000).map(|n| memory.update(key(n), 0, |record| record.map(|record| record.since)));
        assert!(counts.into_iter().all(|count| count == Some(160)));
    }
}
