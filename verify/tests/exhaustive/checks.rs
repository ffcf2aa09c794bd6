//! What must always hold, judged by what the world knows and the engine does not.

use crate::{
    Phase, Requeue, RequeueConfig, RequeuePolicy as _,
    action::End,
    engine::{
        conclusion::Transition,
        memory::{Flags, Key, Record, Tick},
        rate::micros,
        reason::{Changes, Reason},
    },
    real::SECOND,
    world::Object,
};
use std::hash::{Hash, Hasher};

/// For how long a reconcile waits for the own write at most.
const LONGEST_WAIT: Tick = 5 * SECOND;

/// What may rightly start a reconcile, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cause(u16);

impl Cause {
    pub(crate) const NEW: Self = Self(1);
    pub(crate) const SPEC: Self = Self(2);
    pub(crate) const ANNOTATION: Self = Self(4);
    pub(crate) const PHASE: Self = Self(8);
    /// A list shows another version than the store has.
    pub(crate) const LIST: Self = Self(16);
    pub(crate) const CHILD: Self = Self(32);
    pub(crate) const REQUEST: Self = Self(64);
    pub(crate) const CUT_OFF: Self = Self(128);

    const OF_OBJECT: Self = Self(2 | 4 | 8 | 16);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// What a search must have reached, by the bit of [`Checks::covered`].
pub(crate) const COVERED: [&str; 22] = [
    "new",
    "changed",
    "child",
    "related",
    "requested",
    "requested for all",
    "resumed",
    "cut off",
    "due",
    "a run on a stale cache, after the bound",
    "postponed",
    "throttled",
    "loops",
    "placed",
    "waits for the own write",
    "paused",
    "no transition",
    "failed",
    "still failed",
    "gave up",
    "recovered",
    "a follow-up",
];

#[derive(Clone, Debug)]
pub(crate) struct Checks {
    /// Of the object that the store had last.
    uid: Key,
    causes: Cause,
    second_causes: bool,
    /// Changes that no reconcile has seen, by their versions.
    spec: Option<u64>,
    phase: Option<u64>,
    child: Option<u64>,
    second_child: Option<u64>,
    /// The controller's own last write to the object that was answered: uid, version, and when.
    own: Option<(Key, u64, Tick)>,
    /// A patch changed nothing and returned a version that the watch had not delivered: what that hides is found later.
    hidden: Option<u64>,
    /// What is left of the rate limit, in microseconds, and since when; `None` for all.
    bucket: Option<(Tick, Tick)>,
    /// The last end set a delay that is shorter than the rate limit's pace.
    is_fast: bool,
    /// When the first reconcile failed, and when that had started.
    outage: Option<(Tick, Tick)>,
    started: Tick,
    /// It failed with a retry that never comes.
    never: bool,
    /// The outage may be older than the first failure: a status said so.
    by_status: bool,
    /// The last end set a timer, and no reconcile has started since.
    has_timer: bool,
    /// The last end set none, and how many timers started a reconcile all the same.
    awaits: bool,
    follow_ups: u8,
    /// The answer to a patch of the last reconcile has a version that the watch had not delivered before.
    unsure: bool,
    /// The last reconcile was there for such an answer to the one before.
    is_follow_up: bool,
    /// The last end was followed up without need.
    needless: bool,
    /// A failure of the outage had its own delay.
    own_delay: bool,
    /// No timer may start a reconcile before.
    backoff: Option<Tick>,
    /// In which phase.
    gave_up: Option<Phase>,
    /// What was reached since the world was made.
    pub(crate) covered: u32,
}

impl Hash for Checks {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (
            self.causes,
            self.second_causes,
            self.spec,
            self.phase,
            self.child,
            self.second_child,
        )
            .hash(hasher);
        (self.own, self.hidden, self.bucket, self.is_fast).hash(hasher);
        (self.outage, self.own_delay, self.backoff, self.gave_up).hash(hasher);
        (
            self.uid,
            self.started,
            self.never,
            self.by_status,
            self.has_timer,
            self.awaits,
            self.follow_ups,
            self.unsure,
            self.is_follow_up,
            self.needless,
        )
            .hash(hasher);
    }
}

