//! The server, the watches and the runner around the engine's memory of one object.

use crate::{
    Observed, Phase, Requeue,
    action::{Action, Disturbance, End, Write},
    cast::Cast,
    checks::{Cause, Checks, Delivered},
    digest::Digest,
    engine::{
        conclusion::Status,
        dispatch::Admission,
        memory::{Flags, Key, Tick},
        objects::Objects,
        others::{Concern, Other, Others},
        reason::{Reason, Source},
        sight::{Content, Sight},
        version::Version,
        written::Sent,
    },
    real::{KIND, NAME, Real, Remembered, SECOND, SECOND_NAME, SECOND_UID, UIDS, id},
};
use std::{
    collections::VecDeque,
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// The keys of the children, one after the other, and of the object in what the client reports.
const CHILDREN: Key = 100;

/// An object as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) uid: Key,
    pub(crate) version: u64,
    generation: i64,
    labels: u64,
    pub(crate) phase: Phase,
    since: Option<Tick>,
    pub(crate) is_paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Child {
    key: Key,
    pub(crate) version: u64,
    /// Whether the object is one of its owners; the second always is.
    is_owned: bool,
}

/// An event on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Event<T> {
    Applied(T),
    Deleted(T),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    read: Object,
    reasons: Arc<[Reason]>,
    /// How many writes it has sent.
    writes: u8,
}

/// An answer on its way.
#[derive(Clone, Debug)]
struct Answer {
    writer: Key,
    /// What was written, in which version; `None` if it was refused.
    stored: Option<(Key, u64)>,
    sent: Sent,
    may_be_unchanged: bool,
    reasons: Arc<[Reason]>,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cast: &'static Cast,
    pub(crate) now: Tick,
    versions: u64,
    uids: Key,
    object: Option<Object>,
    children: Key,
    child: Option<Child>,
    watch: VecDeque<Event<Object>>,
    child_watch: VecDeque<Event<Child>>,
    /// What a list has read that is not complete.
    listing: Option<Option<Object>>,
    child_listing: Option<(Option<Child>, u64)>,
    objects: Objects<&'static str>,
    others: Others<&'static str>,
    store: Option<Object>,
    known_child: Option<Child>,
    /// The version of the last event about a child that was delivered.
    child_seen: u64,
    /// When the runner dispatches the object, and the second owner.
    queue: [Option<Tick>; 2],
    run: Option<Run>,
    answer: Option<Answer>,
    remembered: Remembered,
    checks: Checks,
    left: u8,
    seconds: u8,
}

impl World {
    /// An object and its child, created and not listed.
    pub(crate) fn new(cast: &'static Cast, real: &mut Real) -> Self {
        let object = Object {
            uid: UIDS.start,
            version: 2,
            generation: 1,
            labels: 0,
            phase: Phase::Initializing,
            since: None,
            is_paused: false,
        };
        let child = Child {
            key: CHILDREN,
            version: 1,
            is_owned: true,
        };
        let mut world = Self {
            cast,
            now: SECOND,
            versions: 2,
            uids: UIDS.start,
            object: Some(object),
            children: CHILDREN,
            child: cast.has_child.then_some(child),
            watch: VecDeque::new(),
            child_watch: VecDeque::new(),
            listing: None,
            child_listing: None,
            objects: Objects::new(),
            others: Others::new(),
            store: None,
            known_child: None,
            child_seen: 0,
            queue: [None; 2],
            run: None,
            answer: None,
            remembered: Remembered::default(),
            checks: Checks::new(&object),
            left: cast.most,
            seconds: cast.seconds,
        };
        real.load(&world.remembered, world.now);
        world.start_lists(real);
        world.end_child_list(real);
        world.end_list(real);
        world.follow(real).expect("nothing happened yet");
        real.save(&mut world.remembered);
        world
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = Digest::new();
        // What the two trackers know follows from the store and from the known child.
        (
            self.now,
            self.versions,
            self.uids,
            self.object,
            self.children,
            self.child,
        )
            .hash(&mut hasher);
        (&self.watch, &self.child_watch, self.listing, self.child_listing).hash(&mut hasher);
        (self.store, self.known_child, self.child_seen, self.queue, &self.run).hash(&mut hasher);
        if let Some(answer) = &self.answer {
            (answer.writer, answer.stored, answer.sent.deliveries).hash(&mut hasher);
        }
        (&self.remembered, &self.checks, self.left, self.seconds).hash(&mut hasher);
        hasher.finish()
    }

