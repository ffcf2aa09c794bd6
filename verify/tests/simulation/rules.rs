//! The rules: what is late, what is too much, what is too many.

use crate::{
    behaviour::{SECOND, seconds},
    checks::LONGEST_WAIT,
    delay::TOLERANCE,
    faults::SLACK,
    model::{Model, Object},
    record::{Duty, Record},
};
use std::collections::BTreeMap;
use verify::Micros;

impl Model {
    /// Liveness: a reconcile that is due starts.
    pub(crate) fn check_late(&mut self, memory: usize, uid: &str, record: &Record, now: Micros) {
        let Some(active) = self.memories[memory].active.filter(|_| !record.running) else {
            return;
        };
        let Some((name, free)) = self.unless_held(memory, uid) else {
            return;
        };
        let due = record
            .due
            .latest
            .map(|at| (at, record.fast != Some(false), self.fleet_wait()));
        let latest = [("liveness", due), ("cut off", record.cut.map(|at| (at, true, 0)))];
        for (rule, at) in latest {
            let by = at.map(|(at, waits, fleet)| self.by(record, at.max(free), active, waits) + fleet);
            if let Some(by) = by.filter(|by| now > *by) {
                self.violate(
                    now,
                    rule,
                    &name,
                    format!("{memory} reconciles it by {:.3} s", seconds(by)),
                );
            }
        }
    }

    /// The object's name, and from when on nothing holds it back; `None` while something does.
    fn unless_held(&self, memory: usize, uid: &str) -> Option<(String, Micros)> {
        let object = self.objects.get(uid)?;
        Some((object.name.clone(), self.free(memory, object)?))
    }

    /// By when a controller that is active since then does what is called for at `at`; `waits` for the rate limit.
    fn by(&self, record: &Record, at: Micros, active: Micros, waits: bool) -> Micros {
        let mut by = self.faults.over(active).max(at + SLACK);
        if let Some((_, answered)) = record.wrote {
            // Until the cache has its own write, if that takes no longer than it may.
            let until = self.faults.over(answered).min(answered + LONGEST_WAIT);
            by = by.max(until + SLACK);
        }
        if waits {
            by = by.max(self.token(record).max(self.limit_since) + SLACK);
        }
        by
    }

    /// By when an object is reconciled that this memory does not know; `None` while its namesake, which is gone, is so still.
    pub(crate) fn first_by(&self, memory: usize, object: &Object) -> Option<Micros> {
        let (name, created) = (&object.name, object.created);
        let held = self.free(memory, object)?;
        let memory = &self.memories[memory];
        let namesakes = self.named(name).into_iter();
        let namesakes: Vec<_> = namesakes.filter_map(|uid| memory.records.get(&uid)).collect();
        if namesakes.iter().any(|record| record.running) {
            return None;
        }
        let free = namesakes.iter().map(|record| record.last_end).max().unwrap_or_default();
        // A late reconcile of a namesake may have written it, and then it waits for the cache, too.
        let cached = self.faults.over(object.written).min(object.written + LONGEST_WAIT);
        let known = self.faults.over(created).max(cached).max(free).max(held);
        Some(self.faults.over(memory.active?).max(known + SLACK))
    }

    /// When the rate limit has the next token.
    pub(crate) fn token(&self, record: &Record) -> Micros {
        let spare = self.limit().map(|(every, burst)| burst - every);
        spare.map_or(Micros::MIN / 2, |spare| record.full_at - spare)
    }

    /// Reflection: a change is seen by a reconcile that starts after it.
    pub(crate) fn check_duties(&mut self, memory: usize, uid: &str, record: &Record, now: Micros) {
        let Some(active) = self.memories[memory].active.filter(|_| !record.running) else {
            return;
        };
        let Some((name, free)) = self.unless_held(memory, uid) else {
            return;
        };
        let late = record.duties.iter().find_map(|duty| {
            // A reconcile in flight, or one that a fault cut short, comes before.
            let known = self.faults.over(duty.at).max(record.last_end).max(free);
            let fleet = if duty.what == "requested for all" {
                self.fleet_wait()
            } else {
                0
            };
            let by = self.by(record, known, active, true) + fleet;
            (now > by).then_some((*duty, by))
        });
        if let Some((Duty { at, what, .. }, by)) = late {
            let expected = format!(
                "a reconcile of {memory} sees the {what} of {:.3} s by {:.3} s",
                seconds(at),
                seconds(by)
            );
            self.violate(now, "reflection", &name, expected);
        }
    }

    /// The rate limit: reconciles that are not due wait for a token.
    pub(crate) fn check_rate(&mut self, record: &Record, name: &str, now: Micros) {
        let token = self.token(record);
        if now < token - TOLERANCE {
            let expected = format!("none before the next token, at {:.3} s", seconds(token));
            self.violate(now, "rate limit", name, expected);
        }
    }

    /// Memory: what exists is remembered, and nothing else.
    pub(crate) fn check_memory(&mut self, memory: usize, tracked: usize, now: Micros) {
        let Some(active) = self.memories[memory].active else {
            return;
        };
        let is_known = |since: Micros| self.faults.over(since.max(active)) + SLACK < now;
        let is_alive = |until: Option<Micros>| until.is_none_or(|until| !is_known(until));
        let objects = || self.objects.values();
        let least = objects()
            .filter(|object| object.gone.is_none() && is_known(object.created))
            .count();
        let most = objects().filter(|object| is_alive(object.gone)).count();
        if !(least..=most).contains(&tracked) {
            let expected = format!("{memory} remembers {least} to {most} objects, and not {tracked}");
            self.violate(now, "memory", "", expected);
        }
    }

    /// The log: an object that was given up is said to be so once.
    pub(crate) fn check_gave_up(&mut self, lines: &BTreeMap<String, usize>, now: Micros) {
        for (name, lines) in lines {
            let most: usize = self.records_named(name).iter().map(|record| record.gave_up).sum();
            if *lines > most {
                let expected = format!("at most {most} times that it is given up, and not {lines}");
                self.violate(now, "gave up", name, expected);
            }
        }
    }

    /// The log: a line from INFO up for a transition and not for a reconcile.
    pub(crate) fn check_log(&mut self, lines: &BTreeMap<String, usize>, now: Micros) {
        for (name, lines) in lines.iter().filter(|(name, _)| !name.is_empty()) {
            // A loop is said once after a minute of it.
            let loops = |record: &Record| record.loops + usize::from(now - record.restless >= 60 * SECOND);
            let most = |record: &&Record| 2 * record.transitions + loops(record) + record.stale;
            let most: usize = self.records_named(name).iter().map(most).sum();
            // What its annotations override may be said before its first reconcile.
            let most = most + 4 * self.memories.len();
            if *lines > most {
                let expected = format!("at most {most} lines from INFO up, and not {lines}");
                self.violate(now, "log", name, expected);
            }
        }
    }
}
