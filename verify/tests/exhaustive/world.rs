//! The server, the watches, the runner and the controller's memory of one object.

use crate::{
    Interval, Observed, Phase, RateLimit, Requeue, RequeueConfig, RequeuePolicy, Retry,
    action::{Action, End, SCRIPTS, Script, Write},
    engine::{
        clock::Wall,
        conclusion::{self, Conclusion, Status, Terms},
        echo::{self, Answer},
        event::{self, Shown, Then},
        memory::{Event, Flags, Held, Key, Record, Tick},
        rate::Limit,
        reason::{Reason, Source},
        sight::{Content, Sight},
        trigger::{self, Limits, Verdict},
        version::Version,
    },
    policy::slot::Slot,
};
use std::{
    collections::VecDeque,
    time::{Duration, UNIX_EPOCH},
};

const SECOND: Tick = 1_000_000;
const CHILD: Key = 1;

/// An object as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    uid: Key,
    version: u64,
    generation: i64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Seen {
    Applied(Object),
    Deleted(Key),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    script: Script,
    read: Object,
    /// How many writes were sent.
    sent: usize,
    /// The answer that is on its way: target, version, deliveries when it was sent, whether it may have changed nothing.
    answer: Option<(Key, u64, u64, bool)>,
}

/// What is still to be seen by a reconcile, by the version of the change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Unseen {
    object: Option<u64>,
    /// Another phase, which is none if a reconcile reported it.
    phase: Option<u64>,
    child: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Tick,
    versions: u64,
    object: Object,
    child: u64,
    watch: VecDeque<Seen>,
    child_watch: VecDeque<u64>,
    store: Option<Object>,
    known_child: u64,
    record: Option<Record>,
    /// The latest version of the child that was delivered, and the number of that delivery.
    other: Option<(Version, u64)>,
    deliveries: u64,
    queued: bool,
    timer: Option<Tick>,
    run: Option<Run>,
    unseen: Unseen,
    /// Whether anything since the last start of a reconcile may rightly start one.
    excuse: bool,
    /// The controller's own last write to the object that was answered: version, and when.
    own: Option<(u64, Tick)>,
    /// How many actions of others are left.
    foreign: u8,
    relists: u8,
    losses: u8,
}

pub(crate) fn policy() -> RequeueConfig {
    let error = Interval::constant(Duration::from_secs(1))
        .with_factor(2.0)
        .with_max(Duration::from_secs(4));
    RequeueConfig::default()
        .with_default(Duration::from_secs(3))
        .with_error(error)
        .with_rate_limit(RateLimit::new(3, Duration::from_secs(1)))
}

impl World {
    /// An object and its child, created and not delivered.
    pub(crate) fn new(foreign: u8) -> Self {
        let object = Object {
            uid: 10,
            version: 2,
            generation: 1,
            phase: Phase::Ready,
        };
        Self {
            now: SECOND,
            versions: 2,
            object,
            child: 1,
            watch: [Seen::Applied(object)].into(),
            child_watch: [].into(),
            store: None,
            known_child: 1,
            record: None,
            other: Some((Version::Number(1), 0)),
            deliveries: 0,
            queued: false,
            timer: None,
            run: None,
            unseen: Unseen {
                object: Some(2),
                phase: None,
                child: false,
            },
            excuse: true,
            own: None,
            foreign,
            relists: 1,
            losses: 1,
        }
    }

