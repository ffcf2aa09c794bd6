//! The engine as a controller uses it, in paused time: the watch, the client and the ends of reconciles, each in a thread.

use crate::{
    Interval, Observed, Outcome, Phase, Requeue, RequeueConfig,
    engine::{
        Engine,
        clock::Clock,
        dispatch::{Admission, Reconcile},
        event::Shown,
        memory::Key,
        reason::Reason,
        scope::{Scope, Sending},
        sight::{Content, Sight},
        version::Version,
        wakes::{Id, Wake},
    },
    join,
    policy::slot::Slot,
};
use futures::channel::mpsc::UnboundedReceiver;
use shuttle::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::{cell::RefCell, sync, time::Duration};
use tokio::runtime::{Builder, Runtime};

const UID: &str = "0b1e1e5c-7a0f-4a52-9d3e-000000000001";
const ID: Id<'static> = Id {
    kind: "Thing",
    namespace: None,
    name: "a",
};

/// One object, whose reconcile is under way and has sent a write.
struct World {
    engine: sync::Arc<Engine>,
    wakes: UnboundedReceiver<Wake>,
    reconcile: Option<Reconcile>,
    sending: Option<Sending>,
    was_triggered: Arc<AtomicBool>,
}

fn key() -> Key {
    Slot::of(UID).bits()
}

fn sight(version: u64, generation: i64, phase: Phase) -> Sight {
    let content = Content {
        generation: Some(generation),
        ..Content::default()
    };
    Sight::new(Version::Number(version), content, &Observed::new(phase))
}

/// Admits a trigger of the object as the cache has it.
fn admit(engine: &sync::Arc<Engine>, sight: &Sight) -> Option<Reconcile> {
    match engine.admit(ID, Some(key()), sight, None, false) {
        Admission::Run(reconcile) => Some(reconcile),
        Admission::Decline(_) => None,
    }
}

fn end(engine: &Engine, reconcile: Reconcile, phase: Phase) -> bool {
    let requeue = engine.succeeded(ID, reconcile, Outcome::Phase(phase));
    requeue <= Requeue::After(Duration::from_millis(1))
}

impl World {
    fn new() -> Self {
        thread_local! {
            // All of shuttle's threads are coroutines of one, so all are in this runtime.
            static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
        }
        let handle = RUNTIME.with_borrow_mut(|runtime| {
            let new = || {
                let mut builder = Builder::new_current_thread();
                builder.enable_time().start_paused(true).build().expect("a runtime")
            };
            runtime.get_or_insert_with(new).handle().clone()
        });
        let _guard = handle.enter();
        let engine = Engine::new(sync::Arc::new(RequeueConfig::default()), Clock::start());
        let engine = engine.expect("the default policy is valid");
        engine.watch("example.com", "things");
        let wakes = engine.listen("Thing");
        let first = sight(1, 1, Phase::Ready);
        assert!(engine.shown(ID, key(), &first, Shown::Watched));
        let reconcile = admit(&engine, &first).expect("a new object is reconciled");
        let scope = reconcile.enter(Scope::current).expect("a reconcile has a scope");
        let sending = scope.sends("example.com", "things", true);
        assert!(sending.is_some(), "the kind is watched");
        Self {
            engine,
            wakes,
            reconcile: Some(reconcile),
            sending,
            was_triggered: Arc::default(),
        }
    }

    /// Another thread's share of the engine.
    fn engine(&self) -> sync::Arc<Engine> {
        self.engine.clone()
    }

    /// The watch delivers versions of the object, one after the other.
    fn watch(&self, sights: Vec<Sight>) -> Box<dyn FnOnce() + Send> {
        let (engine, was_triggered) = (self.engine(), self.was_triggered.clone());
        Box::new(move || {
            for sight in sights {
                if engine.shown(ID, key(), &sight, Shown::Watched) {
                    was_triggered.store(true, Ordering::SeqCst);
                }
            }
        })
    }

    /// The answer to the write arrives, and then the reconcile ends.
    fn answer_and_end(&mut self, version: u64, phase: Phase) -> Box<dyn FnOnce() + Send> {
        let (answer, end) = (self.answer(version), self.end(phase));
        Box::new(move || {
            answer();
            end();
        })
    }

    fn answer(&mut self, version: u64) -> Box<dyn FnOnce() + Send> {
        let sending = self.sending.take().expect("one write is under way");
        Box::new(move || sending.answered(UID, &version.to_string(), true))
    }

