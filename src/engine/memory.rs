//! The only state: what is remembered of each object, by uid.

use super::{
    rate::Bucket,
    reason::{Reason, Reasons},
    sight::{Content, Sight},
    version::Version,
};
use crate::{
    Phase,
    sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A time on the engine's clock, in microseconds since it was started.
pub(crate) type Tick = u64;

/// An object's key: the hash of its uid.
pub(crate) type Key = u64;

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) state: State,
    /// What has yet to happen; most objects have nothing of it.
    pending: Option<Box<Pending>>,
}

impl Record {
    /// What has yet to happen, to be changed.
    pub(crate) fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    /// What has yet to happen, if anything has.
    pub(crate) fn pending_mut(&mut self) -> Option<&mut Pending> {
        self.pending.as_deref_mut()
    }

    pub(crate) fn has_reasons(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.reasons.is_empty())
    }

    /// Whether answers to writes may be under way, so that an event cannot be told to be an echo or not.
    pub(crate) fn is_busy(&self) -> bool {
        let in_flight = self.pending.as_ref().is_some_and(|pending| pending.in_flight > 0);
        self.state.flags.has(Flags::RUNNING) || in_flight
    }

    /// Whether the cache is yet to contain the object's last own write.
    pub(crate) fn awaits_echo(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.awaited.is_some())
    }

    /// Gives back what holds nothing.
    pub(crate) fn tidy(&mut self) {
        if self.pending.as_ref().is_some_and(|pending| pending.is_empty()) {
            self.pending = None;
        }
    }
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// What the last reconcile read, and an echo has shown since.
    pub(crate) content: Content,
    /// The latest that the watch delivered.
    pub(crate) version: Version,
    /// The number of that delivery.
    pub(crate) delivered: u64,
    /// When the object entered the phase that was seen last, as its status says.
    pub(crate) told: Option<SystemTime>,
    /// The interval that an annotation gives it while it is settled.
    pub(crate) interval: Option<Duration>,
    /// When it was deleted, if it waits for its finalizers.
    pub(crate) deleted: Option<SystemTime>,
    /// When the next reconcile is due; where only a change starts it, when the object was last heard of.
    pub(crate) due: Tick,
    /// Its place in the fleet's rate, if it has one.
    pub(crate) place: Tick,
    /// When the last reconcile ended.
    pub(crate) ended: Tick,
    /// Since when the object is in the phase that the last reconcile reported.
    pub(crate) since: Tick,
    /// From when on the backoff grows, where that is later than the start of the outage.
    pub(crate) backoff: Option<Tick>,
    /// When a reconcile last succeeded, if one ever did.
    pub(crate) succeeded: Option<Tick>,
    pub(crate) bucket: Bucket,
    /// Which annotations are refused, so that the log has each value once; 0 for none.
    pub(crate) refused: u64,
    /// Since when the object is throttled without a pause.
    pub(crate) throttled: Option<Tick>,
    pub(crate) phases: Phases,
    pub(crate) flags: Flags,
}

impl State {
    /// When its object comes back at the latest: when it is due, or has its place.
    fn expected(&self) -> Tick {
        match self.flags.has(Flags::PLACED) {
            true => self.due.max(self.place),
            false => self.due,
        }
    }

    /// Whether its object fails and a timer tries it again.
    fn is_failing(&self) -> bool {
        self.phases.is_failed() && !self.flags.has(Flags::AWAITS_CHANGE | Flags::GAVE_UP)
    }
}

/// What has yet to happen to an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pending {
    /// Why it is to be reconciled.
    pub(crate) reasons: Reasons,
    /// Events that came while answers to its writes were under way, in their order.
    pub(crate) held: Vec<Held>,
    /// What its reconciles wrote and no watch has delivered yet.
    pub(crate) writes: Vec<Write>,
    /// The latest write to the object itself, which the cache does not have yet.
    pub(crate) awaited: Option<(Version, Tick)>,
    /// Requests of its reconciles that are under way.
    pub(crate) in_flight: u32,
    /// Why the reconcile ran whose error is on its way to an error policy.
    pub(crate) erred: Option<Arc<[Reason]>>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.reasons.is_empty()
            && self.held.is_empty()
            && self.writes.is_empty()
            && self.awaited.is_none()
            && self.in_flight == 0
            && self.erred.is_none()
    }
}