    /// What may happen now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![];
        if self.foreign > 0 {
            actions.extend([
                Action::Spec,
                Action::OtherPhase,
                Action::OtherStatus,
                Action::OtherChild,
                Action::Recreate,
                Action::Nudge,
            ]);
        }
        if !self.watch.is_empty() {
            actions.push(Action::Deliver);
        }
        if !self.child_watch.is_empty() {
            actions.push(Action::DeliverChild);
        }
        if self.relists > 0 {
            if self.watch.len() > 1 {
                actions.push(Action::Relist);
            }
            if !self.child_watch.is_empty() {
                actions.push(Action::RelistChild);
            }
        }
        match &self.run {
            Some(run) => match run.answer {
                Some(_) => {
                    actions.push(Action::Answer);
                    if self.losses > 0 {
                        actions.push(Action::Lose);
                    }
                }
                None if run.sent < run.script.writes.len() => actions.push(Action::Send),
                None => actions.push(Action::End),
            },
            None if self.queued || self.timer.is_some_and(|timer| timer <= self.now) => {
                actions.extend(SCRIPTS.map(Action::Dispatch));
            }
            None => {}
        }
        // Time passes where something waits for it.
        if self.timer.is_some_and(|timer| timer > self.now) || self.run.is_some() {
            actions.push(Action::Second);
        }
        actions
    }

    /// Does it; an error is a property that does not hold.
    pub(crate) fn step(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Spec | Action::OtherPhase | Action::OtherStatus => {
                self.foreign -= 1;
                match action {
                    Action::Spec => self.object.generation += 1,
                    Action::OtherPhase => self.object.phase = other(self.object.phase),
                    _ => {}
                }
                let version = self.store_object();
                match action {
                    Action::Spec => self.unseen.object = Some(version),
                    Action::OtherPhase => self.unseen.phase = Some(version),
                    _ => {}
                }
                // Of a status without another phase nothing follows, but a list may show it.
                self.excuse |= action != Action::OtherStatus;
            }
            Action::OtherChild => {
                self.foreign -= 1;
                self.store_child();
                self.unseen.child = true;
                self.excuse = true;
            }
            Action::Recreate => {
                self.foreign -= 1;
                self.watch.push_back(Seen::Deleted(self.object.uid));
                self.object.uid += 1;
                self.object.generation = 1;
                self.object.phase = Phase::Ready;
                let version = self.store_object();
                self.unseen.object = Some(version);
                self.excuse = true;
            }
            Action::Nudge => {
                self.foreign -= 1;
                self.excuse = true;
                if let (Some(record), Some(_)) = (&mut self.record, self.store) {
                    let then = event::want(record, Reason::Requested);
                    self.follow(then);
                }
            }
            Action::Deliver => {
                if let Some(seen) = self.watch.pop_front() {
                    self.deliveries += 1;
                    match seen {
                        Seen::Applied(object) => self.shown(object, Shown::Watched),
                        Seen::Deleted(_) => {
                            self.store = None;
                            self.record = None;
                        }
                    }
                }
            }
            Action::DeliverChild => {
                if let Some(version) = self.child_watch.pop_front() {
                    self.child_shown(version, true);
                }
            }
            Action::Relist => {
                self.relists -= 1;
                self.watch.clear();
                let object = self.object;
                if self.store.is_some_and(|known| known.uid != object.uid) {
                    self.record = None;
                }
                if self.store.is_none_or(|known| known.version != object.version) {
                    self.excuse = true;
                    self.deliveries += 1;
                    self.shown(object, Shown::Relisted);
                }
            }
            Action::RelistChild => {
                self.relists -= 1;
                self.child_watch.clear();
                if self.known_child != self.child {
                    self.excuse = true;
                    self.child_shown(self.child, false);
                }
            }
            Action::Dispatch(script) => self.dispatch(script)?,
            Action::Send => self.send(),
            Action::Answer => self.answer(),
            Action::Lose => {
                self.losses -= 1;
                self.excuse = true;
                if let Some(run) = &mut self.run {
                    run.answer = None;
                }
            }
            Action::End => self.end(),
            Action::Second => self.now += SECOND,
        }
        self.check()
    }

    fn store_object(&mut self) -> u64 {
        self.versions += 1;
        self.object.version = self.versions;
        self.watch.push_back(Seen::Applied(self.object));
        self.versions
    }

    fn store_child(&mut self) -> u64 {
        self.versions += 1;
        self.child = self.versions;
        self.child_watch.push_back(self.child);
        self.versions
    }

    fn shown(&mut self, object: Object, how: Shown) {
        self.store = Some(object);
        let is_new = self.record.is_none();
        let record = self.record.get_or_insert_default();
        let then = event::shown(record, object.uid, &sight(object), how, self.deliveries, is_new);
        record.tidy();
        self.follow(then);
    }

    fn child_shown(&mut self, version: u64, may_be_echo: bool) {
        self.known_child = version;
        self.deliveries += 1;
        self.other = Some((Version::Number(version), self.deliveries));
        let (Some(record), Some(object)) = (&mut self.record, self.store) else {
            return;
        };
        let held = Held {
            what: Event::Other {
                key: CHILD,
                reason: Reason::Child(Source::new("Child", None, "c")),
            },
            version: Version::Number(version),
            delivered: self.deliveries,
        };
        let then = event::related(record, object.uid, held, may_be_echo);
        record.tidy();
        self.follow(then);
    }

    fn follow(&mut self, then: Then) {
        match then {
            Then::Nothing(_) => {}
            Then::Trigger => self.queued = true,
            Then::Move(phase, since) => {
                let (Some(record), Some(object)) = (&mut self.record, self.store) else {
                    return;
                };
                let policy = policy();
                let status = Status { phase, since };
                let conclusion = conclusion::by_echo(
                    &record.state,
                    status,
                    Slot::from_bits(object.uid),
                    terms(&policy, self.now),
                );
                if !record.state.flags.has(Flags::RUNNING) {
                    conclusion::keep(record, object.uid, &conclusion, self.now);
                }
                self.queued = true;
            }
        }
    }

    fn dispatch(&mut self, script: Script) -> Result<(), String> {
        self.queued = false;
        if self.timer.is_some_and(|timer| timer <= self.now) {
            self.timer = None;
        }
        let Some(object) = self.store else { return Ok(()) };
        let Some(record) = &mut self.record else {
            return Err("an object of the store is not remembered".to_owned());
        };
        let limits = Limits {
            of_object: policy().rate_limit().map(|limit| Limit { limit, number: 0 }),
            of_fleet: None,
        };
        let verdict = trigger::admit(record, object.uid, &sight(object), limits, self.now);
        record.tidy();
        let after = match verdict {
            Verdict::Run { reasons, .. } => {
                if reasons.is_empty() {
                    return Err("a reconcile starts without a reason".to_owned());
                }
                if let Some((version, at)) = self.own {
                    if object.version < version && self.now < at + 5 * SECOND {
                        return Err(format!(
                            "a reconcile starts on version {} of the cache, and the own write was {version}",
                            object.version
                        ));
                    }
                }
                let is_due = reasons.as_slice().contains(&Reason::Due);
                if !is_due && !self.excuse {
                    return Err(format!("an echo starts a reconcile: {reasons}"));
                }
                if self.unseen.object.is_some_and(|version| version <= object.version) {
                    self.unseen.object = None;
                }
                if self.unseen.phase.is_some_and(|version| version <= object.version) {
                    self.unseen.phase = None;
                }
                self.unseen.child = false;
                // What is not delivered yet may still rightly start the next one.
                self.excuse = self.unseen.object.is_some()
                    || self.unseen.phase.is_some()
                    || self.watch.iter().any(|seen| matches!(seen, Seen::Deleted(_)))
                    || self.pending_foreign(object);
                self.run = Some(Run {
                    script,
                    read: object,
                    sent: 0,
                    answer: None,
                });
                return Ok(());
            }
            Verdict::Postpone(Requeue::AwaitChange) | Verdict::Pause { .. } => return Ok(()),
            Verdict::Postpone(Requeue::After(after))
            | Verdict::Throttle { after, .. }
            | Verdict::Place { after }
            | Verdict::Await { after } => after,
        };
        self.schedule(after);
        Ok(())
    }

    /// Whether an event of someone else's change is on its way that the reconcile may have seen only in part.
    fn pending_foreign(&self, read: Object) -> bool {
        let foreign = self.watch.iter().any(|seen| match seen {
            Seen::Applied(object) => object.generation != read.generation || object.phase != read.phase,
            Seen::Deleted(_) => true,
        });
        foreign || !self.child_watch.is_empty()
    }

    fn schedule(&mut self, after: Duration) {
        let at = self.now + after.as_micros() as Tick;
        // Of two timers the earlier wins.
        self.timer = Some(self.timer.map_or(at, |timer| timer.min(at)));
    }

    fn send(&mut self) {
        let Some(run) = &self.run else { return };
        let (write, read, sent) = (run.script.writes[run.sent], run.read, self.deliveries);
        if let Some(record) = &mut self.record {
            record.pending().in_flight += 1;
        }
        let (target, version, may_be_unchanged) = if write == Write::Child {
            (CHILD, self.store_child(), true)
        } else if self.object.uid == read.uid {
            let phase = if write == Write::Failed {
                Phase::Failed
            } else {
                Phase::Ready
            };
            let is_same = write == Write::Same && self.object.phase == phase;
            self.object.phase = phase;
            let version = if is_same {
                self.object.version
            } else {
                self.store_object()
            };
            (self.object.uid, version, true)
        } else {
            // The name is another object's now, and a patch by name hits it: a change of that object.
            self.object.phase = if write == Write::Failed {
                Phase::Failed
            } else {
                Phase::Ready
            };
            let version = self.store_object();
            self.excuse = true;
            (self.object.uid, version, true)
        };
        if let Some(run) = &mut self.run {
            run.sent += 1;
            run.answer = Some((target, version, sent, may_be_unchanged));
        }
    }

    fn answer(&mut self) {
        let now = self.now;
        let Some(run) = &mut self.run else { return };
        let Some((target, version, sent, may_be_unchanged)) = run.answer.take() else {
            return;
        };
        let writer = run.read.uid;
        if target == writer {
            self.own = Some((version, now));
        }
        let Some(record) = self
            .record
            .as_mut()
            .filter(|_| self.store.is_some_and(|store| store.uid == writer))
        else {
            return;
        };
        let latest = match target == CHILD {
            true => self.other,
            false => Some((record.state.version, record.state.delivered)).filter(|_| target == writer),
        };
        let version = Version::Number(version);
        let answer = Answer {
            target,
            version,
            sent,
            watches: 1,
            of_status: target == writer,
            latest,
        };
        if echo::wrote(record, &answer) && may_be_unchanged {
            record.state.flags.set(Flags::UNSURE, true);
        }
        if target == writer {
            echo::await_write(record, version, now);
        }
        record.pending().in_flight -= 1;
        let then = event::release(record, writer);
        record.tidy();
        self.follow(then);
    }

    fn end(&mut self) {
        let Some(run) = self.run.take() else { return };
        let read = Status {
            phase: run.read.phase,
            since: None,
        };
        let end = match run.script.end {
            End::Ready => crate::Outcome::from(Phase::Ready).into(),
            End::Await => Phase::Ready.await_change().into(),
            End::Unit => crate::Outcome::from(()).into(),
            End::Error => Retry::Backoff.into(),
        };
        let uid = run.read.uid;
        let exists = self.store.is_some_and(|store| store.uid == uid);
        let Some(record) = self.record.as_mut().filter(|_| exists) else {
            return;
        };
        // A write whose answer is lost is over, too.
        if let Some(pending) = record.pending_mut() {
            pending.in_flight = 0;
        }
        let policy = policy();
        let state = event::peek(record);
        let conclusion = conclusion::decide(&state, read, end, Slot::from_bits(uid), terms(&policy, self.now));
        let then = conclusion::keep(record, uid, &conclusion, self.now);
        let has_reasons = record.has_reasons();
        record.tidy();
        if has_reasons {
            self.schedule(Duration::from_millis(1));
        } else if let Then::Move(..) = then {
            self.follow(then);
        } else if let Requeue::After(after) = conclusion.requeue {
            self.schedule(after);
        }
    }

    /// What must always hold.
    fn check(&self) -> Result<(), String> {
        let quiet = self.watch.is_empty() && self.child_watch.is_empty() && self.run.is_none() && !self.queued;
        if quiet && self.timer.is_none() {
            let reported = self.record.as_ref().and_then(|record| record.state.phases.reported());
            let is_other_phase = self.unseen.phase.is_some() && reported != Some(self.object.phase);
            if self.unseen.object.is_some() || is_other_phase || self.unseen.child {
                return Err(format!(
                    "a change is not seen by any reconcile, and nothing is pending: {:?}",
                    self.unseen
                ));
            }
            if self.store != Some(self.object) {
                return Err("the store does not have the object".to_owned());
            }
        }
        if self.watch.is_empty() && self.record.is_some() != self.store.is_some() {
            return Err("what exists is not what is remembered".to_owned());
        }
        Ok(())
    }
}

fn terms(policy: &RequeueConfig, now: Tick) -> Terms<'_> {
    Terms {
        policy,
        limit: policy.rate_limit().map(|limit| Limit { limit, number: 0 }),
        longest: Duration::from_secs(5),
        wall: Wall {
            time: UNIX_EPOCH + Duration::from_secs(1_800_000_000) + Duration::from_micros(now),
            now,
        },
    }
}

fn sight(object: Object) -> Sight {
    let content = Content {
        generation: Some(object.generation),
        ..Content::default()
    };
    Sight::new(Version::Number(object.version), content, &Observed::new(object.phase))
}

fn other(phase: Phase) -> Phase {
    match phase {
        Phase::Failed => Phase::Ready,
        _ => Phase::Failed,
    }
}
