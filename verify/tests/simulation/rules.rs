//! The rules: what is late, what is too much, what is too many.

use crate::{
    behaviour::{SECOND, micros, seconds},
    delay::TOLERANCE,
    faults::SLACK,
    model::{Duty, Model, Record},
};
use requeue_policy::RequeuePolicy as _;
use std::collections::{BTreeMap, VecDeque};
use verify::Micros;

impl Model {
    /// Liveness: a run that is due starts.
    pub(crate) fn check_late(&mut self, memory: usize, record: &Record, name: &str, now: Micros) {
        let Some(active) = self.memories[memory].active else {
            return;
        };
        let due = record.due.latest.filter(|_| !record.running);
        let at_once = (record.again && !record.running).then_some(record.last_end);
        let hold = self.hold(record, now);
        let latest = [
            ("liveness", due, 0),
            ("zero delay", at_once, hold),
            ("cut off", record.cut, hold),
        ];
        for (rule, at, hold) in latest {
            let by = at.map(|at| self.by(at, active) + hold).filter(|by| now > *by);
            if let Some(by) = by {
                self.violate(now, rule, name, format!("{memory} runs it by {:.3} s", seconds(by)));
            }
        }
    }

    /// By when a controller that is active since then does what is called for at `at`.
    fn by(&self, at: Micros, active: Micros) -> Micros {
        self.faults.over(active).max(at + SLACK)
    }

    /// By when an object runs that this memory does not know; `None` while its namesake, which is gone, runs still.
    pub(crate) fn first_by(&self, memory: usize, name: &str, created: Micros) -> Option<Micros> {
        let memory = &self.memories[memory];
        let namesakes = self.named(name).into_iter();
        let namesakes: Vec<_> = namesakes.filter_map(|uid| memory.records.get(&uid)).collect();
        if namesakes.iter().any(|record| record.running) {
            return None;
        }
        let lost = memory.lost.get(name).filter(|lost| **lost >= created);
        let known = match lost {
            // Whatever shows it next.
            Some(lost) => self.relists_of(name).find(|at| at > lost)?,
            None => created,
        };
        let free = namesakes.iter().map(|record| record.last_end).max().unwrap_or_default();
        Some(self.by(self.faults.over(known).max(free), memory.active?))
    }

    fn relists_of(&self, name: &str) -> impl Iterator<Item = Micros> {
        let causes = self.objects.values().filter(move |object| object.name == name);
        let causes = causes.flat_map(|object| &object.causes);
        causes.filter(|(_, what)| *what == "relist").map(|(at, _)| *at)
    }

    /// How long the rate limit may hold a run back.
    fn hold(&self, record: &Record, now: Micros) -> Micros {
        let Some(limit) = self.policy.rate_limit() else {
            return 0;
        };
        let within = micros(limit.within());
        let recent = record.starts.iter().filter(|start| **start > now - 4 * within).count();
        // What runs all the time is charged early.
        if recent * 2 >= limit.max() as usize {
            2 * within + within / Micros::from(limit.max()) + SLACK
        } else {
            0
        }
    }

    /// Reflection: a change is seen by a run that starts after it.
    pub(crate) fn check_duties(&mut self, memory: usize, record: &Record, name: &str, now: Micros) {
        let Some(active) = self.memories[memory].active else {
            return;
        };
        if record.running {
            return;
        }
        let late = record.duties.iter().find_map(|duty| {
            let known = self.faults.over(duty.at).max(self.faults.over(active));
            // A run in flight, or one that a fault cut short, comes before.
            let by = known.max(record.last_end + SLACK) + self.hold(record, now);
            (now > by).then_some((*duty, by))
        });
        if let Some((Duty { at, what, .. }, by)) = late {
            let expected = format!(
                "a run of {memory} sees the {what} of {:.3} s by {:.3} s",
                seconds(at),
                seconds(by)
            );
            self.violate(now, "reflection", name, expected);
        }
    }

    /// The rate limit: runs that are not due keep within it.
    pub(crate) fn check_rate(&mut self, record: &Record, name: &str, now: Micros) {
        let Some(limit) = self.policy.rate_limit() else { return };
        let from = now - micros(limit.within()) + TOLERANCE;
        let before = record.starts.iter().filter(|start| **start > from).count();
        if before >= limit.max() as usize {
            let expected = format!("at most {limit:?}, and this is one more");
            self.violate(now, "rate limit", name, expected);
        }
    }

    pub(crate) fn swept(&mut self, memory: usize, now: Micros) {
        let pause = self.grace() / 256;
        let sweeps: &mut VecDeque<Micros> = &mut self.memories[memory].sweeps;
        if sweeps.back().is_none_or(|last| now >= last + pause) {
            sweeps.push_back(now);
            if sweeps.len() > 259 {
                sweeps.pop_front();
            }
        }
    }

    /// Memory: what left is forgotten once its time has passed and the whole memory has been looked through since.
    pub(crate) fn check_memory(&mut self, memory: usize, tracked: usize, now: Micros) {
        let grace = self.grace();
        let known = &self.memories[memory];
        let swept = known.sweeps.iter().rev().nth(258).copied().unwrap_or(Micros::MIN);
        let may_stay = known.records.iter().filter(|(uid, record)| {
            let is_gone = self.objects.get(*uid).is_none_or(|object| object.gone.is_some());
            let due = record.due.latest.or(record.due.earliest).unwrap_or(0);
            !is_gone || record.running || due.max(record.last_end) + grace + SECOND > swept
        });
        let most = may_stay.count();
        if tracked > most {
            let expected = format!("{memory} remembers at most {most} objects, and not {tracked}");
            self.violate(now, "memory", "", expected);
        }
    }

    /// The log: a line from INFO up for a transition and not for a run.
    pub(crate) fn check_log(&mut self, lines: &BTreeMap<String, usize>, now: Micros) {
        for (name, lines) in lines {
            let most = |record: &&Record| 2 * record.transitions + record.pauses + 2;
            let most: usize = self.records_named(name).iter().map(most).sum();
            if *lines > most {
                let expected = format!("at most {most} lines from INFO up, and not {lines}");
                self.violate(now, "log", name, expected);
            }
        }
    }
}