/// An event that is held until the answers to the object's writes are there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) what: Event,
    pub(crate) version: Version,
    /// The number of its delivery.
    pub(crate) delivered: u64,
}

/// An event that may be an echo.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// Of the object itself.
    Itself(Sight),
    /// Of another object.
    Other { key: Key, reason: Reason },
}

/// A write that a watch is to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    /// To which object.
    pub(crate) target: Key,
    pub(crate) version: Version,
    /// How many deliveries there had been when it was sent.
    pub(crate) sent: u64,
    /// How many watches have yet to deliver it.
    pub(crate) watches: u32,
    /// Whether it can have changed the status only.
    pub(crate) of_status: bool,
}

/// The two phases of an object, in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Phases(u8);

impl Phases {
    /// Returns the phases of an object that was seen in `seen` and whose last reconcile reported `reported`.
    pub(crate) fn new(seen: Phase, reported: Option<Phase>) -> Self {
        Self(encode(Some(seen)) | encode(reported) << 4)
    }

    fn is_failed(self) -> bool {
        self.reported() == Some(Phase::Failed)
    }

    /// The phase that the object had in the latest version that was read or delivered.
    pub(crate) const fn seen(self) -> Option<Phase> {
        decode(self.0 & 0xf)
    }

    /// The phase that the last reconcile reported; `None` until the first has ended.
    pub(crate) const fn reported(self) -> Option<Phase> {
        decode(self.0 >> 4)
    }

