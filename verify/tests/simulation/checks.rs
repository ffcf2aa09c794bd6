//! What a reconcile tells the model, and whether there was a cause for it.

use crate::{
    behaviour::{SECOND, micros, seconds},
    delay::{self, Due, End, Explicit, Known, TOLERANCE},
    model::{Model, Write},
    plan::MOST_RUNS,
    record::{Record, grows_from, sinces},
    sight::{content, deleted, interval, is_paused, version},
    things::kind,
};
use kube::ResourceExt;
use requeue_policy::{Phase, Requeue, RequeuePolicy as _};
use std::time::Duration;
use verify::{Micros, Thing};

/// How long a reconcile waits at most for the cache to contain the object's last own write.
pub(crate) const LONGEST_WAIT: Micros = 5 * SECOND;

impl Model {
    pub(crate) fn run_starts(&mut self, memory: usize, thing: &Thing, now: Micros) {
        let (uid, name) = (thing.uid().unwrap_or_default(), thing.name_any());
        self.runs += 1;
        let known = self.memories[memory].records.get(&uid).cloned();
        let why = match &known {
            None => "first".to_owned(),
            Some(record) => self.reason(memory, &uid, record, thing, now).unwrap_or_default(),
        };
        let (content, version, phase) = (content(thing), version(thing), thing.phase_in_status());
        self.trace.note(
            now,
            &name,
            format_args!("reconcile of {memory} starts: {why}; {phase}, version {version}"),
        );
        let mut record = match known {
            None => self.first_record(memory, &name, now),
            Some(record) => {
                if record.running {
                    self.violate(
                        now,
                        "one reconcile at a time",
                        &name,
                        "the last one has not ended".into(),
                    );
                }
                if why.is_empty() {
                    let expected = format!("none without a cause before {:?} s", record.due.earliest.map(seconds));
                    self.violate(now, "economy", &name, expected);
                }
                self.check_late(memory, &uid, &record, now);
                self.check_duties(memory, &uid, &record, now);
                self.cover_start(&record, &why, now);
                let is_same = self.generation || record.version == version;
                if why == "due" && is_same && record.is_due_alone(content, phase) {
                    self.check_fleet(memory, &record, &name, now);
                }
                let goes_first = why == "due" && record.fast != Some(true);
                if !goes_first {
                    self.check_rate(&record, &name, now);
                }
                record
            }
        };
        if is_paused(thing) {
            self.violate(now, "paused", &name, "none while an annotation pauses it".into());
        }
        self.cover(&why);
        if let Some((wrote, answered)) = record.wrote.filter(|(wrote, _)| version < *wrote) {
            record.stale += 1;
            self.cover("a stale cache");
            if now < answered + LONGEST_WAIT - TOLERANCE {
                let expected = format!("none before the cache has the controller's own version {wrote}");
                self.violate(now, "stale cache", &name, expected);
            }
        }
        // One that is cut off stays due.
        record.due.earliest = record.due.earliest.map(|at| at.max(now));
        let used = record.causes.iter().position(|(_, what)| *what == why);
        if let Some(used) = used {
            record.causes.remove(used);
        }
        record.causes.retain(|(at, _)| self.faults.over(*at) > now);
        // A reconcile reads the child as it is, even before the event has come.
        record.duties.retain(|duty| duty.version > version);
        self.use_limit(&mut record, now);
        record.started = now;
        record.fast = Some(false);
        record.running = true;
        record.patched = false;
        record.cut = None;
        (record.content, record.version, record.seen) = (content, version, phase);
        self.memories[memory].records.insert(uid, record);
        self.check_slots(memory, &name, now);
        if self.runs == MOST_RUNS {
            self.trace
                .note(now, "", "more reconciles than the plan allows: the simulation ends");
        }
    }

    fn first_record(&self, memory: usize, name: &str, now: Micros) -> Record {
        let mut record = Record::new(now);
        record.kind = kind(self.features.kinds, name);
        // A child of a namesake that is gone triggers this one: owners are looked up by name, as in kube's own controller.
        let records = &self.memories[memory].records;
        let namesakes = self.named(name).into_iter().filter_map(|uid| records.get(&uid));
        record.causes = namesakes.flat_map(|namesake| namesake.causes.clone()).collect();
        let objects = self.objects.values().filter(|object| object.name == name);
        let known = objects.flat_map(|object| object.causes.iter().copied());
        record
            .causes
            .extend(known.filter(|(at, _)| self.faults.over(*at) > now));
        record
    }

