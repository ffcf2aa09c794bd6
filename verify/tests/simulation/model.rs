//! What the simulation knows of the objects and of what the controllers remember of them, from the outside.

use crate::{
    behaviour::micros,
    coverage::Coverage,
    faults::{Faults, SLACK},
    features::Features,
    plan::{Children, Plan},
    record::{Duty, Record},
    report::{Trace, Violation},
    sight::{deleted, interval, is_paused, version},
    slots::{Fleet, Slots},
    things::{PLURALS, kind},
};
use kube::ResourceExt;
use requeue_policy::{Phase, RequeueConfig, RequeuePolicy as _};
use std::collections::{BTreeMap, VecDeque};
use verify::{Micros, Thing};

/// How many writes of an object are known.
const WRITES: usize = 200;

pub(crate) struct Model {
    pub(crate) policy: RequeueConfig,
    pub(crate) children: Children,
    pub(crate) generation: bool,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) violations: Vec<Violation>,
    pub(crate) objects: BTreeMap<String, Object>,
    /// One for each `Requeuer` that there was.
    pub(crate) memories: Vec<Memory>,
    pub(crate) runs: usize,
    pub(crate) features: Features,
    pub(crate) coverage: Coverage,
    /// By how much timers may be late because of the rates that the fleet has had.
    pub(crate) longest_fleet_wait: Micros,
    /// Since when the rate limit is what it is.
    pub(crate) limit_since: Micros,
}

/// An object, by its uid.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) kind: usize,
    pub(crate) created: Micros,
    pub(crate) gone: Option<Micros>,
    /// The phase that was written last.
    pub(crate) phase: Phase,
    pub(crate) writes: VecDeque<Write>,
    /// When it was last written, and when its child was.
    pub(crate) written: Micros,
    pub(crate) child_written: Micros,
    /// What may start a reconcile of it in a memory that does not know it yet.
    pub(crate) causes: Vec<(Micros, &'static str)>,
    pub(crate) is_paused: bool,
    /// When it was resumed.
    pub(crate) resumed: Option<Micros>,
}

/// A write that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) version: u64,
    /// The memory whose reconcile made it.
    pub(crate) by: Option<usize>,
    pub(crate) phase: Phase,
    pub(crate) since: Option<Micros>,
    /// The interval that it gives itself.
    pub(crate) interval: Option<Micros>,
    pub(crate) deleted: Option<Micros>,
}

/// What one `Requeuer` is expected to know.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Since when a controller uses it; `None` while none does.
    pub(crate) active: Option<Micros>,
    pub(crate) records: BTreeMap<String, Record>,
    /// Of the controllers of each kind.
    pub(crate) slots: [Slots; 2],
    pub(crate) fleet: Fleet,
}

impl Model {
    pub(crate) fn new(plan: &Plan, is_verbose: bool) -> Self {
        Self {
            policy: plan.policy,
            children: plan.children,
            generation: plan.generation,
            faults: Faults::new(micros(plan.lag)),
            trace: Trace {
                is_verbose,
                ..Trace::default()
            },
            violations: Vec::new(),
            objects: BTreeMap::new(),
            memories: Vec::new(),
            runs: 0,
            features: plan.features.clone(),
            coverage: Coverage::default(),
            longest_fleet_wait: 0,
            limit_since: 0,
        }
    }

    pub(crate) fn violate(&mut self, at: Micros, rule: &'static str, object: &str, expected: String) {
        self.trace
            .note(at, object, format_args!("VIOLATION {rule}: {expected}"));
        let events = self.trace.events(object);
        self.violations.push(Violation {
            at,
            rule,
            object: object.to_owned(),
            expected,
            events,
        });
    }

    pub(crate) fn created(&mut self, thing: &Thing, now: Micros) {
        let name = thing.name_any();
        self.trace.note(now, &name, "created");
        let object = Object {
            kind: kind(self.features.kinds, &name),
            name,
            created: now,
            gone: None,
            phase: thing.phase_in_status(),
            writes: VecDeque::new(),
            written: now,
            child_written: now,
            causes: Vec::new(),
            is_paused: false,
            resumed: None,
        };
        self.objects.insert(thing.uid().unwrap_or_default(), object);
        self.written(thing, None, now);
    }

    pub(crate) fn gone(&mut self, uid: &str, now: Micros) {
        if let Some(object) = self.objects.get_mut(uid).filter(|object| object.gone.is_none()) {
            object.gone = Some(now);
            self.trace.note(now, &object.name, "gone");
        }
        for (_, record) in self.records_of(uid) {
            record.duties.clear();
        }
    }