    /// What may happen now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![];
        if self.left > 0 {
            let possible = self.cast.disturbances.iter().filter(|action| self.may(**action));
            actions.extend(possible.map(|action| Action::Disturb(*action)));
        }
        let mut may = |is_so: bool, action| {
            if is_so {
                actions.push(action);
            }
        };
        may(self.object.is_none() && self.uids + 1 < UIDS.end, Action::Create);
        may(!self.watch.is_empty() && self.listing.is_none(), Action::Deliver);
        may(
            !self.child_watch.is_empty() && self.child_listing.is_none(),
            Action::DeliverChild,
        );
        may(self.listing.is_some(), Action::Listed);
        may(self.child_listing.is_some(), Action::ListedChild);
        let is_ready = |at: Option<Tick>| at.is_some_and(|at| at <= self.now);
        // The first reconciles wait for the first lists of all watches.
        let has_begun =
            !self.objects.is_first() && (!self.cast.has_child || self.child_listing.is_none() || self.store.is_some());
        may(
            is_ready(self.queue[0]) && self.run.is_none() && has_begun,
            Action::Dispatch,
        );
        may(is_ready(self.queue[1]) && has_begun, Action::DispatchSecond);
        may(self.seconds > 0, Action::Second);
        let next = self.queue.into_iter().flatten().min();
        may(next.is_some_and(|at| at > self.now), Action::Timer);
        may(self.answer.is_some(), Action::Answer);
        if let Some(run) = self.run.as_ref().filter(|_| self.answer.is_none()) {
            if run.writes < self.cast.writes_of_a_run {
                actions.extend(self.cast.writes.iter().map(|write| Action::Write(*write)));
            }
            actions.extend(self.cast.ends.iter().map(|end| Action::End(*end)));
        }
        actions
    }

    fn may(&self, disturbance: Disturbance) -> bool {
        use Disturbance::{
            Crash, CutOff, Delete, DeleteChild, Disown, Leave, Lose, Nudge, NudgeAll, OtherChild, OtherPhase,
            OtherStatus, Pause, Policy, Relist, RelistChild, Restart, Spec,
        };
        match disturbance {
            Spec | OtherPhase | OtherStatus | Pause | Delete => self.object.is_some(),
            OtherChild | Disown | DeleteChild => self.child.is_some(),
            Nudge | NudgeAll => self.store.is_some(),
            Policy | Crash => true,
            Relist => self.listing.is_none(),
            RelistChild => self.child_listing.is_none(),
            Lose => self.answer.is_some(),
            Leave(_) => self.run.is_some() && self.answer.is_some(),
            CutOff => self.run.is_some(),
            Restart => self.run.is_none(),
        }
    }

    /// Does it; returns what is broken by it.
    pub(crate) fn step(&mut self, action: Action, real: &mut Real) -> Result<(), String> {
        if action == Action::Second {
            self.seconds -= 1;
            self.now += SECOND;
        } else if action == Action::Timer {
            let next = self.queue.into_iter().flatten().min();
            self.now = next.unwrap_or(self.now).max(self.now);
        }
        real.load(&self.remembered, self.now);
        let result = self.act(action, real);
        let result = result.and(self.follow(real));
        real.save(&mut self.remembered);
        result.and_then(|()| self.check())
    }

    fn act(&mut self, action: Action, real: &mut Real) -> Result<(), String> {
        match action {
            Action::Disturb(disturbance) => {
                self.left -= 1;
                self.disturb(disturbance, real);
            }
            Action::Create => {
                self.uids += 1;
                self.versions += 1;
                let object = Object {
                    uid: self.uids,
                    version: self.versions,
                    generation: 1,
                    labels: 0,
                    phase: Phase::Initializing,
                    since: None,
                    is_paused: false,
                };
                self.object = Some(object);
                self.watch.push_back(Event::Applied(object));
            }
            Action::Deliver => self.deliver(real),
            Action::DeliverChild => self.deliver_child(real),
            Action::Listed => self.end_list(real),
            Action::ListedChild => self.end_child_list(real),
            Action::Dispatch => return self.dispatch(real),
            Action::DispatchSecond => return self.dispatch_second(real),
            Action::Write(write) => self.write(write, real),
            Action::Answer => self.answer(real),
            Action::End(end) => self.end(end, real),
            Action::Second | Action::Timer => {}
        }
        Ok(())
    }

    fn disturb(&mut self, disturbance: Disturbance, real: &mut Real) {
        match disturbance {
            Disturbance::Spec => {
                self.change(|object, _| object.generation += 1);
                self.checks.spec(self.versions, Cause::SPEC);
            }
            Disturbance::OtherPhase => {
                let has_since = self.cast.has_since;
                self.change(|object, now| {
                    object.phase = if object.phase == Phase::Failed {
                        Phase::Ready
                    } else {
                        Phase::Failed
                    };
                    object.since = has_since.then_some(now);
                });
                self.checks.phase(self.versions);
            }
            Disturbance::OtherStatus => self.change(|_, _| {}),
            Disturbance::Pause => {
                self.change(|object, _| object.is_paused = !object.is_paused);
                self.checks.spec(self.versions, Cause::ANNOTATION);
            }
            Disturbance::OtherChild => self.change_child(|_| {}),
            Disturbance::Disown => self.change_child(|child| child.is_owned = !child.is_owned),
            Disturbance::DeleteChild => {
                if let Some(child) = self.child.take() {
                    self.versions += 1;
                    let last = Child {
                        version: self.versions,
                        ..child
                    };
                    self.child_watch.push_back(Event::Deleted(last));
                    self.checks.child(self.versions, child.is_owned);
                }
            }
            Disturbance::Delete => {
                if let Some(object) = self.object.take() {
                    self.versions += 1;
                    let last = Object {
                        version: self.versions,
                        ..object
                    };
                    self.watch.push_back(Event::Deleted(last));
                }
            }
            Disturbance::Nudge => self.request(Reason::Requested, real),
            Disturbance::NudgeAll => {
                self.request(Reason::RequestedForAll, real);
                if self.cast.has_child && real.engine.requested(SECOND_UID, Reason::RequestedForAll) {
                    self.trigger(SECOND_NAME);
                }
            }
            Disturbance::Policy => {
                real.replace_policy(&mut self.remembered);
                self.checks.another_policy();
            }
            Disturbance::Relist => {
                self.watch.clear();
                self.listing = Some(self.object);
                self.objects.begin_list();
                self.list(real);
                if self.object != self.store {
                    self.checks.cause(Cause::LIST);
                }
            }
            Disturbance::RelistChild => {
                self.child_watch.clear();
                self.start_child_list();
                // What only a list shows is a change, one's own as well.
                if self.known_child != self.child {
                    let is_owned = [self.child, self.known_child]
                        .into_iter()
                        .flatten()
                        .any(|child| child.is_owned);
                    self.checks.child(self.versions, is_owned);
                }
            }
            Disturbance::Lose => {
                if let Some(answer) = self.answer.take() {
                    real.engine.sent(&real.scope(answer.writer, &answer.reasons));
                    // Its echo counts as someone else's.
                    self.checks.cause(Cause::PHASE.and(Cause::ANNOTATION));
                    if answer.stored.is_some_and(|(key, _)| key >= CHILDREN) {
                        self.checks.cause(Cause::CHILD);
                    }
                }
            }
            Disturbance::Leave(end) => {
                self.end(end, real);
                self.checks.left_a_task();
            }
            Disturbance::CutOff => {
                if let Some(run) = self.run.take() {
                    drop(real.reconcile(run.read.uid, status(&run.read), &run.reasons));
                    self.checks.cut_off();
                }
                // The request is cut off with it.
                if let Some(answer) = self.answer.take() {
                    real.engine.sent(&real.scope(answer.writer, &answer.reasons));
                    self.checks.cause(Cause::PHASE.and(Cause::ANNOTATION).and(Cause::CHILD));
                }
            }
            Disturbance::Restart => {
                self.objects.leave(&real.engine, KIND);
                self.others.leave(&real.engine);
                self.begin_again(real);
            }
            Disturbance::Crash => {
                let policy = self.remembered.policy();
                self.remembered = Remembered::with_policy(policy);
                real.load(&self.remembered, self.now);
                self.answer = None;
                self.run = None;
                self.checks.crash();
                self.begin_again(real);
            }
        }
    }

    fn begin_again(&mut self, real: &mut Real) {
        self.objects = Objects::new();
        self.others = Others::new();
        self.store = None;
        self.known_child = None;
        self.queue = [None; 2];
        self.watch.clear();
        self.child_watch.clear();
        self.checks.begin_again();
        self.start_lists(real);
        // The first reconciles wait for it.
        self.end_child_list(real);
    }

    /// Someone else writes the object.
    fn change(&mut self, change: impl FnOnce(&mut Object, Tick)) {
        if let Some(object) = &mut self.object {
            self.versions += 1;
            object.version = self.versions;
            change(object, self.now);
            self.watch.push_back(Event::Applied(*object));
        }
    }

    fn change_child(&mut self, change: impl FnOnce(&mut Child)) {
        if let Some(child) = &mut self.child {
            let was_owned = child.is_owned;
            self.versions += 1;
            child.version = self.versions;
            change(child);
            self.child_watch.push_back(Event::Applied(*child));
            self.checks.child(self.versions, was_owned || child.is_owned);
        }
    }

    fn request(&mut self, reason: Reason, real: &Real) {
        if let Some(object) = self.store {
            self.checks.request();
            if real.engine.requested(object.uid, reason) {
                self.trigger(NAME);
            }
        }
    }

    fn start_lists(&mut self, real: &Real) {
        self.listing = Some(self.object);
        self.objects.begin_list();
        self.list(real);
        self.start_child_list();
    }

    fn start_child_list(&mut self) {
        self.child_listing = Some((self.child, self.versions));
        self.others.begin_list();
        if let Some(child) = self.child {
            self.others.list(child.key, look(&child));
        }
    }

    /// The first page, with all of its objects.
    fn list(&mut self, real: &Real) {
        if let Some(object) = self.object {
            self.objects.list(&real.engine, || NAME, object.uid, sight(&object));
        }
        if self.cast.has_child {
            self.objects.list(&real.engine, || SECOND_NAME, SECOND_UID, second());
        }
    }

    fn end_list(&mut self, real: &Real) {
        if let Some(listed) = self.listing.take() {
            self.checks.stored(listed.as_ref());
            self.store = listed;
            for name in self.objects.end_list(&real.engine, KIND, |name, _| id(name)) {
                self.trigger(name);
            }
        }
    }

    fn end_child_list(&mut self, real: &Real) {
        if let Some((listed, at)) = self.child_listing.take() {
            self.known_child = listed;
            self.child_seen = at;
            for concern in self.others.end_list(&real.engine) {
                self.concern(&concern, real);
            }
        }
    }

    fn deliver(&mut self, real: &Real) {
        match self.watch.pop_front() {
            Some(Event::Applied(object)) => {
                self.checks.stored(Some(&object));
                self.store = Some(object);
                if self.objects.apply(&real.engine, id(NAME), object.uid, &sight(&object)) {
                    self.trigger(NAME);
                }
            }
            Some(Event::Deleted(object)) => {
                self.checks.stored(None);
                self.store = None;
                self.objects.delete(&real.engine, KIND, object.uid);
            }
            None => {}
        }
    }

    fn deliver_child(&mut self, real: &Real) {
        let concern = match self.child_watch.pop_front() {
            Some(Event::Applied(child)) => {
                self.known_child = Some(child);
                self.child_seen = child.version;
                self.others.apply(&real.engine, child.key, look(&child))
            }
            Some(Event::Deleted(child)) => {
                self.known_child = None;
                self.child_seen = child.version;
                Some(self.others.delete(&real.engine, child.key, look(&child)))
            }
            None => None,
        };
        if let Some(concern) = concern {
            self.concern(&concern, real);
        }
    }

    fn concern(&mut self, concern: &Concern<&'static str>, real: &Real) {
        let (store, is_first) = (self.store, self.objects.is_first());
        let key_of = |name: &str| match name == NAME {
            true => store.map(|object| object.uid),
            false => (!is_first).then_some(SECOND_UID),
        };
        for name in real.concern(concern, key_of) {
            self.trigger(name);
        }
    }

    fn trigger(&mut self, name: &str) {
        self.schedule(usize::from(name == SECOND_NAME), self.now);
    }

    /// Of two timers of one object the earlier counts.
    fn schedule(&mut self, which: usize, at: Tick) {
        self.queue[which] = Some(self.queue[which].map_or(at, |before| before.min(at)));
    }

    fn requeue(&mut self, which: usize, requeue: Requeue) {
        if let Requeue::After(after) = requeue {
            self.schedule(which, self.now + after.as_nanos().div_ceil(1000) as Tick);
        }
    }

    /// Does what the engine asked for beside its answers.
    fn follow(&mut self, real: &mut Real) -> Result<(), String> {
        let asked = real.asked();
        for object in asked.triggers {
            // What is gone is not triggered.
            if object.name() == SECOND_NAME || self.store.is_some() {
                self.trigger(object.name());
            }
        }
        if asked.throttled {
            if self.store.is_some_and(|object| real.engine.is_throttled(object.uid)) {
                self.trigger(NAME);
            }
            if self.cast.has_child && real.engine.is_throttled(SECOND_UID) {
                self.trigger(SECOND_NAME);
            }
        }
        let policy = &self.cast.policies[self.remembered.policy()];
        self.checks.transitions(&asked.transitions, policy, self.now)
    }

    fn dispatch(&mut self, real: &mut Real) -> Result<(), String> {
        self.queue[0] = None;
        let Some(object) = self.store else { return Ok(()) };
        let before = self.remembered.record(object.uid).cloned();
        match real
            .engine
            .admit(id(NAME), Some(object.uid), &sight(&object), None, false)
        {
            Admission::Run(mut reconcile) => {
                reconcile.has_ended = true;
                let reasons = reconcile.scope.take().map(|scope| scope.reasons).unwrap_or_default();
                let policy = &self.cast.policies[self.remembered.policy()];
                let delivered = self.delivered();
                self.checks.start(&object, &reasons, policy, self.now, delivered)?;
                self.run = Some(Run {
                    read: object,
                    reasons,
                    writes: 0,
                });
            }
            Admission::Decline(requeue) => {
                let flags = real.engine.memory.get(object.uid).unwrap_or_default().flags;
                self.checks.declined(
                    flags,
                    before.is_some_and(|record| record.state.flags.has(Flags::LOOPING)),
                );
                self.requeue(0, requeue);
            }
        }
        Ok(())
    }

    fn delivered(&self) -> Delivered {
        let all_of_children = self.child_watch.is_empty() && self.child_listing.is_none();
        Delivered {
            all_of_object: self.watch.is_empty() && self.listing.is_none(),
            all_of_children,
            child: if all_of_children {
                self.versions
            } else {
                self.child_seen
            },
        }
    }

    fn dispatch_second(&mut self, real: &mut Real) -> Result<(), String> {
        self.queue[1] = None;
        match real
            .engine
            .admit(id(SECOND_NAME), Some(SECOND_UID), &second(), None, false)
        {
            Admission::Run(reconcile) => {
                let delivered = self.delivered();
                let holds = self.checks.start_second(reconcile.reasons(), delivered);
                let requeue = real
                    .engine
                    .succeeded(id(SECOND_NAME), reconcile, Phase::Ready.await_change());
                // A follow-up would be a bug: it writes nothing.
                self.requeue(1, requeue);
                real.asked();
                holds
            }
            Admission::Decline(requeue) => {
                self.requeue(1, requeue);
                Ok(())
            }
        }
    }

    fn write(&mut self, write: Write, real: &mut Real) {
        let Some(run) = &mut self.run else { return };
        run.writes += 1;
        let (read, reasons) = (run.read, run.reasons.clone());
        let request = request(write);
        let Some((_, plural, of_status)) = crate::kube::client::written(&request) else {
            return;
        };
        let sent = Sent {
            deliveries: self.remembered.deliveries(),
            watches: real.engine.watches_of("", plural),
            of_status,
        };
        real.engine.sends(read.uid);
        let mut may_be_unchanged = true;
        let stored = if write == Write::Child {
            may_be_unchanged = self.child.is_some();
            Some(self.write_child())
        } else {
            self.write_object(write, &read)
        };
        self.answer = Some(Answer {
            writer: read.uid,
            stored,
            sent,
            may_be_unchanged,
            reasons,
        });
    }

    fn write_child(&mut self) -> (Key, u64) {
        self.versions += 1;
        let child = match self.child {
            Some(child) => Child {
                version: self.versions,
                ..child
            },
            None => {
                self.children += 1;
                Child {
                    key: self.children,
                    version: self.versions,
                    is_owned: true,
                }
            }
        };
        self.child = Some(child);
        self.child_watch.push_back(Event::Applied(child));
        self.checks.second_child(self.versions);
        (child.key, child.version)
    }

    fn write_object(&mut self, write: Write, read: &Object) -> Option<(Key, u64)> {
        let object = self.object.as_mut()?;
        let phase = match write {
            Write::Status(phase) => phase,
            _ => read.phase,
        };
        let is_another = object.uid != read.uid;
        if write == Write::Same && object.phase == phase {
            let latest = self.watch.is_empty() && self.listing.is_none();
            if !latest {
                self.checks.patched_nothing(object.version);
            }
            return Some((object.uid, object.version));
        }
        self.versions += 1;
        object.version = self.versions;
        let mut is_other_phase = false;
        if write == Write::Spec {
            object.generation += 1;
        } else if write == Write::Label {
            object.labels += 1;
        } else {
            is_other_phase = object.phase != phase;
            if is_other_phase {
                object.since = self.cast.has_since.then_some(self.now);
            }
            object.phase = phase;
        }
        let object = *object;
        self.watch.push_back(Event::Applied(object));
        if write == Write::Spec {
            self.checks.spec(self.versions, Cause::SPEC);
        } else if is_another && is_other_phase {
            // The name is another object's now, and a patch by name changes it.
            self.checks.phase(self.versions);
        } else if is_another {
            self.checks.cause(Cause::PHASE);
        } else if write != Write::Label {
            self.checks.overwrote_phase();
        }
        Some((object.uid, object.version))
    }

    fn answer(&mut self, real: &Real) {
        let Some(answer) = self.answer.take() else { return };
        if let Some((target, version)) = answer.stored {
            let version_then = Version::Number(version);
            let follows_up = real.engine.wrote(
                answer.writer,
                target,
                version_then,
                answer.sent,
                answer.may_be_unchanged,
            );
            if follows_up {
                self.trigger(NAME);
            }
            if self.store.is_some_and(|object| object.uid == target) {
                self.checks.wrote(target, version, self.now);
            }
        }
        real.engine.sent(&real.scope(answer.writer, &answer.reasons));
    }

    fn end(&mut self, end: End, real: &Real) {
        let Some(run) = self.run.take() else { return };
        let reconcile = real.reconcile(run.read.uid, status(&run.read), &run.reasons);
        let requeue = match end.outcome() {
            Ok(outcome) => real.engine.succeeded(id(NAME), reconcile, outcome),
            Err(retry) => {
                real.engine.erred(reconcile);
                let observed = Observed::new(run.read.phase).since(run.read.since.map(time));
                let error = std::io::Error::other("no quota");
                let key = Some(run.read.uid);
                real.engine.error_policy(id(NAME), key, &observed, retry, &error, false)
            }
        };
        self.requeue(0, requeue);
        if self.store.is_some_and(|object| object.uid == run.read.uid) {
            let policy = &self.cast.policies[self.remembered.policy()];
            self.checks
                .end(end, *run.reasons == [Reason::Due], requeue, policy, self.now);
        }
    }

    /// What must always hold.
    fn check(&mut self) -> Result<(), String> {
        let existing = self.store.map(|object| object.uid);
        let second = (self.cast.has_child && !self.objects.is_first()).then_some(SECOND_UID);
        if !self.objects.is_first() && !self.remembered.keys().eq(existing.into_iter().chain(second)) {
            return Err(format!(
                "there is a record of what does not exist, or none of what does: {:?}",
                self.remembered.keys().collect::<Vec<_>>()
            ));
        }
        let is_quiet = self.watch.is_empty()
            && self.child_watch.is_empty()
            && self.listing.is_none()
            && self.child_listing.is_none()
            && self.run.is_none()
            && self.answer.is_none();
        if !is_quiet {
            return Ok(());
        }
        if self.store != self.object {
            return Err("the store does not have the object".to_owned());
        }
        let policy = &self.cast.policies[self.remembered.policy()];
        let record = existing.and_then(|uid| self.remembered.record(uid));
        let second = self.remembered.record(SECOND_UID);
        if let (Some(record), Some(object)) = (record, self.store) {
            self.checks.at_rest(&object, record, self.queue[0], policy, self.now)?;
        }
        if let Some(second) = second {
            self.checks.second_at_rest(second, self.queue[1])?;
        }
        Ok(())
    }

    /// A row of a timeline: what happened, and to what it led.
    pub(crate) fn row(&self, before: &Self, action: Action) -> String {
        let mut row = match action {
            Action::Disturb(disturbance) => format!("someone else, or a fault: {disturbance:?}"),
            Action::Dispatch => "dispatched".to_owned(),
            action => format!("{action:?}"),
        };
        if let (Action::Dispatch, Some(run)) = (action, &self.run) {
            let reasons: Vec<_> = run.reasons.iter().map(ToString::to_string).collect();
            row += &format!(", reconciled for: {}", reasons.join("; "));
        }
        if self.queue[0] != before.queue[0] {
            row += &match self.queue[0] {
                None => " → no timer".to_owned(),
                Some(at) if at <= self.now => " → triggered".to_owned(),
                Some(at) => format!(" → in {}s", (at - self.now) as f64 / SECOND as f64),
            };
        }
        row
    }

    pub(crate) fn covered(&self) -> u32 {
        self.checks.covered
    }
}