/// How far the events of the object and of the children were delivered when a reconcile started.
#[derive(Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) all_of_object: bool,
    pub(crate) all_of_children: bool,
    /// The version of the last event about a child.
    pub(crate) child: u64,
}

impl Checks {
    pub(crate) fn new(object: &Object) -> Self {
        Self {
            uid: object.uid,
            causes: Cause::NEW,
            second_causes: false,
            spec: Some(object.version),
            phase: None,
            child: None,
            second_child: None,
            own: None,
            hidden: None,
            bucket: None,
            is_fast: false,
            outage: None,
            started: 0,
            never: false,
            by_status: false,
            has_timer: false,
            awaits: false,
            follow_ups: 0,
            unsure: false,
            is_follow_up: false,
            needless: false,
            own_delay: false,
            backoff: None,
            gave_up: None,
            covered: 0,
        }
    }

    fn cover(&mut self, bit: usize) {
        self.covered |= 1 << bit;
    }

    pub(crate) fn cause(&mut self, cause: Cause) {
        self.causes = self.causes.and(cause);
    }

    pub(crate) fn spec(&mut self, version: u64, cause: Cause) {
        self.spec = Some(version);
        self.cause(cause);
    }

    pub(crate) fn phase(&mut self, version: u64) {
        self.phase = Some(version);
        self.by_status = true;
        self.cause(Cause::PHASE);
    }

    /// The controller's own write has replaced the phase.
    pub(crate) fn overwrote_phase(&mut self) {
        self.phase = None;
    }

    pub(crate) fn child(&mut self, version: u64, is_owned: bool) {
        if is_owned {
            self.child = Some(version);
            self.cause(Cause::CHILD);
        }
        self.second_child(version);
    }

    pub(crate) fn second_child(&mut self, version: u64) {
        self.second_child = Some(version);
        self.second_causes = true;
    }

    pub(crate) fn request(&mut self) {
        self.cause(Cause::REQUEST);
    }

    pub(crate) fn cut_off(&mut self) {
        self.cause(Cause::CUT_OFF);
    }

    pub(crate) fn patched_nothing(&mut self, version: u64) {
        self.hidden = Some(version);
    }

    pub(crate) fn another_policy(&mut self) {
        self.bucket = None;
        // By another deadline it may be tried again, and given up again.
        self.gave_up = None;
    }

    /// The process has ended, with all that it knew.
    pub(crate) fn crash(&mut self) {
        self.bucket = None;
        self.is_fast = false;
        self.gave_up = None;
        self.outage = None;
        self.own_delay = false;
        self.backoff = None;
        self.own = None;
        self.by_status = true;
    }

    /// A controller starts: all is new to it.
    pub(crate) fn begin_again(&mut self) {
        self.cause(Cause::NEW);
        self.second_causes = true;
        self.has_timer = false;
        self.follow_ups = 0;
    }

    /// A task of a reconcile that has ended waits for an answer.
    pub(crate) fn left_a_task(&mut self) {
        self.follow_ups = 0;
        self.awaits = false;
    }

    /// The store has another object, or none.
    pub(crate) fn stored(&mut self, now: Option<&Object>) {
        let Some(object) = now.filter(|now| now.uid != self.uid) else {
            return;
        };
        self.uid = object.uid;
        self.cause(Cause::NEW);
        self.spec = self.spec.max(Some(object.version));
        self.phase = self.phase.filter(|version| *version > object.version);
        self.child = None;
        self.own = None;
        self.hidden = None;
        self.bucket = None;
        self.is_fast = false;
        self.outage = None;
        self.own_delay = false;
        self.backoff = None;
        self.gave_up = None;
        self.by_status = false;
        self.has_timer = false;
        self.awaits = false;
        self.follow_ups = 0;
    }

