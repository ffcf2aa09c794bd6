//! What a reconcile tells the model, and whether there was a cause for it.

use crate::{
    behaviour::{SECOND, micros, seconds},
    delay::{self, Due, End, Explicit, Known, TOLERANCE},
    faults::SLACK,
    model::{Model, Record, content, version},
    plan::MOST_RUNS,
};
use kube::ResourceExt;
use requeue_policy::{Phase, Requeue, RequeuePolicy as _};
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
                self.check_late(memory, &record, &name, now);
                self.check_duties(memory, &record, &name, now);
                let goes_first =
                    why == "due" && record.fast != Some(true) || thing.metadata.deletion_timestamp.is_some();
                if !goes_first {
                    self.check_rate(&record, &name, now);
                }
                record
            }
        };
        if let Some((wrote, answered)) = record.wrote.filter(|(wrote, _)| version < *wrote) {
            record.stale += 1;
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
        if self.runs == MOST_RUNS {
            self.trace
                .note(now, "", "more reconciles than the plan allows: the simulation ends");
        }
    }

    fn first_record(&self, memory: usize, name: &str, now: Micros) -> Record {
        let mut record = Record::new(now);
        // A child may mean a namesake: it is looked for by name.
        let records = &self.memories[memory].records;
        let namesakes = self.named(name).into_iter().filter_map(|uid| records.get(&uid));
        record.causes = namesakes.flat_map(|namesake| namesake.causes.clone()).collect();
        let objects = self.objects.values().filter(|object| object.name == name);
        let known = objects.flat_map(|object| object.causes.iter().copied());
        record
            .causes
            .extend(known.filter(|(at, _)| self.faults.over(*at) > now));
        // The lists with which a controller starts come one after the other.
        record
            .causes
            .push((self.memories[memory].active.unwrap_or(now), "start"));
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
        let is_own = |write: &_| matches!(write, crate::model::Write { by, .. } if *by == Some(memory));
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
        let later = writes.filter(|write| write.version > version(thing));
        let mut shown: Vec<_> = [read]
            .into_iter()
            .chain(later.map(|write| (write.phase, write.since)))
            .collect();
        shown.dedup();

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
            let one = self.due(*phase, end, &known, now);
            due = Some(due.map_or(one, |due| due.or(one)));
        }
        let mut due = due.unwrap_or(Due::NEVER);
        if !is_certain && end.explicit.is_none() {
            // When the echo comes, the timer moves.
            due.latest = due.latest.map(|at| at + self.faults.over(now) - now);
        }
        if due.latest.is_none() && record.patched {
            // A patch that may have changed nothing may have hidden something.
            let longest = Phase::ALL.map(|phase| micros(self.policy.interval(phase).longest()));
            let again = longest.into_iter().max().map(|longest| now + longest);
            due = due.or(Due {
                earliest: again,
                latest: None,
            });
        }
        if thing.metadata.deletion_timestamp.is_some() || object.as_ref().is_none_or(|object| object.gone.is_some()) {
            let again = micros(self.policy.interval(Phase::Initializing).initial()) / 2;
            due = due.or(Due {
                earliest: Some(now + again),
                latest: None,
            });
        }
        self.trace.note(
            now,
            &name,
            format_args!("reconcile of {memory} ends: {end:?}, due {}", describe(due)),
        );

        let phase = phases[phases.len() - 1];
        // Only a report starts an outage.
        let is_reported = end.phase.is_some() || phase != Phase::Failed || record.reported == Some(Phase::Failed);
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
        let is_written = object.is_some_and(|object| object.phase == phase);
        record.duties.retain(|duty| !(is_written && duty.what == "phase"));
        record.due = due;
        record.running = false;
        record.ended = true;
        record.last_end = now;
        self.memories[memory].records.insert(uid, record);
    }

    fn due(&self, phase: Phase, end: End, known: &Known, now: Micros) -> Due {
        delay::due(&self.policy.interval(phase), end.explicit, known, now)
    }

    /// A reconcile was cut off: by a panic, or because its controller ended. Returns the object's name if it was under way.
    pub(crate) fn run_is_cut(&mut self, memory: usize, uid: &str, now: Micros) -> Option<String> {
        let record = self.memories[memory].records.get_mut(uid)?;
        let name = self.objects.get(uid).filter(|_| record.cut_off(now))?.name.clone();
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

type Status = (Phase, Option<Micros>);

/// Since when the object may have been in this phase, from what it may have shown and from the memory.
fn sinces(record: &Record, read: Status, shown: &[Status], phase: Phase, now: Micros) -> Vec<Micros> {
    let remembered = if record.vague {
        vec![None, Some(record.since[0]), Some(record.since[1].min(now))]
    } else if record.reported == Some(phase) {
        record.since.map(Some).to_vec()
    } else {
        vec![None]
    };
    let mut all = Vec::new();
    for latest in shown {
        for remembered in &remembered {
            let told = [*latest, read].into_iter().filter(|(of, _)| *of == phase);
            let mut told = told.filter_map(|(_, since)| since);
            if phase != Phase::Failed {
                all.push(told.next().or(*remembered).unwrap_or(now));
                continue;
            }
            let told: Vec<_> = told.collect();
            // What a success has ended does not come back; at the very moment it may.
            for ended in record.succeeded {
                for tolerance in [-SLACK, SLACK] {
                    let told = told.iter().copied();
                    let told = told.filter(|told| ended.is_none_or(|ended| *told >= ended + tolerance));
                    all.push(told.chain(*remembered).min().unwrap_or(now));
                }
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// From when on the backoff grows, if later than the outage began.
fn grows_from(record: &Record, phase: Phase, end: End, now: Micros) -> Vec<Option<Micros>> {
    if phase != Phase::Failed {
        return vec![None];
    }
    let mut all = record.grows_from.clone();
    // A failure with its own delay does not age the backoff.
    if !matches!(end.explicit, Some(Explicit::Exactly(_))) {
        match record.own_delay {
            Some(true) => all = vec![Some(now)],
            None => all.push(Some(now)),
            Some(false) => {}
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(8);
    all
}

impl Record {
    fn new(now: Micros) -> Self {
        Self {
            running: false,
            started: now,
            last_end: now,
            ended: false,
            content: 0,
            version: 0,
            seen: Phase::Initializing,
            reported: None,
            vague: false,
            since: [now; 2],
            succeeded: [None; 2],
            own_delay: Some(false),
            grows_from: vec![None],
            due: Due::NEVER,
            fast: Some(false),
            full_at: now,
            restless: now,
            loops: 0,
            cut: None,
            wrote: None,
            took: None,
            patched: false,
            causes: Vec::new(),
            duties: Vec::new(),
            transitions: 0,
            stale: 0,
        }
    }
}

fn describe(due: Due) -> String {
    let time = |at: Option<Micros>| at.map_or("never".to_owned(), |at| format!("{:.3}", seconds(at)));
    format!("from {} to {}", time(due.earliest), time(due.latest))
}