fn time(tick: Tick) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000) + Duration::from_micros(tick)
}

fn status(object: &Object) -> Status {
    Status {
        phase: object.phase,
        since: object.since.map(time),
    }
}

fn sight(object: &Object) -> Sight {
    let content = Content {
        generation: Some(object.generation),
        annotations: u64::from(object.is_paused),
        labels: object.labels,
        ..Content::default()
    };
    let observed = Observed::new(object.phase).since(object.since.map(time));
    Sight {
        is_paused: object.is_paused,
        ..Sight::new(Version::Number(object.version), content, &observed)
    }
}

fn second() -> Sight {
    let content = Content {
        generation: Some(1),
        ..Content::default()
    };
    Sight::new(Version::Number(1), content, &Observed::new(Phase::Ready))
}

fn look(child: &Child) -> Other<&'static str> {
    Other {
        version: Version::Number(child.version),
        source: Source::new("Child", None, "c"),
        concerns: if child.is_owned {
            vec![NAME, SECOND_NAME]
        } else {
            vec![SECOND_NAME]
        },
    }
}

/// The request of a write, as the client sees it.
fn request(write: Write) -> http::Request<()> {
    let path = match write {
        Write::Child => "/api/v1/namespaces/default/children/c",
        Write::Spec | Write::Label => "/api/v1/things/a",
        Write::Status(_) | Write::Same => "/api/v1/things/a/status",
        Write::Dry => "/api/v1/things/a/status?dryRun=All",
    };
    http::Request::patch(path).body(()).expect("a request")
}