    /// An answer to a patch has a version that the watch had not delivered. Of one that comes late, or does
    /// not concern the object, a follow-up may be there or not.
    pub(crate) fn is_unsure(&mut self, concerns: bool) {
        self.unsure = true;
        self.is_follow_up |= !concerns;
    }

    pub(crate) fn wrote(&mut self, uid: Key, version: u64, now: Tick) {
        self.own = Some((uid, version, now));
    }

    /// A reconcile starts.
    pub(crate) fn start(
        &mut self,
        object: &Object,
        reasons: &[Reason],
        policy: &RequeueConfig,
        now: Tick,
        delivered: Delivered,
        is_follow_up: bool,
    ) -> Result<(), String> {
        if reasons.is_empty() {
            return Err("a reconcile starts without a reason".to_owned());
        }
        if object.is_paused {
            return Err("a paused object is reconciled".to_owned());
        }
        if let Some((_, version, at)) = self.own.filter(|(uid, ..)| *uid == object.uid) {
            if object.version < version {
                if now < at + LONGEST_WAIT {
                    let read = object.version;
                    return Err(format!(
                        "a reconcile starts on version {read}, older than the own write {version}"
                    ));
                }
                self.cover(9);
            }
        }
        for reason in reasons {
            let (bit, causes) = judge(reason);
            self.cover(bit);
            if causes.is_some_and(|causes| !self.causes.has_any(causes)) {
                return Err(format!("an echo, or nothing, starts a reconcile: {reason}"));
            }
        }
        let by_timer = *reasons == [Reason::Due];
        if let Some(backoff) = self.backoff.filter(|backoff| by_timer && now + 1000 < *backoff) {
            let early = (backoff - now) as f64 / 1e6;
            return Err(format!("a timer starts a reconcile {early} s before the backoff ends"));
        }
        self.follow_ups = if by_timer && self.awaits {
            self.follow_ups + 1
        } else {
            0
        };
        if self.follow_ups > 1 {
            return Err("a timer starts a reconcile again and again, and the object awaits a change".to_owned());
        }
        self.has_timer = false;
        self.started = now;
        self.unsure = false;
        self.is_follow_up = is_follow_up;
        self.take_token(reasons.contains(&Reason::Due) && !self.is_fast, policy, now)?;
        if !by_timer {
            self.gave_up = None;
        }
        self.spec = self.spec.filter(|version| *version > object.version);
        self.phase = self.phase.filter(|version| *version > object.version);
        self.child = self.child.filter(|version| *version > delivered.child);
        self.hidden = self.hidden.filter(|version| *version > object.version);
        self.causes = self.causes.without(Cause::NEW.and(Cause::CUT_OFF).and(Cause::REQUEST));
        if delivered.all_of_object {
            self.causes = self.causes.without(Cause::OF_OBJECT);
        }
        if delivered.all_of_children {
            self.causes = self.causes.without(Cause::CHILD);
        }
        Ok(())
    }

    fn take_token(&mut self, goes_first: bool, policy: &RequeueConfig, now: Tick) -> Result<(), String> {
        let Some(limit) = policy.rate_limit() else {
            return Ok(());
        };
        let every = micros(limit.every());
        let full = every * Tick::from(limit.burst());
        let level = self.bucket.map_or(full, |(level, at)| full.min(level + now - at));
        if level < every && !goes_first {
            return Err("a reconcile starts without a token of the rate limit".to_owned());
        }
        self.bucket = Some((level.saturating_sub(every), now));
        Ok(())
    }

    /// A trigger did not start a reconcile.
    pub(crate) fn declined(&mut self, flags: Flags, looped: bool) {
        let bit = [
            (Flags::PAUSED, 15),
            (Flags::WAITING, 14),
            (Flags::THROTTLED, 11),
            (Flags::PLACED, 13),
        ];
        let bit = bit.into_iter().find(|(flag, _)| flags.has(*flag));
        self.cover(bit.map_or(10, |(_, bit)| bit));
        if flags.has(Flags::LOOPING) && !looped {
            self.cover(12);
        }
    }

