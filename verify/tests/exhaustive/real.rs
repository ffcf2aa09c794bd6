//! The engine itself, put into the state of one world and read out after one step.

use crate::{
    Phase, RequeueConfig,
    engine::{
        Engine,
        clock::{Clock, Hand},
        conclusion::{Status, Transition},
        dispatch::Reconcile,
        memory::{Event, Held, Key, Record, Tick},
        others::Concern,
        places::Taken,
        reason::{Reason, Source},
        scope::Scope,
        version::Version,
        wakes::{Id, Wake},
    },
};
use futures::{FutureExt as _, StreamExt as _, channel::mpsc::UnboundedReceiver};
use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

pub(crate) const SECOND: Tick = 1_000_000;
pub(crate) const KIND: &str = "Thing";
/// The object's name.
pub(crate) const NAME: &str = "a";
/// The second owner's name and uid.
pub(crate) const SECOND_NAME: &str = "b";
pub(crate) const SECOND_UID: Key = 1;
/// The uids of the object, one after the other.
pub(crate) const UIDS: std::ops::Range<Key> = 10..14;

/// All that the engine remembers of one world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered {
    records: Vec<(Key, Record)>,
    others: Vec<(Key, (Version, u64))>,
    deliveries: u64,
    places: Taken,
    left: Vec<Key>,
    policy: (usize, u32),
}

impl Hash for Remembered {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.records.hash(hasher);
        self.others.hash(hasher);
        self.deliveries.hash(hasher);
        if self.places.rate.is_some() {
            format!("{:?}", self.places).hash(hasher);
        }
        self.left.hash(hasher);
        self.policy.hash(hasher);
    }
}

impl Remembered {
    pub(crate) fn record(&self, key: Key) -> Option<&Record> {
        self.records
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, record)| record)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.records.iter().map(|(key, _)| *key)
    }

    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Nothing, with this policy in force.
    pub(crate) fn with_policy(policy: usize) -> Self {
        Self {
            policy: (policy, 0),
            ..Self::default()
        }
    }

    pub(crate) fn policy(&self) -> usize {
        self.policy.0
    }
}

/// One engine of a thread, which plays all worlds.
pub(crate) struct Real {
    pub(crate) engine: Arc<Engine>,
    policies: Vec<Arc<RequeueConfig>>,
    hand: Hand,
    wakes: UnboundedReceiver<Wake>,
    transitions: Arc<Mutex<Vec<(Transition, Phase)>>>,
}

/// What the engine asked for in a step.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) triggers: Vec<Source>,
    pub(crate) throttled: bool,
    pub(crate) transitions: Vec<(Transition, Phase)>,
}

impl Real {
    pub(crate) fn new(policies: &[RequeueConfig; 2]) -> Self {
        let policies: Vec<_> = policies.iter().cloned().map(Arc::new).collect();
        let hand = Hand::new(AtomicU64::new(0));
        let clock = Clock::by_hand(UNIX_EPOCH + Duration::from_secs(1_800_000_000), hand.clone());
        let engine = Engine::new(policies[0].clone(), clock).expect("the policies are valid");
        let transitions = Arc::new(Mutex::new(vec![]));
        let told = transitions.clone();
        engine.set_hook(Box::new(move |decision| {
            told.lock()
                .expect("nothing panics under it")
                .push((decision.transition, decision.phase));
        }));
        engine.watch("", "things");
        engine.watch("", "children");
        let wakes = engine.listen(KIND);
        Self {
            engine,
            policies,
            hand,
            wakes,
            transitions,
        }
    }