    /// Takes a token of the rate limit.
    fn use_limit(&self, record: &mut Record, now: Micros) {
        let Some((every, burst)) = self.limit() else { return };
        if record.full_at + every <= now + TOLERANCE {
            record.loops += usize::from(now - record.restless >= 60 * SECOND);
            record.restless = now;
        }
        record.full_at = (record.full_at.max(now) + every).min(now + burst);
    }

    /// Why an object is reconciled; `None` where nothing that is known of calls for it.
    fn reason(&self, memory: usize, uid: &str, record: &Record, thing: &Thing, now: Micros) -> Option<String> {
        let (phase, version) = (thing.phase_in_status(), version(thing));
        if record.due.earliest.is_some_and(|at| now >= at - TOLERANCE) {
            return Some("due".into());
        }
        if content(thing) != record.content {
            return Some("changed".into());
        }
        // What the reconciles of this memory wrote themselves is no reason.
        let writes = self.objects.get(uid).map(|object| &object.writes);
        let is_own = |write: &_| matches!(write, Write { by, .. } if *by == Some(memory));
        let mut own = writes.into_iter().flatten().filter(|write| is_own(write));
        let latest_is_own = own.any(|write| write.version == version);
        let others = || writes.into_iter().flatten().filter(|write| !is_own(write));
        let another = others().any(|write| record.version < write.version && write.version <= version);
        if !self.generation && version != record.version && (another || !latest_is_own) {
            return Some("written".into());
        }
        if phase != record.seen && record.reported != Some(phase) && !latest_is_own {
            return Some("phase".into());
        }
        if record.cut.is_some() {
            return Some("cut off".into());
        }
        record.causes.first().map(|(_, what)| (*what).to_owned())
    }

    pub(crate) fn run_ends(&mut self, memory: usize, thing: &Thing, end: End, now: Micros) {
        let (uid, name) = (thing.uid().unwrap_or_default(), thing.name_any());
        let Some(mut record) = self.memories[memory].records.get(&uid).cloned() else {
            return;
        };
        let object = self.objects.get(&uid).cloned();
        // What the cache may have had at the end: what the reconcile read, or what was written since.
        let read = (
            thing.phase_in_status(),
            thing.status.as_ref().and_then(|status| status.since),
        );
        let writes = object.iter().flat_map(|object| &object.writes);
        let later: Vec<_> = writes.filter(|write| write.version > version(thing)).collect();
        let mut shown: Vec<_> = [read]
            .into_iter()
            .chain(later.iter().map(|write| (write.phase, write.since)))
            .collect();
        shown.dedup();
        let mut intervals: Vec<_> = [interval(thing)]
            .into_iter()
            .chain(later.iter().map(|write| write.interval))
            .collect();
        intervals.dedup();
        let mut deletions: Vec<_> = [deleted(thing)]
            .into_iter()
            .chain(later.iter().map(|write| write.deleted))
            .collect();
        deletions.dedup();

        let before = record.reported.unwrap_or(record.seen);
        let mut phases: Vec<_> = match end.phase {
            Some(phase) => vec![phase],
            None if end.is_later => vec![before],
            None => shown.iter().map(|(phase, _)| *phase).collect(),
        };
        if end.is_later && record.vague {
            phases = Phase::ALL.to_vec();
        }
        phases.sort_unstable_by_key(|phase| *phase as usize);
        phases.dedup();
        let is_certain = phases.len() == 1;

        let mut due: Option<Due> = None;
        for phase in &phases {
            let mut since = sinces(&record, read, &shown, *phase, now);
            if !is_certain {
                // It may have been in another one for a moment.
                since.push(now);
            }
            let known = Known {
                since,
                grows_from: grows_from(&record, *phase, end, now),
                backoff: (*phase == Phase::Failed
                    && (before == Phase::Failed || record.vague)
                    && end.explicit.is_none())
                .then_some((
                    record.due,
                    is_certain && !record.vague && record.reported == Some(Phase::Failed),
                )),
            };
            for deleted in &deletions {
                for interval in &intervals {
                    let one = self.due(*phase, end, &known, *interval, *deleted, now);
                    due = Some(due.map_or(one, |due| due.or(one)));
                }
            }
        }
        let mut due = due.unwrap_or(Due::NEVER);
        if !is_certain && end.explicit.is_none() {
            // When the echo comes, the timer moves.
            due.latest = due.latest.map(|at| at + self.faults.over(now) - now);
        }
        let phase = phases[phases.len() - 1];
        record.gives_up(phase, end, due, is_certain);
        record.follows_up = due.earliest.is_none() && record.patched;
        if due.latest.is_none() && record.patched {
            // A patch that may have changed nothing may have hidden something.
            let longest = Phase::ALL.map(|phase| micros(self.policy.interval(phase).longest()));
            let again = longest.into_iter().max().map(|longest| now + longest);
            due = due.or(Due {
                earliest: again,
                latest: None,
            });
        }
        self.trace.note(
            now,
            &name,
            format_args!("reconcile of {memory} ends: {end:?}, due {}", describe(due)),
        );

        // Only a report starts an outage.
        let goes_on = record.reported == Some(Phase::Failed) && !record.vague;
        let is_reported = end.phase.is_some() || phase != Phase::Failed || goes_on;
        if record.vague || !is_certain {
            record.since[1] = self.faults.over(now);
            record.transitions += 2;
        } else if record.reported != Some(phase) {
            record.since = [now; 2];
            record.transitions += 1;
        }
        if due.latest.is_none() || record.due.latest.is_none() {
            // Giving up is logged once, unless it is tried again in between.
            record.transitions += 1;
        }
        let may_succeed = !end.is_later && phases.iter().any(|phase| *phase != Phase::Failed);
        let must_succeed = may_succeed && is_certain;
        if may_succeed {
            record.succeeded = [if must_succeed { Some(now) } else { record.succeeded[0] }, Some(now)];
        }
        record.grows_from = if phases.contains(&Phase::Failed) {
            grows_from(&record, Phase::Failed, end, now)
        } else {
            vec![None]
        };
        let fails = is_certain && phase == Phase::Failed;
        record.own_delay = match (fails, end.is_later) {
            (true, true) => None,
            (true, false) => Some(end.explicit.is_some()),
            (false, _) if is_certain => Some(false),
            (false, _) => None,
        };
        record.vague = !is_certain || !is_reported || (end.is_later && record.vague);
        record.reported = is_reported.then_some(phase);
        let is_fast = |delay| self.limit().is_some_and(|(every, _)| micros(delay) < every);
        record.fast = match end.explicit {
            Some(Explicit::Exactly(Requeue::After(delay))) => Some(is_fast(delay)),
            // Or the interval is shorter.
            Some(Explicit::Within(delay)) if is_fast(delay) => None,
            _ => Some(false),
        };
        // A phase that somebody wrote meanwhile calls for nothing once a reconcile has reported the same.
        let uid_is_gone = object.as_ref().is_none_or(|object| object.gone.is_some());
        let is_written = object.is_some_and(|object| object.phase == phase);
        record.duties.retain(|duty| !(is_written && duty.what == "phase"));
        record.due = due;
        record.running = false;
        record.ended = true;
        record.last_end = now;
        self.cover_end(end, &record, thing, uid_is_gone);
        self.memories[memory].records.insert(uid, record);
        self.count_slots(memory, now);
    }