    pub(crate) fn see(&mut self, phase: Phase) {
        *self = Self::new(phase, self.reported());
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

/// Yes-or-no facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags(u32);

impl Flags {
    /// A reconcile has started and not ended.
    pub(crate) const RUNNING: u32 = 1;
    /// A reconcile waits for the next token of the rate limit, and a timer is set for it.
    pub(crate) const THROTTLED: u32 = 2;
    /// The log has it that the object loops.
    pub(crate) const LOOPING: u32 = 4;
    /// No timer: only a change starts the next reconcile.
    pub(crate) const AWAITS_CHANGE: u32 = 8;
    /// The same because the last reconcile gave up.
    pub(crate) const GAVE_UP: u32 = 16;
    /// It has a place in the fleet's rate.
    pub(crate) const PLACED: u32 = 32;
    /// An annotation pauses it.
    pub(crate) const PAUSED: u32 = 64;
    /// A reconcile waits for the cache to contain the object's last own write, and a timer is set for it.
    pub(crate) const WAITING: u32 = 256;
    /// It is due by an explicit delay that is shorter than the rate limit's pace.
    pub(crate) const FAST: u32 = 512;
    /// The last reconcile left the phase to the status.
    pub(crate) const BY_STATUS: u32 = 1024;
    /// The reconcile patched something that it may not have changed.
    pub(crate) const UNSURE: u32 = 2048;
    /// The reconcile that is due, or runs, is there because the one before was unsure.
    pub(crate) const FOLLOW_UP: u32 = 4096;
    /// A `Controller` of this crate says when the object is gone.
    pub(crate) const WATCHED: u32 = 8192;
    /// Its reconcile returned an error that no error policy has seen yet.
    pub(crate) const ERRED: u32 = 16384;
    /// A reconcile of it has ended.
    pub(crate) const ENDED: u32 = 65536;
    /// The last failure came with its own delay.
    pub(crate) const OWN_DELAY: u32 = 32768;
    /// The log has it that the API server denies a request of the present outage.
    pub(crate) const DENIED: u32 = 131_072;

    pub(crate) const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    pub(crate) const fn set(&mut self, flag: u32, on: bool) {
        if on {
            self.0 |= flag;
        } else {
            self.0 &= !flag;
        }
    }
}

const SHARDS: usize = 256;

/// For how long an object that awaits a change is remembered at least, in a controller that does not say what is gone.
const A_DAY: Tick = 24 * 60 * 60 * 1_000_000;

/// Records of all objects, by uid.
///
/// What a watch of this crate's `Controller` shows stays until it says that the object is gone. In a controller of another
/// kind nobody says so: there a record that has not come back `grace` after it was due leaves; one shard is swept every
/// `grace / 256`, by whichever call comes then.
pub(crate) struct Memory {
    shards: Box<[Mutex<HashMap<Key, Record>>]>,
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

    /// Returns what is known of the object.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<State> {
        self.shard(key).get(&key).map(|record| record.state)
    }

    /// Calls `f` with the object's record if there is one.
    #[inline]
    pub(crate) fn modify<R>(&self, key: Key, f: impl FnOnce(&mut Record) -> R) -> Option<R> {
        self.shard(key).get_mut(&key).map(|record| self.change(record, f))
    }

    /// Calls `f` with the object's record, and with whether it is a new one.
    pub(crate) fn upsert<R>(&self, key: Key, now: Tick, f: impl FnOnce(&mut Record, bool) -> R) -> R {
        self.sweep(now);
        let mut shard = self.shard(key);
        if let Some(record) = shard.get_mut(&key) {
            return self.change(record, |record| f(record, false));
        }
        // Only for what is new: an entry makes room before it looks.
        self.change(shard.entry(key).or_default(), |record| f(record, true))
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, key: Key) {
        if let Some(record) = self.shard(key).remove(&key) {
            self.count(record.state.is_failing(), false);
        }
    }

    fn change<R>(&self, record: &mut Record, f: impl FnOnce(&mut Record) -> R) -> R {
        let before = record.state.is_failing();
        let result = f(record);
        record.tidy();
        self.count(before, record.state.is_failing());
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
    fn shard(&self, key: Key) -> MutexGuard<'_, HashMap<Key, Record>> {
        lock(&self.shards[(key >> 56) as usize])
    }

    fn is_alive(&self, record: &Record, now: Tick) -> bool {
        let grace = self.grace.load(Ordering::Relaxed);
        let grace = if record.state.flags.has(Flags::AWAITS_CHANGE) {
            grace.max(A_DAY)
        } else {
            grace
        };
        let flags = record.state.flags;
        let runs = flags.has(Flags::RUNNING) && !flags.has(Flags::ERRED);
        runs || flags.has(Flags::WATCHED) || record.state.expected().saturating_add(grace) >= now
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
                let is_failing = record.state.is_failing();
                self.count(is_failing, stays && is_failing);
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
    use crate::policy::slot::Slot;

    const GRACE: Tick = 60_000_000;

    fn key(n: usize) -> u64 {
        Slot::of(&format!("0b1e1e5c-7a0f-4a52-9d3e-{n:012}")).bits()
    }

    fn remember(memory: &Memory, n: usize, due: Tick, now: Tick) {
        memory.upsert(key(n), now, |record, _| record.state.due = due);
    }

    /// A bucket holds an entry and a control byte, and seven of eight may be used.
    fn bytes(memory: &Memory) -> usize {
        let capacity: usize = memory.shards.iter().map(|shard| lock(shard).capacity()).sum();
        capacity * 8 / 7 * (size_of::<(Key, Record)>() + 1)
    }

    #[test]
    fn at_most_600_bytes_per_object() {
        let memory = Memory::new(GRACE);
        for n in 0..200_000 {
            remember(&memory, n, 0, 0);
            if n >= 50_000 && n % 1000 == 0 {
                let per_object = bytes(&memory) / (n + 1);
                assert!((64..=600).contains(&per_object), "{per_object} bytes at {n} objects");
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
                        memory.upsert(key(n % 1000), 0, |record, _| record.state.since += 1);
                    }
                });
            }
        });
        let counts = (0..1000).map(|n| memory.get(key(n)).map(|state| state.since));
        assert!(counts.into_iter().all(|count| count == Some(160)));
    }
}