    /// Puts the engine into a state.
    pub(crate) fn load(&self, state: &Remembered, now: Tick) {
        let engine = &self.engine;
        self.hand.store(now, Ordering::Relaxed);
        for key in UIDS.chain([SECOND_UID]) {
            match state.record(key) {
                Some(record) => engine.memory.upsert(key, 0, |known, _| *known = record.clone()),
                None => engine.memory.forget(key),
            }
        }
        let mut others = engine.others.lock().expect("nothing panics under it");
        others.clear();
        others.extend(state.others.iter().copied());
        engine.deliveries.store(state.deliveries, Ordering::Relaxed);
        *engine.places.0.lock().expect("nothing panics under it") = state.places.clone();
        let mut left = engine.left.lock().expect("nothing panics under it");
        left.clear();
        if !state.left.is_empty() {
            left.insert(KIND.to_owned(), state.left.iter().copied().collect());
        }
        let (policy, number) = state.policy;
        *engine.policy.write().expect("nothing panics under it") = (self.policies[policy].clone(), number);
    }

    /// Reads its state.
    pub(crate) fn save(&self, state: &mut Remembered) {
        let engine = &self.engine;
        state.records.clear();
        for key in UIDS.chain([SECOND_UID]) {
            if let Some(record) = engine.memory.modify(key, |record| record.clone()) {
                state.records.push((key, record));
            }
        }
        let others = engine.others.lock().expect("nothing panics under it");
        state.others = others.iter().map(|(key, latest)| (*key, *latest)).collect();
        state.others.sort_unstable_by_key(|(key, _)| *key);
        state.deliveries = engine.deliveries.load(Ordering::Relaxed);
        state.places = engine.places.0.lock().expect("nothing panics under it").clone();
        let left = engine.left.lock().expect("nothing panics under it");
        state.left = left.get(KIND).into_iter().flatten().copied().collect();
        state.left.sort_unstable();
        state.policy.1 = engine.policy.read().expect("nothing panics under it").1;
    }

    /// What it asked for since the last call.
    pub(crate) fn asked(&mut self) -> Asked {
        let mut asked = Asked::default();
        while let Some(Some(wake)) = self.wakes.next().now_or_never() {
            match wake {
                Wake::Trigger(object) | Wake::Request(object) => asked.triggers.push(object),
                Wake::Throttled => asked.throttled = true,
            }
        }
        asked.transitions = std::mem::take(&mut *self.transitions.lock().expect("nothing panics under it"));
        asked
    }

    pub(crate) fn replace_policy(&self, state: &mut Remembered) {
        state.policy.0 = 1 - state.policy.0;
        let policy = self.policies[state.policy.0].clone();
        self.engine.replace(policy).expect("the policies are valid");
    }

    /// Triggers those whom a child concerns; returns their names.
    pub(crate) fn concern(
        &self,
        concern: &Concern<&'static str>,
        key_of: impl Fn(&str) -> Option<Key>,
    ) -> Vec<&'static str> {
        let mut names: Vec<_> = concern.all().copied().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| {
            let Some(key) = key_of(name) else { return false };
            if !concern.matters {
                self.engine.passed(key, concern.key, concern.version, concern.delivered);
                return false;
            }
            let source = concern.source.clone();
            let held = Held {
                what: Event::Other {
                    key: concern.key,
                    reason: if *name == NAME {
                        Reason::Child(source)
                    } else {
                        Reason::Related(source)
                    },
                },
                version: concern.version,
                delivered: concern.delivered,
            };
            self.engine.related(id(name), key, held, concern.may_be_echo)
        });
        names
    }

    /// A reconcile, so far as it is remembered between steps.
    pub(crate) fn reconcile(&self, key: Key, read: Status, reasons: &Arc<[Reason]>) -> Reconcile {
        Reconcile {
            scope: Some(self.scope(key, reasons)),
            read,
            has_ended: false,
        }
    }

    pub(crate) fn scope(&self, key: Key, reasons: &Arc<[Reason]>) -> Scope {
        Scope {
            engine: self.engine.clone(),
            key,
            object: Source::new(KIND, None, NAME),
            reasons: reasons.clone(),
        }
    }
}

pub(crate) fn id(name: &str) -> Id<'_> {
    Id {
        kind: KIND,
        namespace: None,
        name,
    }
}
