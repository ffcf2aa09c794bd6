//! What the simulation knows of the objects and of what the controllers remember of them, from the outside.

use crate::{
    delay::Due,
    faults::Faults,
    plan::{Children, Plan},
    report::{Trace, Violation},
};
use kube::ResourceExt;
use requeue_policy::{Phase, RequeueConfig};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};
use verify::{Micros, Thing};

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
    /// What may start a run of it in a memory that does not know it yet.
    pub(crate) causes: Vec<(Micros, &'static str)>,
}

/// What one `Requeuer` is expected to know.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Since when a controller uses it; `None` while none does.
    pub(crate) active: Option<Micros>,
    pub(crate) records: BTreeMap<String, Record>,
    /// When a part of the memory was looked through, at least.
    pub(crate) sweeps: VecDeque<Micros>,
    /// When kube-runtime dropped a trigger last, by the object's name.
    pub(crate) lost: BTreeMap<String, Micros>,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Starts of runs, as far back as the rate limit counts.
    pub(crate) starts: VecDeque<Micros>,
    pub(crate) running: bool,
    pub(crate) last_end: Micros,
    pub(crate) ended: bool,
    /// What the last run saw.
    pub(crate) content: u64,
    pub(crate) version: u64,
    pub(crate) seen: Phase,
    pub(crate) reported: Option<Phase>,
    /// Since when; the second, if the memory was lost meanwhile.
    pub(crate) since: [Micros; 2],
    /// The memory of it may have been lost before this run.
    pub(crate) forgotten: bool,
    pub(crate) due: Due,
    /// What was due after a run that another followed at once.
    pub(crate) stale: Option<Due>,
    /// The last run asked to run again at once.
    pub(crate) again: bool,
    /// A run was cut off then.
    pub(crate) cut: Option<Micros>,
    /// What may start a run and cannot be seen in the object, and when it was.
    pub(crate) causes: Vec<(Micros, &'static str)>,
    pub(crate) duties: Vec<Duty>,
    pub(crate) transitions: usize,
    pub(crate) pauses: usize,
}

/// A change that has to start a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    pub(crate) at: Micros,
    /// The version from which on an object has it; 0 where it is not in the object.
    pub(crate) version: u64,
    pub(crate) what: &'static str,
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
            causes: Vec::new(),
        };
        self.objects.insert(thing.uid().unwrap_or_default(), object);
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

    /// Something that no object shows may start a run of this one.
    pub(crate) fn cause(&mut self, uid: &str, what: &'static str, but_not_of: Option<usize>, now: Micros) {
        if let Some(object) = self.objects.get_mut(uid) {
            object.causes.push((now, what));
        }
        for (_, record) in self.records_of(uid).filter(|(memory, _)| but_not_of != Some(*memory)) {
            record.causes.push((now, what));
        }
    }

    /// A status was written: another phase may call for a run of all but the one that wrote it.
    pub(crate) fn status_written(&mut self, written: &Thing, by: Option<usize>, now: Micros) {
        let (uid, phase) = (written.uid().unwrap_or_default(), written.phase_in_status());
        let object = self.objects.get_mut(&uid).filter(|object| object.phase != phase);
        if let Some(object) = object {
            object.phase = phase;
            self.cause(&uid, "phase of another", by, now);
        }
        let is_distinct = self.children == Children::Owned;
        for (_, record) in self.records_of(&uid) {
            // What was written before is overwritten. And with plain `owns`, a child's change looks like this write.
            let stays = |duty: &Duty| duty.what != "phase" && (is_distinct || duty.version > 0);
            record.duties.retain(stays);
        }
    }

    /// Events that are held up are merged; with plain `owns` a child's change is then lost in them.
    pub(crate) fn forgive_owns(&mut self) {
        if self.children == Children::Owns {
            let records = self.memories.iter_mut().flat_map(|memory| memory.records.values_mut());
            records.for_each(|record| record.duties.retain(|duty| duty.version > 0));
        }
    }

    /// kube-runtime dropped a trigger, because its cache did not have the object.
    ///
    /// Of one that is gone that is as it should be. But where a relist is cut in two by the error of another watch, kube-runtime
    /// 5.0 triggers its objects before they are in the cache, and one that is new stays unknown until its next event.
    pub(crate) fn lost(&mut self, memory: usize, name: &str, now: Micros) {
        self.trace.note(now, name, "kube-runtime does not find it");
        if self.faults.is_on(now) {
            self.memories[memory].lost.insert(name.to_owned(), now);
        }
    }

    /// Whether any controller runs an object of this name now.
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

    /// A watch lists anew, so each object, or the parent of each, is seen once more.
    pub(crate) fn listed(&mut self, plural: &str, now: Micros) {
        let what = if plural == "things" {
            "relist"
        } else {
            "children's relist"
        };
        self.trace.note(now, "", what);
        let uids: Vec<_> = self.objects.keys().cloned().collect();
        uids.iter().for_each(|uid| self.cause(uid, what, None, now));
    }

    /// A change that every active controller has to reconcile, unless it has done so while the writer got its answer.
    pub(crate) fn owe(&mut self, uid: &str, duty: Duty, holds: impl Fn(&Record) -> bool) {
        let active = self.memories.iter_mut().filter(|memory| memory.active.is_some());
        for record in active.filter_map(|memory| memory.records.get_mut(uid)) {
            let is_open = if duty.version > 0 {
                record.version < duty.version
            } else {
                record.starts.back() < Some(&duty.at)
            };
            if is_open && holds(record) {
                record.duties.push(duty);
            }
        }
    }
}

impl Record {
    /// A run of it is cut off, if there is one.
    pub(crate) fn cut_off(&mut self, now: Micros) -> bool {
        let was_running = std::mem::take(&mut self.running);
        if was_running {
            self.cut = Some(now);
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