    /// The second owner is reconciled.
    pub(crate) fn start_second(&mut self, reasons: &[Reason], delivered: Delivered) -> Result<(), String> {
        for reason in reasons {
            if matches!(reason, Reason::Related(_)) {
                self.cover(3);
                if !self.second_causes {
                    return Err(format!(
                        "an echo, or nothing, starts a reconcile of the second owner: {reason}"
                    ));
                }
            }
        }
        self.second_child = self.second_child.filter(|version| *version > delivered.child);
        if delivered.all_of_children {
            self.second_causes = false;
        }
        Ok(())
    }

    /// A reconcile has ended.
    pub(crate) fn end(&mut self, end: End, by_timer: bool, requeue: Requeue, policy: &RequeueConfig, now: Tick) {
        let explicit = matches!(
            end,
            End::After | End::Within | End::Requeue | End::RetryAfter | End::Later
        );
        let every = policy.rate_limit().map_or(0, |limit| micros(limit.every()));
        self.is_fast = explicit && SECOND < every;
        if matches!(
            end,
            End::Backoff | End::Phase(Phase::Failed) | End::RetryAfter | End::Never
        ) {
            self.outage.get_or_insert((now, self.started));
        }
        self.never = end == End::Never;
        self.backoff = match (end, requeue) {
            // One that an event started changes nothing in it.
            (End::Backoff | End::Phase(Phase::Failed), Requeue::After(_)) => match self.backoff {
                Some(before) if !by_timer => Some(before),
                _ => {
                    let start = self.outage.map_or(now, |(start, _)| start);
                    let error = policy.interval(Phase::Failed);
                    let growth = if self.own_delay { 0.0 } else { error.factor() - 1.0 };
                    let delay = micros(error.initial()) + (growth * (now - start) as f64) as Tick;
                    Some(now + delay.min(micros(error.longest())))
                }
            },
            (End::RetryAfter, _) => Some(now + SECOND),
            _ => None,
        };
        // What an echo shows later may take the timer of the second away.
        self.has_timer = requeue != Requeue::AwaitChange && end != End::Unit;
        self.awaits = matches!(end, End::Await | End::Never);
        let follows_up = matches!(requeue, Requeue::After(delay) if micros(delay) >= SECOND);
        self.needless = end == End::Await && follows_up && !self.unsure;
        match end {
            End::Phase(Phase::Ready | Phase::Initializing) | End::Await | End::After | End::Within => {
                self.outage = None;
                self.own_delay = false;
                self.by_status = false;
            }
            End::Unit | End::Requeue | End::Later => {
                self.own_delay = true;
                self.by_status = true;
            }
            End::Backoff | End::Phase(_) => {}
            _ => self.own_delay = true,
        }
    }

    pub(crate) fn transitions(
        &mut self,
        transitions: &[(Transition, Phase)],
        policy: &RequeueConfig,
        now: Tick,
    ) -> Result<(), String> {
        for (transition, phase) in transitions {
            self.cover(match transition {
                Transition::None => 16,
                Transition::Failed => 17,
                Transition::StillFailed(_) => 18,
                Transition::GaveUp(_) => 19,
                Transition::Recovered(_) => 20,
            });
            if matches!(transition, Transition::GaveUp(_)) {
                if self.gave_up == Some(*phase) {
                    return Err("\"gave up\" is said twice, and nothing called for a reconcile in between".to_owned());
                }
                let deadline = policy.interval(*phase).deadline().map_or(0, micros);
                let is_early = self.outage.is_none_or(|(_, started)| now - started < deadline);
                if *phase == Phase::Failed && is_early && !self.by_status && !self.never {
                    return Err("\"gave up\" is said before the deadline".to_owned());
                }
                self.gave_up = Some(*phase);
            }
            // Or it goes on after all.
            if matches!(transition, Transition::Recovered(_) | Transition::Failed) {
                self.gave_up = None;
            }
        }
        Ok(())
    }

