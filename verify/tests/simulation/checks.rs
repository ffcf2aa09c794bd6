//! What a run tells the model, and whether there was a cause for it.

use crate::{
    behaviour::{SECOND, micros, seconds},
    delay::{self, Due, End, Known, TOLERANCE},
    model::{Model, Record, content, version},
    plan::MOST_RUNS,
};
use kube::ResourceExt;
use requeue_policy::{Phase, Requeue, RequeuePolicy as _};
use std::{collections::VecDeque, time::Duration};
use verify::{Micros, Thing};

impl Model {
    /// After what time of silence the crate may forget an object: the longest interval, at least a minute.
    pub(crate) fn grace(&self) -> Micros {
        let intervals = Phase::ALL.map(|phase| micros(self.policy.interval(phase).longest()));
        let limit = self.policy.rate_limit().map(|limit| 2 * micros(limit.within()));
        intervals.into_iter().chain(limit).fold(60 * SECOND, Micros::max)
    }

    fn may_be_forgotten(&self, record: &Record, now: Micros) -> bool {
        let (due, started) = (record.due, record.starts.back().copied().unwrap_or(0));
        let heard = due.latest.or(due.earliest).unwrap_or(record.last_end).max(started);
        let heard = heard.min(due.earliest.unwrap_or(heard).max(started));
        now > heard + self.grace() - TOLERANCE
    }

    pub(crate) fn run_starts(&mut self, memory: usize, thing: &Thing, now: Micros) {
        let (uid, name) = (thing.uid().unwrap_or_default(), thing.name_any());
        self.runs += 1;
        self.swept(memory, now);
        let known = self.memories[memory].records.get(&uid).cloned();
        let why = match &known {
            None => "first".to_owned(),
            Some(record) => self.reason(record, thing, now).unwrap_or_default(),
        };
        let (content, version, phase) = (content(thing), version(thing), thing.phase_in_status());
        self.trace
            .note(now, &name, format_args!("run of {memory} starts: {why}; {phase}"));
        if let Some(record) = &known {
            if record.running {
                self.violate(now, "one run at a time", &name, "the last run has not ended".into());
            }
            if why.is_empty() {
                let expected = format!("no run without a cause before {:?} s", record.due.earliest.map(seconds));
                self.violate(now, "economy", &name, expected);
            }
            self.check_late(memory, record, &name, now);
            self.check_duties(memory, record, &name, now);
            if why != "due" && !self.may_be_forgotten(record, now) {
                self.check_rate(record, &name, now);
            }
        }
        // One that is cut off stays due.
        let forgotten = known.as_ref().is_none_or(|record| self.may_be_forgotten(record, now));
        let known = known.as_ref();
        let due = known.map_or(Some(now), |record| {
            if forgotten {
                Some(now)
            } else {
                record.due.earliest.map(|at| at.max(now))
            }
        });
        let mut record = known.cloned().unwrap_or_else(|| self.first_record(memory, &name, now));
        record.forgotten = forgotten;
        if why == "timer of an earlier run" {
            record.stale = None;
        }
        // Where a run follows at once on another, kube-runtime may get the timer of the first while the second is under way,
        // and then keeps the earlier of the two.
        if record.ended && now - record.last_end < TOLERANCE && record.due.earliest.is_some_and(|at| at > now) {
            record.stale = Some(record.due);
        }
        record.due.earliest = due;
        let is_hidden = record.causes.iter().position(|(_, what)| *what == why);
        if let Some(used) = is_hidden {
            record.causes.remove(used);
        }
        record.causes.retain(|(at, _)| self.faults.over(*at) > now);
        // A run reads the child as it is, even before the event has come.
        record.duties.retain(|duty| duty.version > version);
        let pause = record.starts.back().map_or(0, |last| now - last);
        let is_rested = self.limit_within().is_some_and(|within| pause >= within - TOLERANCE);
        record.pauses += usize::from(is_rested);
        record.starts.push_back(now);
        let oldest = now - 2 * self.limit_within().unwrap_or_default() - SECOND;
        while record.starts.front().is_some_and(|start| *start < oldest) {
            record.starts.pop_front();
        }
        record.running = true;
        record.again = false;
        record.cut = None;
        (record.content, record.version, record.seen) = (content, version, phase);
        self.memories[memory].records.insert(uid, record);
        if self.runs == MOST_RUNS {
            self.trace
                .note(now, "", "more runs than the plan allows: the simulation ends");
        }
    }

