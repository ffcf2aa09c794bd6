//! The server, the watches and the runner around the engine's memory of one object.

mod others;
mod reconcile;
mod runner;

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
    generation: u64,
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
    is_unsure: bool,
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
    others: Others<&'static str, u64>,
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
            generation: 1,
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
            ChildStatus, Crash, CutOff, Delete, DeleteChild, Disown, Leave, Lose, Nudge, NudgeAll, OtherChild,
            OtherPhase, OtherStatus, Pause, Policy, Relist, RelistChild, Restart, Spec,
        };
        match disturbance {
            Spec | OtherPhase | OtherStatus | Pause | Delete => self.object.is_some(),
            OtherChild | ChildStatus | Disown | DeleteChild => self.child.is_some(),
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
        let mut row = action.to_string();
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

fn look(child: &Child) -> Other<&'static str, u64> {
    Other {
        version: Version::Number(child.version),
        source: Source::new("Child", None, "c"),
        meta: child.generation,
        concerns: if child.is_owned {
            [NAME, SECOND_NAME].into()
        } else {
            [SECOND_NAME].into()
        },
    }
}

/// The application wants to hear of nothing but the spec of a child.
fn generation(before: &u64, now: &u64) -> bool {
    before != now
}