    /// When an object is due in this phase, which may give itself an interval and may have been deleted.
    fn due(
        &self,
        phase: Phase,
        end: End,
        known: &Known,
        interval: Option<Micros>,
        deleted: Option<Micros>,
        now: Micros,
    ) -> Due {
        let delay = |micros: Micros| Requeue::After(Duration::from_micros(micros.unsigned_abs()));
        match (end.explicit, deleted, interval) {
            (None | Some(Explicit::Within(_)), Some(deleted), _) if phase != Phase::Failed => {
                let initialization = self.policy.interval(Phase::Initializing);
                delay::while_deleted(&initialization, end.explicit, deleted, now)
            }
            (None, None, Some(interval)) if phase == Phase::Ready => delay::due(
                &self.policy.interval(phase),
                Some(Explicit::Exactly(delay(interval))),
                known,
                now,
            ),
            _ => delay::due(&self.policy.interval(phase), end.explicit, known, now),
        }
    }

    /// A reconcile was cut off: by a panic, or because its controller ended. Returns the object's name if it was under way.
    pub(crate) fn run_is_cut(&mut self, memory: usize, uid: &str, now: Micros) -> Option<String> {
        let record = self.memories[memory].records.get_mut(uid)?;
        let name = self.objects.get(uid).filter(|_| record.cut_off(now))?.name.clone();
        self.count_slots(memory, now);
        let event = format_args!("reconcile of {memory} is cut off");
        self.trace.note(now, &name, event);
        Some(name)
    }

    /// A write to objects of this name, or to their child, was sent and not answered: it counts as somebody else's.
    pub(crate) fn unanswered(&mut self, name: &str, now: Micros) {
        self.child_written(name, None, now);
        for uid in self.named(name) {
            if let Some(object) = self.objects.get_mut(&uid) {
                object.written = now;
            }
            self.cause(&uid, "write without an answer", None, now);
        }
    }
}

fn describe(due: Due) -> String {
    let time = |at: Option<Micros>| at.map_or("never".to_owned(), |at| format!("{:.3}", seconds(at)));
    format!("from {} to {}", time(due.earliest), time(due.latest))
}