    fn first_record(&self, memory: usize, name: &str, now: Micros) -> Record {
        let mut record = Record::new(now);
        // Triggers are by name: what was meant for a namesake that is gone comes to this one.
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

    fn limit_within(&self) -> Option<Micros> {
        self.policy.rate_limit().map(|limit| micros(limit.within()))
    }

    /// Why an object runs; `None` where nothing that is known of calls for it.
    fn reason(&self, record: &Record, thing: &Thing, now: Micros) -> Option<String> {
        let phase = thing.phase_in_status();
        if record.due.earliest.is_some_and(|at| now >= at - TOLERANCE) {
            return Some("due".into());
        }
        if content(thing) != record.content {
            return Some("changed".into());
        }
        if !self.generation && version(thing) != record.version {
            return Some("written".into());
        }
        if phase != record.seen && record.reported != Some(phase) {
            return Some("phase".into());
        }
        if record.again {
            return Some("again".into());
        }
        if record.cut.is_some() {
            return Some("cut off".into());
        }
        if let Some((_, what)) = record.causes.first() {
            return Some((*what).to_owned());
        }
        let stale = record.stale.and_then(|due| due.earliest);
        if stale.is_some_and(|at| now >= at - TOLERANCE) {
            return Some("timer of an earlier run".into());
        }
        self.may_be_forgotten(record, now).then(|| "forgotten".into())
    }

    pub(crate) fn run_ends(&mut self, memory: usize, thing: &Thing, end: End, now: Micros) {
        let (uid, name) = (thing.uid().unwrap_or_default(), thing.name_any());
        self.swept(memory, now);
        let Some(record) = self.memories[memory].records.get(&uid).cloned() else {
            return;
        };
        let may_be_forgotten = record.forgotten || self.may_be_forgotten(&record, now);
        let before = record.reported.unwrap_or(record.seen);
        let since = thing.status.as_ref().and_then(|status| status.since);
        let known = Known {
            in_status: since.filter(|_| thing.phase_in_status() == end.phase),
            remembered: match record
                .since
                .map(|since| (record.reported == Some(end.phase)).then_some(since))
            {
                [older, newer] if may_be_forgotten => [older, newer, None],
                [older, newer] => [older, newer, newer],
            },
            may_be_forgotten,
            backoff: (end.phase == Phase::Failed && before == Phase::Failed).then_some(record.due),
        };
        let due = delay::due(&self.policy.interval(end.phase), end, known, now);
        self.trace.note(
            now,
            &name,
            format_args!("run of {memory} ends: {end:?}, due {}", describe(due)),
        );
        let is_written = self.objects.get(&uid).is_some_and(|object| object.phase == end.phase);
        let awaited = record.ended && record.due.latest.is_none();
        let awaits = due.latest.is_none();
        let record = self.memories[memory].records.entry(uid).or_insert(record);
        if record.reported != Some(end.phase) {
            record.since = [now; 2];
            record.transitions += 1;
        }
        if awaits || awaited {
            // Giving up is logged once, unless it is tried again in between.
            record.transitions += usize::from(awaits != awaited);
        }
        if may_be_forgotten {
            record.since[1] = now;
            record.transitions += 1;
        }
        // A phase that somebody wrote meanwhile calls for nothing once a run has reported the same.
        record.duties.retain(|duty| !(is_written && duty.what == "phase"));
        record.reported = Some(end.phase);
        record.due = due;
        record.again = end.requeue == Some(Requeue::After(Duration::ZERO));
        record.running = false;
        record.ended = true;
        record.last_end = now;
    }

    /// A run was cut off: by a panic, or because its controller ended.
    pub(crate) fn run_is_cut(&mut self, memory: usize, uid: &str, now: Micros) {
        let record = self.memories[memory].records.get_mut(uid);
        let object = self
            .objects
            .get(uid)
            .filter(|_| record.is_some_and(|record| record.cut_off(now)));
        if let Some(object) = object {
            let event = format_args!("run of {memory} is cut off");
            self.trace.note(now, &object.name, event);
        }
    }
}

impl Record {
    fn new(now: Micros) -> Self {
        Self {
            starts: VecDeque::new(),
            running: false,
            last_end: now,
            ended: false,
            content: 0,
            version: 0,
            seen: Phase::Initializing,
            reported: None,
            since: [now; 2],
            forgotten: false,
            due: Due::NEVER,
            stale: None,
            again: false,
            cut: None,
            causes: Vec::new(),
            duties: Vec::new(),
            transitions: 0,
            pauses: 0,
        }
    }
}

fn describe(due: Due) -> String {
    let time = |at: Option<Micros>| at.map_or("never".to_owned(), |at| format!("{:.3}", seconds(at)));
    format!("from {} to {}", time(due.earliest), time(due.latest))
}