    fn end(&mut self, phase: Phase) -> Box<dyn FnOnce() + Send> {
        let (engine, was_triggered) = (self.engine(), self.was_triggered.clone());
        let reconcile = self.reconcile.take().expect("one reconcile is under way");
        Box::new(move || {
            if end(&engine, reconcile, phase) {
                was_triggered.store(true, Ordering::SeqCst);
            }
        })
    }

    /// Whether the object is dispatched once more, and then reconciled with this in the cache.
    fn runs_on(mut self, cached: &Sight) -> (bool, bool) {
        let woken = self.wakes.try_recv().is_ok();
        let was_triggered = self.was_triggered.load(Ordering::SeqCst) || woken;
        (was_triggered, admit(&self.engine, cached).is_some())
    }
}

/// The reconcile writes another phase than it reports, so that nothing but the answer tells an echo.
pub(crate) fn an_echo_that_races_with_its_answer_triggers_nothing() {
    let mut world = World::new();
    let echo = sight(2, 1, Phase::Failed);
    join([world.answer_and_end(2, Phase::Ready), world.watch(vec![echo])]);
    assert_eq!(world.runs_on(&echo), (false, false));
}

/// Also where the write is answered after the end, as one of a task that outlives its reconcile.
pub(crate) fn a_change_that_races_with_the_end_of_a_reconcile_is_seen() {
    let mut world = World::new();
    let (echo, changed) = (sight(2, 1, Phase::Failed), sight(3, 2, Phase::Failed));
    join([
        world.answer(2),
        world.end(Phase::Ready),
        world.watch(vec![echo, changed]),
    ]);
    assert_eq!(world.runs_on(&changed), (true, true));
}

/// Someone else writes the status before this reconcile does.
pub(crate) fn a_change_that_races_with_an_answer_is_seen() {
    let mut world = World::new();
    let (foreign, echo) = (sight(2, 1, Phase::Initializing), sight(3, 1, Phase::Failed));
    join([world.answer_and_end(3, Phase::Ready), world.watch(vec![foreign, echo])]);
    assert_eq!(world.runs_on(&echo), (true, true));
}

pub(crate) fn no_late_end_brings_back_what_is_gone() {
    let mut world = World::new();
    let engine = world.engine();
    let gone: Box<dyn FnOnce() + Send> = Box::new(move || engine.gone("Thing", key()));
    join([world.answer_and_end(2, Phase::Ready), gone]);
    assert_eq!((world.engine.memory.len(), world.engine.memory.failing()), (0, 0));
}

/// Several at once start one reconcile, or two where one starts between them.
pub(crate) fn a_request_that_races_with_the_end_of_a_reconcile_is_kept() {
    let mut world = World::new();
    let echo = sight(2, 1, Phase::Ready);
    let runs = Arc::new(AtomicUsize::new(0));
    let request = || -> Box<dyn FnOnce() + Send> {
        let (engine, runs, was_triggered) = (world.engine(), runs.clone(), world.was_triggered.clone());
        Box::new(move || {
            if engine.requested(key(), Reason::Requested) {
                was_triggered.store(true, Ordering::SeqCst);
                if let Some(reconcile) = admit(&engine, &echo) {
                    runs.fetch_add(1, Ordering::SeqCst);
                    end(&engine, reconcile, Phase::Ready);
                }
            }
        })
    };
    let requests = [request(), request()];
    let [one, other] = requests;
    join([world.answer_and_end(2, Phase::Ready), one, other]);
    let was_triggered = world.was_triggered.load(Ordering::SeqCst);
    let runs = runs.load(Ordering::SeqCst) + usize::from(admit(&world.engine, &echo).is_some());
    assert!(was_triggered && (1..=2).contains(&runs), "{was_triggered} {runs}");
}

/// Of two policies at once one is in force whole, while triggers go by it.
pub(crate) fn a_policy_is_replaced_whole() {
    let mut world = World::new();
    let replace = |seconds: u64| -> Box<dyn FnOnce() + Send> {
        let engine = world.engine();
        Box::new(move || {
            let interval = Interval::constant(Duration::from_secs(seconds));
            let config = RequeueConfig::default().with_default(interval).with_error(interval);
            engine.replace(sync::Arc::new(config)).expect("it is valid");
            let policy = engine.policy();
            let intervals = [Phase::Ready, Phase::Failed].map(|phase| policy.interval(phase));
            assert_eq!(intervals[0], intervals[1], "half of one policy and half of another");
        })
    };
    let (one, other) = (replace(60), replace(7200));
    join([one, other, world.end(Phase::Ready)]);
    let in_force = world.engine.policy().interval(Phase::Ready).initial().as_secs();
    assert!([60, 7200].contains(&in_force), "{in_force}");
}