    /// The objects that are not gone, by uid.
    pub(crate) fn alive(&self) -> Vec<(String, Object)> {
        let alive = self.objects.iter().filter(|(_, object)| object.gone.is_none());
        alive.map(|(uid, object)| (uid.clone(), object.clone())).collect()
    }

    /// What each memory that knows this object has of it, with the memory's number.
    fn records_of<'a>(&'a mut self, uid: &'a str) -> impl Iterator<Item = (usize, &'a mut Record)> {
        let memories = self.memories.iter_mut().enumerate();
        memories.filter_map(move |(memory, known)| Some((memory, known.records.get_mut(uid)?)))
    }

    /// A controller uses this memory from now on.
    pub(crate) fn starts(&mut self, memory: usize, now: Micros) {
        self.trace.note(now, "", format_args!("controller {memory} starts"));
        let memory = &mut self.memories[memory];
        memory.active = Some(now);
        for record in memory.records.values_mut() {
            record.causes.push((now, "restart"));
        }
    }

    pub(crate) fn stops(&mut self, memory: usize, now: Micros) {
        self.trace.note(now, "", format_args!("controller {memory} stops"));
        let memory = &mut self.memories[memory];
        memory.active = None;
        for record in memory.records.values_mut() {
            record.cut_off(now);
        }
        memory.slots = Default::default();
    }

    /// The log may say what the annotations of objects of this name override.
    pub(crate) fn overridden(&mut self, name: &str) {
        for uid in self.named(name) {
            self.records_of(&uid).for_each(|(_, record)| record.transitions += 1);
        }
    }

    pub(crate) fn cover(&mut self, what: &str) {
        self.coverage.add(what, 1);
    }

    /// The application asks for an object, or for all.
    pub(crate) fn requested(&mut self, name: Option<&str>, now: Micros) {
        let what = if name.is_some() {
            "requested"
        } else {
            "requested for all"
        };
        let is_meant = |object: &Object| name.is_none_or(|name| object.name == name);
        let meant = self.objects.iter().filter(|(_, object)| is_meant(object));
        let meant: Vec<_> = meant.map(|(uid, object)| (uid.clone(), object.gone)).collect();
        for (uid, gone) in meant {
            // One that is gone may still be in the cache.
            self.cause(&uid, what, None, now);
            if gone.is_none() {
                self.owe(
                    &uid,
                    Duty {
                        at: now,
                        version: 0,
                        what,
                    },
                    |_| true,
                );
            }
        }
    }

    /// Something that no object shows may start a reconcile of this one.
    pub(crate) fn cause(&mut self, uid: &str, what: &'static str, but_not_of: Option<usize>, now: Micros) {
        if let Some(object) = self.objects.get_mut(uid) {
            object.causes.push((now, what));
        }
        for (_, record) in self.records_of(uid).filter(|(memory, _)| but_not_of != Some(*memory)) {
            record.causes.push((now, what));
        }
    }

    /// The object was written, and the writer got its answer.
    pub(crate) fn written(&mut self, thing: &Thing, by: Option<usize>, now: Micros) {
        let generation = self.generation;
        let (uid, version) = (thing.uid().unwrap_or_default(), version(thing));
        let Some(object) = self.objects.get_mut(&uid) else {
            return;
        };
        if self.trace.is_verbose {
            let by = by.map_or("somebody".to_owned(), |by| by.to_string());
            println!("         version {version} of {} is written by {by}", object.name);
        }
        object.written = now;
        let is_known = object.writes.iter().any(|write| write.version == version);
        object.writes.push_back(Write {
            version,
            by,
            phase: thing.phase_in_status(),
            since: thing.status.as_ref().and_then(|status| status.since),
            interval: interval(thing),
            deleted: deleted(thing),
        });
        let was_paused = std::mem::replace(&mut object.is_paused, is_paused(thing));
        let is_resumed = was_paused && !object.is_paused;
        if is_resumed {
            object.resumed = Some(now);
        }
        if object.writes.len() > WRITES {
            object.writes.pop_front();
        }
        let record = by.and_then(|by| self.memories[by].records.get_mut(&uid));
        if let Some(record) = record {
            record.patched = true;
            if is_known {
                record.took = Some(version);
                // A patch that changed nothing returned it: what it brings waits until the object is due.
                record
                    .duties
                    .retain(|duty| duty.version != version || !duty.is_soft(generation));
            }
            if record.wrote.is_none_or(|(latest, _)| latest < version) {
                record.wrote = Some((version, now));
            }
        }
        if is_resumed {
            self.cause(&uid, "resumed", None, now);
        }
    }

    /// Whether the writer of this version got its answer.
    pub(crate) fn knows(&self, thing: &Thing) -> bool {
        let object = self.objects.get(&thing.uid().unwrap_or_default());
        object.is_some_and(|object| object.writes.iter().any(|write| write.version == version(thing)))
    }

    /// A status was written: another phase may call for a reconcile of all but the one that wrote it.
    pub(crate) fn status_written(&mut self, thing: &Thing, by: Option<usize>, now: Micros) {
        self.written(thing, by, now);
        let (uid, phase) = (thing.uid().unwrap_or_default(), thing.phase_in_status());
        let before = self
            .objects
            .get_mut(&uid)
            .map(|object| std::mem::replace(&mut object.phase, phase));
        // Answers may come in another order than the writes.
        let is_another = self.records_of(&uid).any(|(_, record)| record.seen != phase);
        if is_another || before != Some(phase) {
            self.cause(&uid, "phase of another", by, now);
        }
        for (_, record) in self.records_of(&uid) {
            // What was written before is overwritten.
            record.duties.retain(|duty| duty.what != "phase");
        }
    }

    /// A child of the objects with this name is written, or may have been.
    pub(crate) fn child_written(&mut self, name: &str, by: Option<usize>, now: Micros) {
        if self.children == Children::Unwatched {
            return;
        }
        // A child refers to its owner by name and uid, and another object may have the name by now.
        for uid in self.named(name) {
            if let Some(object) = self.objects.get_mut(&uid) {
                object.child_written = now;
            }
            let record = by.and_then(|by| self.memories[by].records.get_mut(&uid));
            if let Some(record) = record {
                record.patched = true;
            }
            self.cause(&uid, "child", by, now);
        }
    }

    /// kube-runtime dropped a trigger, because its cache did not have the object.
    pub(crate) fn lost(&mut self, name: &str, now: Micros) {
        self.trace.note(now, name, "kube-runtime does not find it");
    }

    /// Whether any controller reconciles an object of this name now.
    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.records_named(name).iter().any(|record| record.running)
    }

    /// What all memories have of the objects of this name.
    pub(crate) fn records_named(&self, name: &str) -> Vec<&Record> {
        let records = self.named(name).into_iter().flat_map(|uid| {
            let memories = self.memories.iter();
            memories.filter_map(move |memory| memory.records.get(&uid))
        });
        records.collect()
    }

    pub(crate) fn named(&self, name: &str) -> Vec<String> {
        let objects = self.objects.iter().filter(|(_, object)| object.name == name);
        objects.map(|(uid, _)| uid.clone()).collect()
    }

    /// A watch lists anew: what it shows in another version than before is a change; to a controller that has just started
    /// everything is.
    pub(crate) fn listed(&mut self, plural: &str, now: Micros) {
        let (what, of_children) = match plural {
            "configmaps" => ("children's relist", true),
            _ => ("relist", false),
        };
        self.trace.note(now, "", what);
        let is_of_kind = |object: &Object| of_children || PLURALS[object.kind] == plural;
        let is_news = |object: &Object| {
            let written = if of_children {
                object.child_written
            } else {
                object.written
            };
            is_of_kind(object) && (self.faults.over(written) + SLACK >= now)
        };
        let uids = self.objects.iter().filter(|(_, object)| is_news(object));
        let uids: Vec<_> = uids.map(|(uid, _)| uid.clone()).collect();
        uids.iter().for_each(|uid| self.cause(uid, what, None, now));
    }

    /// A change that every active controller has to reconcile, unless it has done so while the writer got its answer.
    pub(crate) fn owe(&mut self, uid: &str, duty: Duty, holds: impl Fn(&Record) -> bool) {
        let generation = self.generation;
        let active = self.memories.iter_mut().filter(|memory| memory.active.is_some());
        for record in active.filter_map(|memory| memory.records.get_mut(uid)) {
            let is_open = if duty.version > 0 {
                record.version < duty.version
            } else {
                record.started < duty.at
            };
            let is_hidden = duty.is_soft(generation) && record.took == Some(duty.version);
            if is_open && !is_hidden && holds(record) {
                record.duties.push(duty);
            }
        }
    }

    /// The pace of the rate limit, and the time that its burst is worth.
    pub(crate) fn limit(&self) -> Option<(Micros, Micros)> {
        let limit = self.policy.rate_limit()?;
        let every = micros(limit.every());
        Some((every, every * Micros::from(limit.burst())))
    }
}