    /// All is delivered, nothing runs.
    pub(crate) fn at_rest(
        &mut self,
        object: &Object,
        record: &Record,
        timer: Option<Tick>,
        policy: &RequeueConfig,
        now: Tick,
    ) -> Result<(), String> {
        if record.state.flags.has(Flags::FOLLOW_UP) {
            self.cover(21);
        }
        if self.needless {
            return Err("a reconcile is followed up, and the watch had delivered what it wrote".to_owned());
        }
        if object.is_paused {
            return Ok(());
        }
        let is_other_phase = self.phase.is_some() && record.state.phases.reported() != Some(object.phase);
        let unseen = [
            ("spec", self.spec.is_some()),
            ("phase", is_other_phase),
            ("child", self.child.is_some()),
        ];
        let unseen = unseen.into_iter().find(|(_, is_unseen)| *is_unseen);
        rest(unseen, record, timer, self.hidden.is_some())?;
        let is_due = !record.state.flags.has(Flags::AWAITS_CHANGE);
        if (self.has_timer || is_due) && timer.is_none() {
            return Err("the object has lost its timer".to_owned());
        }
        if self.unsure && !self.is_follow_up && timer.is_none() {
            return Err("a patch that may have changed nothing is not followed up".to_owned());
        }
        if record.state.flags.has(Flags::WAITING) && timer.is_none_or(|at| at > now) {
            return Err("a reason waits for an own write that the cache contains".to_owned());
        }
        let limit = policy.rate_limit().map_or(0, |limit| micros(limit.every()));
        let bound = now + limit.max(LONGEST_WAIT);
        let is_placed = record.state.flags.has(Flags::PLACED);
        match timer {
            Some(at) if record.has_reasons() && !is_placed && at > bound => {
                Err(format!("a reason waits for {} s", (at - now) / SECOND))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn second_at_rest(&self, record: &Record, timer: Option<Tick>) -> Result<(), String> {
        let unseen = self.second_child.map(|_| ("child of the second owner", true));
        rest(unseen, record, timer, false)
    }
}

fn rest(unseen: Option<(&str, bool)>, record: &Record, timer: Option<Tick>, hidden: bool) -> Result<(), String> {
    match (unseen, timer) {
        (Some((what, _)), None) => Err(format!("a change of the {what} is not seen, and nothing is pending")),
        (Some((what, _)), Some(_)) if !record.has_reasons() && !hidden => {
            Err(format!("a change of the {what} is not seen, and only a timer is left"))
        }
        (None, None) if record.has_reasons() => Err("a reason is kept, and nothing is pending".to_owned()),
        _ => Ok(()),
    }
}

/// What a reason is covered as, and what must have happened for it.
fn judge(reason: &Reason) -> (usize, Option<Cause>) {
    match reason {
        Reason::New => (0, Some(Cause::NEW)),
        Reason::Changed(changes) => {
            let mut causes = Cause::LIST;
            for (is_so, cause) in [
                (changes.generation(), Cause::SPEC),
                (changes.metadata(), Cause::ANNOTATION),
                (changes.observed(), Cause::PHASE),
            ] {
                if is_so {
                    causes = causes.and(cause);
                }
            }
            (1, Some(causes))
        }
        Reason::Child(_) => (2, Some(Cause::CHILD)),
        Reason::Related(_) => (3, None),
        Reason::Requested => (4, Some(Cause::REQUEST)),
        Reason::RequestedForAll => (5, Some(Cause::REQUEST)),
        Reason::Resumed => (6, Some(Cause::ANNOTATION)),
        Reason::CutOff => (7, Some(Cause::CUT_OFF)),
        _ => (8, None),
    }
}

/// What was not reached.
pub(crate) fn missed(covered: u32) -> Vec<&'static str> {
    let all = COVERED.iter().enumerate();
    all.filter(|(bit, _)| covered >> bit & 1 == 0)
        .map(|(_, name)| *name)
        .collect()
}
