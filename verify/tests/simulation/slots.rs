//! What bounds a whole controller: how many reconciles run at once, and the fleet's rate.

use crate::{
    behaviour::SECOND,
    delay::TOLERANCE,
    features::fleet_wait,
    model::{Memory, Model, Object},
    record::Record,
};
use requeue_policy::{RequeueConfig, RequeuePolicy as _};
use verify::Micros;

/// By how much timers may bunch: one that has its place may wait for the cache before it starts.
const BUNCHED: Micros = 6 * SECOND;

/// The slots of one controller.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    is_full: bool,
    /// When one was last free again after none had been.
    free_since: Micros,
}

/// The fleet's rate of one `Requeuer`.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// When the bucket is full again.
    full_at: Micros,
    /// Until when timers may have places that an older rate gave.
    older_until: Micros,
}

impl Model {
    /// From when on nothing holds the object back; `None` while it is paused or every slot of its controller is taken.
    ///
    /// Who is next when a slot is free again is up to kube-runtime, whose queue is a hash set: only where a slot stays free
    /// nobody may wait.
    pub(crate) fn free(&self, memory: usize, object: &Object) -> Option<Micros> {
        let slots = &self.memories[memory].slots[object.kind];
        if object.is_paused || slots.is_full {
            return None;
        }
        let resumed = object.resumed.map(|at| self.faults.over(at));
        Some(resumed.unwrap_or_default().max(slots.free_since))
    }

    /// Concurrency: no more reconciles at once than the controller may run.
    pub(crate) fn check_slots(&mut self, memory: usize, name: &str, now: Micros) {
        let most = usize::from(self.features.concurrency);
        let running = self.count_slots(memory, now);
        if let Some(running) = running.iter().find(|running| **running > most) {
            let expected = format!("at most {most} reconciles at once, and not {running}");
            self.violate(now, "concurrency", name, expected);
        }
        if self.memories[memory].slots.iter().any(|slots| slots.is_full) {
            self.cover("every slot is taken");
        }
    }

    /// Counts the reconciles that run, of each kind; nothing where any number may.
    pub(crate) fn count_slots(&mut self, memory: usize, now: Micros) -> Vec<usize> {
        let most = usize::from(self.features.concurrency);
        if most == 0 {
            return Vec::new();
        }
        let Memory { records, slots, .. } = &mut self.memories[memory];
        let slots = slots.iter_mut().enumerate().map(|(kind, slots)| {
            let running = records.values().filter(|record| record.running && record.kind == kind);
            let running = running.count();
            let was_full = std::mem::replace(&mut slots.is_full, running >= most);
            if was_full && !slots.is_full {
                slots.free_since = now;
            }
            running
        });
        slots.collect()
    }

    /// The rate of the fleet: timers alone start no more reconciles than it allows, in any span.
    pub(crate) fn check_fleet(&mut self, memory: usize, record: &Record, name: &str, now: Micros) {
        let Some(rate) = self.policy.max_rate() else { return };
        if record.due.latest.is_some_and(|latest| latest + SECOND < now) {
            self.cover("a timer waits for max_rate");
        }
        let fleet = &mut self.memories[memory].fleet;
        // With few slots those that have their places start later, and together.
        if self.features.concurrency > 0 || now < fleet.older_until {
            return;
        }
        let every = (1e6 / rate.per_second()) as Micros;
        let burst = every * Micros::from(rate.burst());
        fleet.full_at = fleet.full_at.max(now) + every;
        let late = fleet.full_at - now - burst - BUNCHED.max(TOLERANCE);
        if late > 0 {
            let expected = format!("none before the fleet's rate has a place, {late} µs later");
            self.violate(now, "fleet rate", name, expected);
        }
    }

    /// By how much a timer may be late because of the fleet's rate.
    pub(crate) fn fleet_wait(&self) -> Micros {
        self.longest_fleet_wait
            .max(fleet_wait(&self.policy, self.objects.len()))
    }

    /// The controllers go on by another policy.
    pub(crate) fn policy_changes(&mut self, policy: RequeueConfig, now: Micros) {
        self.longest_fleet_wait = self.fleet_wait();
        let is_another_limit = self.policy.rate_limit() != policy.rate_limit();
        let is_another_rate = self.policy.max_rate() != policy.max_rate();
        self.policy = policy;
        if is_another_limit {
            self.limit_since = now;
        }
        for memory in &mut self.memories {
            if is_another_rate {
                memory.fleet = Fleet {
                    full_at: now,
                    older_until: now + self.longest_fleet_wait,
                };
            }
            if is_another_limit {
                for record in memory.records.values_mut() {
                    record.begins_limit(now);
                }
            }
        }
    }
}
