//! What the simulation knows of the objects and of what the controllers remember of them, from the outside.

use crate::{
    behaviour::micros,
    delay::Due,
    faults::{Faults, SLACK},
    plan::{Children, Plan},
    report::{Trace, Violation},
};
use kube::ResourceExt;
use requeue_policy::{Phase, RequeueConfig, RequeuePolicy as _};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};
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
}

/// An object, by its uid.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
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
}

/// A write that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) version: u64,
    /// The memory whose reconcile made it.
    pub(crate) by: Option<usize>,
    pub(crate) phase: Phase,
    pub(crate) since: Option<Micros>,
}

/// What one `Requeuer` is expected to know.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Since when a controller uses it; `None` while none does.
    pub(crate) active: Option<Micros>,
    pub(crate) records: BTreeMap<String, Record>,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) running: bool,
    pub(crate) started: Micros,
    pub(crate) last_end: Micros,
    pub(crate) ended: bool,
    /// What the last reconcile saw.
    pub(crate) content: u64,
    pub(crate) version: u64,
    pub(crate) seen: Phase,
    pub(crate) reported: Option<Phase>,
    /// Whether it is uncertain what the last reconcile reported, because it left that to the status.
    pub(crate) vague: bool,
    /// Since when it is in that phase: the earliest and the latest that may be so.
    pub(crate) since: [Micros; 2],
    /// When it last succeeded; each may be so.
    pub(crate) succeeded: [Option<Micros>; 2],
    /// Whether the last failure came with its own delay; `None` if that is uncertain.
    pub(crate) own_delay: Option<bool>,
    /// From when on the backoff grows; each may be so.
    pub(crate) grows_from: Vec<Option<Micros>>,
    pub(crate) due: Due,
    /// Whether it is due by an explicit delay shorter than the rate limit's pace; `None` if that is uncertain.
    pub(crate) fast: Option<bool>,
    /// When its rate limit is not used at all any more.
    pub(crate) full_at: Micros,
    /// Since when it has always used some of it, and how often that lasted long enough for the log to say so.
    pub(crate) restless: Micros,
    pub(crate) loops: usize,
    /// A reconcile was cut off then.
    pub(crate) cut: Option<Micros>,
    /// The latest write of its own reconciles, and when it was answered.
    pub(crate) wrote: Option<(u64, Micros)>,
    /// The version that a patch of its own reconciles which changed nothing returned last.
    pub(crate) took: Option<u64>,
    /// The reconcile has patched something.
    pub(crate) patched: bool,
    /// What may start a reconcile and cannot be seen in the object, and when it was.
    pub(crate) causes: Vec<(Micros, &'static str)>,
    pub(crate) duties: Vec<Duty>,
    pub(crate) transitions: usize,
    /// Reconciles that did not wait any longer for the cache.
    pub(crate) stale: usize,
}

/// A change that has to start a reconcile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    pub(crate) at: Micros,
    /// The version from which on an object has it; 0 where it is not in the object.
    pub(crate) version: u64,
    pub(crate) what: &'static str,
}

impl Duty {
    /// Whether an echo of the controller's own write may show it, too.
    fn is_soft(&self, generation: bool) -> bool {
        matches!(self.what, "label" | "annotation" | "fingerprint" | "phase") || !generation && self.what == "spec"
    }
}

impl Model {
    pub(crate) fn new(plan: &Plan, is_verbose: bool) -> Self {
        Self {
            policy: plan.policy,
            children: plan.children,
            generation: plan.generation,
            faults: Faults::default(),
            trace: Trace {
                is_verbose,
                ..Trace::default()
            },
            violations: Vec::new(),
            objects: BTreeMap::new(),
            memories: Vec::new(),
            runs: 0,
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
            name,
            created: now,
            gone: None,
            phase: thing.phase_in_status(),
            writes: VecDeque::new(),
            written: now,
            child_written: now,
            causes: Vec::new(),
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
        });
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
            "things" => ("relist", false),
            _ => ("children's relist", true),
        };
        self.trace.note(now, "", what);
        let starts = self.memories.iter().filter_map(|memory| memory.active);
        let starting = starts
            .map(|active| self.faults.over(active))
            .any(|over| over + SLACK >= now);
        let is_news = |object: &Object| {
            let written = if of_children {
                object.child_written
            } else {
                object.written
            };
            starting || self.faults.over(written) + SLACK >= now
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

impl Record {
    /// A reconcile of it is cut off, if there is one.
    pub(crate) fn cut_off(&mut self, now: Micros) -> bool {
        let was_running = std::mem::take(&mut self.running);
        if was_running {
            self.cut = Some(now);
            self.fast = Some(true);
            self.last_end = now;
        }
        was_running
    }
}

pub(crate) fn version(thing: &Thing) -> u64 {
    let version = thing.metadata.resource_version.as_deref();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// What may be meant for the reconciler, of the object alone, as the guide lists it.
pub(crate) fn content(thing: &Thing) -> u64 {
    let meta = &thing.metadata;
    let owners = meta.owner_references.iter().flatten().map(|owner| &owner.uid);
    let mut hasher = DefaultHasher::new();
    (meta.generation, &meta.labels, &meta.annotations, &meta.finalizers).hash(&mut hasher);
    (meta.deletion_timestamp.is_some(), owners.collect::<Vec<_>>()).hash(&mut hasher);
    thing.status.as_ref().and_then(|status| status.token).hash(&mut hasher);
    hasher.finish()
}
