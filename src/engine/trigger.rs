//! When an object is reconciled. Pure: a record and a time in, an answer out.

use super::{
    echo,
    memory::{Event, Flags, Held, Key, Record, State, Tick},
    places::Places,
    rate::Limit,
    reason::{Changes, Reason, Reasons},
    sight::Sight,
};
use crate::{MaxRate, Phase, Requeue, policy::interval::SHORTEST};
use std::time::{Duration, SystemTime};

/// kube-runtime starts an error's delay just before it asks the error policy for it, so that timer fires a little early.
const TOLERANCE: Tick = 1000;

/// After how long without a pause an object that is throttled counts as looping.
const LOOPING: Tick = 60_000_000;

pub(super) const AT_ONCE: Duration = Duration::from_nanos(SHORTEST);

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing now.
    Nothing(Why),
    /// The object is triggered.
    Trigger,
    /// The last reconcile left the phase to the status, and its echo shows this one: the timer moves.
    Move(Phase, Option<SystemTime>),
}

/// Why an event triggers nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// This version was seen before.
    Seen,
    /// It is the echo of the controller's own write.
    Echo,
    /// Someone else wrote the status, without a change of phase or fingerprint: the object is looked at when it is due.
    Status,
    /// A reconcile or a timer that is there anyway takes it up.
    Kept,
}

/// What to do with a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Reconcile, for these reasons; `is_stale` where the cache still does not contain the object's own last write.
    Run { reasons: Reasons, is_stale: bool },
    /// Nothing calls for a reconcile before the object is due.
    Postpone(Requeue),
    /// The rate limit is used up; `loops` once, when it has been for a minute.
    Throttle { after: Duration, loops: bool },
    /// The fleet's rate is used up: the object gets a place.
    Place { after: Duration },
    /// The cache does not contain the object's own last write yet.
    Await { after: Duration },
    /// An annotation pauses the object; `first` when it did not before.
    Pause { first: bool },
}

/// What bounds the reconciles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) of_object: Option<Limit>,
    pub(crate) of_fleet: Option<(MaxRate, &'a Places)>,
}

/// How a watch shows a version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// By an event.
    Watched,
    /// In a list, which may hide versions before it.
    Relisted,
    /// In the first list of a controller.
    First,
}

/// A watch shows a version of the object.
pub(crate) fn shown(record: &mut Record, key: Key, sight: &Sight, how: Shown, delivered: u64, is_new: bool) -> Then {
    let relisted = how != Shown::Watched;
    let state = &mut record.state;
    state.flags.set(Flags::WATCHED, true);
    if how == Shown::First && !is_new {
        // Whatever timers there were, they are gone with the controller before.
        state.flags.set(Flags::THROTTLED | Flags::WAITING | Flags::PLACED, false);
        if state.flags.has(Flags::ERRED) {
            state.flags.set(Flags::ERRED | Flags::RUNNING, false);
        }
        state.version = sight.version;
        state.delivered = delivered;
        return want(record, Reason::New);
    }
    // A list may show an older version: after a restore from a backup all are.
    let is_older = !relisted && sight.version.is_before(state.version);
    if !is_new && (sight.version == state.version || is_older) {
        return Then::Nothing(Why::Seen);
    }
    state.version = sight.version;
    state.delivered = delivered;
    state.deleted = sight.deleted;
    if is_new {
        // It has no timer yet.
        state.flags.set(Flags::AWAITS_CHANGE, true);
        state.content = sight.content;
        state.phases.see(sight.phase);
        state.told = sight.since;
        return want(record, Reason::New);
    }
    let awaited = record.pending_mut().and_then(|pending| pending.awaited);
    let is_there = awaited.is_none_or(|(awaited, _)| sight.version.contains(awaited));
    if let Some(pending) = record.pending_mut().filter(|_| is_there) {
        pending.awaited = None;
    }
    let held = Held {
        what: Event::Itself(*sight),
        version: sight.version,
        delivered,
    };
    let then = if record.is_busy() && !relisted {
        match echo::hold(record, held) {
            Some(oldest) => judge(record, key, oldest, false),
            None => Then::Nothing(Why::Kept),
        }
    } else {
        judge(record, key, held, relisted)
    };
    if is_there && record.state.flags.has(Flags::WAITING) {
        record.state.flags.set(Flags::WAITING, false);
        return Then::Trigger;
    }
    then
}

/// A watch shows a version of another object that concerns this one; its deletion, and what only a list shows, are never
/// echoes.
pub(crate) fn related(record: &mut Record, key: Key, held: Held, may_be_echo: bool) -> Then {
    if may_be_echo && record.is_busy() {
        return match echo::hold(record, held) {
            Some(oldest) => judge(record, key, oldest, false),
            None => Then::Nothing(Why::Kept),
        };
    }
    judge(record, key, held, !may_be_echo)
}

/// Judges what was held, now that all answers are there.
pub(crate) fn release(record: &mut Record, key: Key) -> Then {
    if record.is_busy() {
        return Then::Nothing(Why::Kept);
    }
    let held = record.pending_mut().map(|pending| std::mem::take(&mut pending.held));
    let mut all = Then::Nothing(Why::Kept);
    for held in held.into_iter().flatten() {
        match judge(record, key, held, false) {
            Then::Trigger => all = Then::Trigger,
            Then::Move(..) if all == Then::Trigger => {}
            then @ Then::Move(..) => all = then,
            Then::Nothing(_) => {}
        }
    }
    all
}

/// What is known at the end of a reconcile, with the phase that the latest version shows which was held.
pub(crate) fn peek(record: &mut Record) -> State {
    let mut state = record.state;
    let held = record.pending_mut().map(|pending| &pending.held);
    let latest = held.into_iter().flatten().rev().find_map(|held| match &held.what {
        Event::Itself(sight) => Some(sight),
        Event::Other { .. } => None,
    });
    if let Some(sight) = latest {
        state.phases.see(sight.phase);
        state.told = sight.since;
    }
    state
}

fn judge(record: &mut Record, key: Key, held: Held, relisted: bool) -> Then {
    match held.what {
        Event::Itself(sight) => {
            let is_echo = !relisted && echo::take(record, key, held.version, held.delivered);
            echo::skip(record, key, held.version, relisted);
            changed(record, &sight, is_echo, relisted)
        }
        Event::Other { key: other, reason } => {
            let is_echo = !relisted && echo::take(record, other, held.version, held.delivered);
            echo::skip(record, other, held.version, relisted);
            if is_echo { Then::Nothing(Why::Echo) } else { want(record, reason) }
        }
    }
}

/// Compares a version of the object with what the last reconcile saw, reported, or an echo has shown since.
fn changed(record: &mut Record, sight: &Sight, is_echo: bool, relisted: bool) -> Then {
    let state = &mut record.state;
    let anything = relisted || sight.content.generation.is_none();
    let is_other_phase = state.phases.seen() != Some(sight.phase) && state.phases.reported() != Some(sight.phase);
    let mut changes = sight
        .content
        .changes(&state.content)
        .and(Changes::VERSION.when(anything))
        .and(Changes::PHASE.when(is_other_phase));
    state.phases.see(sight.phase);
    state.told = sight.since;
    let mut then = Then::Nothing(Why::Status);
    if is_echo {
        then = Then::Nothing(Why::Echo);
        changes = changes.without(Changes::SOFT);
        state.content.take_echo(&sight.content);
        let by_status = state.flags.has(Flags::BY_STATUS) && !state.flags.has(Flags::RUNNING);
        if by_status && state.phases.reported() != Some(sight.phase) {
            then = Then::Move(sight.phase, sight.since);
        }
    }
    let resumed = state.flags.has(Flags::PAUSED) && !sight.is_paused;
    if resumed {
        return want(record, Reason::Resumed);
    }
    if changes.is_empty() {
        return then;
    }
    want(record, Reason::Changed(changes))
}

/// Keeps a reason until a reconcile starts after it.
pub(crate) fn want(record: &mut Record, reason: Reason) -> Then {
    let is_resumed = reason == Reason::Resumed;
    record.pending().reasons.add(reason);
    let flags = record.state.flags;
    // Where a timer is set, or a resume is yet to come, the reason waits for it.
    let waits = flags.has(Flags::THROTTLED | Flags::WAITING) || (flags.has(Flags::PAUSED) && !is_resumed);
    if waits || flags.has(Flags::RUNNING) {
        Then::Nothing(Why::Kept)
    } else {
        Then::Trigger
    }
}

/// Finds reasons for a trigger of a controller that does not say what it is for. Returns whether another one may have been
/// merged into it and is lost.
pub(crate) fn infer(record: &mut Record, sight: &Sight, requested: bool, is_new: bool, now: Tick) -> bool {
    let state = &mut record.state;
    if state.flags.has(Flags::RUNNING) {
        // It would still run.
        state.flags.set(Flags::RUNNING, false);
        record.pending().reasons.add(Reason::CutOff);
    }
    let state = &mut record.state;
    if is_new {
        state.flags.set(Flags::AWAITS_CHANGE, true);
    }
    let is_same = sight.version == state.version;
    let is_due = is_due(record, now);
    let state = &mut record.state;
    let reason = if is_new {
        Some(Reason::New)
    } else {
        let is_other_phase = state.phases.seen() != Some(sight.phase) && state.phases.reported() != Some(sight.phase);
        let changes = sight
            .content
            .changes(&state.content)
            .and(Changes::VERSION.when(sight.content.generation.is_none() && !is_same))
            .and(Changes::PHASE.when(is_other_phase));
        if !changes.is_empty() {
            Some(Reason::Changed(changes))
        } else if state.flags.has(Flags::PAUSED) && !sight.is_paused {
            Some(Reason::Resumed)
        } else {
            None
        }
    };
    state.version = sight.version;
    state.phases.see(sight.phase);
    state.told = sight.since;
    state.deleted = sight.deleted;
    let has_reasons = record.has_reasons();
    let is_unknown = reason.is_none() && !requested && !is_due && is_same && !has_reasons;
    for reason in reason
        .into_iter()
        .chain(requested.then_some(Reason::Requested))
        .chain(is_unknown.then_some(Reason::Unknown))
    {
        record.pending().reasons.add(reason);
    }
    !record.has_reasons() && !is_due
}

fn is_due(record: &Record, now: Tick) -> bool {
    let state = &record.state;
    let has_timer = !state.flags.has(Flags::AWAITS_CHANGE) || state.flags.has(Flags::PLACED);
    has_timer && state.due <= now.saturating_add(TOLERANCE)
}

/// Decides whether a reconcile starts now, on the object as the cache has it.
pub(crate) fn admit(record: &mut Record, key: Key, sight: &Sight, limits: Limits<'_>, now: Tick) -> Verdict {
    if sight.is_paused {
        let first = !record.state.flags.has(Flags::PAUSED);
        record.state.flags.set(Flags::PAUSED, true);
        return Verdict::Pause { first };
    }
    let is_due = is_due(record, now);
    if !record.has_reasons() && !is_due {
        return Verdict::Postpone(next(record, now));
    }
    let awaited = record.pending_mut().and_then(|pending| pending.awaited);
    let awaited = awaited.filter(|(version, _)| !sight.version.contains(*version));
    if let Some((_, since)) = awaited {
        let until = since.saturating_add(super::rate::micros(echo::LONGEST_WAIT));
        if until > now {
            record.state.flags.set(Flags::WAITING, true);
            return Verdict::Await { after: until_tick(until, now) };
        }
    }
    let is_stale = awaited.is_some();
    let is_for_all = record.pending_mut().is_none_or(|pending| pending.reasons.are_for_all());
    let state = &mut record.state;
    let placed = state.flags.has(Flags::PLACED);
    if let Some((rate, places)) = limits.of_fleet.filter(|_| is_for_all && !placed) {
        let place = places.take(rate, now);
        if place > now.saturating_add(TOLERANCE) {
            state.due = place;
            state.flags.set(Flags::PLACED, true);
            return Verdict::Place { after: until_tick(place, now) };
        }
    }
    // It has its place, and the place is not there yet.
    if is_for_all && placed && !is_due {
        return Verdict::Postpone(Requeue::After(until_tick(state.due, now)));
    }
    let goes_first = is_due && !state.flags.has(Flags::FAST);
    let limit = limits.of_object;
    if limit.is_none_or(|limit| state.bucket.is_rested(limit, now)) {
        state.throttled = None;
        state.flags.set(Flags::LOOPING, false);
    }
    let token = limit.filter(|_| !goes_first).and_then(|limit| state.bucket.next_token(limit, now));
    if let Some(token) = token {
        let since = *state.throttled.get_or_insert(now);
        let loops = now.saturating_sub(since) >= LOOPING && !state.flags.has(Flags::LOOPING);
        state.flags.set(Flags::LOOPING, state.flags.has(Flags::LOOPING) || loops);
        state.flags.set(Flags::THROTTLED, true);
        let has_timer = !state.flags.has(Flags::AWAITS_CHANGE) && state.due > now;
        let until = if has_timer { token.min(state.due) } else { token };
        return Verdict::Throttle { after: until_tick(until, now), loops };
    }
    if let Some((_, places)) = limits.of_fleet.filter(|_| placed && !is_due) {
        places.give_back(state.due);
    }
    if let Some(limit) = limit {
        state.bucket = state.bucket.take(limit, now);
    }
    let reasons = start(record, key, sight, is_due, now);
    Verdict::Run { reasons, is_stale }
}

/// A reconcile starts: all that happened before is seen by it.
fn start(record: &mut Record, key: Key, sight: &Sight, is_due: bool, now: Tick) -> Reasons {
    let state = &mut record.state;
    let follows_up = is_due && state.flags.has(Flags::FOLLOW_UP);
    state.flags.set(
        Flags::THROTTLED | Flags::WAITING | Flags::PAUSED | Flags::PLACED | Flags::UNSURE | Flags::FAST | Flags::ERRED,
        false,
    );
    state.flags.set(Flags::FOLLOW_UP, follows_up);
    state.flags.set(Flags::RUNNING, true);
    state.content = sight.content;
    state.phases.see(sight.phase);
    state.told = sight.since;
    state.deleted = sight.deleted;
    if !sight.version.is_before(state.version) {
        state.version = sight.version;
    }
    state.due = state.due.max(now);
    let mut reasons = Reasons::default();
    if let Some(pending) = record.pending_mut() {
        pending.awaited = None;
        reasons = std::mem::take(&mut pending.reasons);
        for held in std::mem::take(&mut pending.held) {
            let target = match held.what {
                Event::Itself(_) => key,
                Event::Other { key, .. } => key,
            };
            echo::take(record, target, held.version, held.delivered);
        }
    }
    if is_due {
        reasons.add(Reason::Due);
    }
    reasons
}

/// When the object is due.
fn next(record: &Record, now: Tick) -> Requeue {
    match record.state.flags.has(Flags::AWAITS_CHANGE) {
        true => Requeue::AwaitChange,
        false => Requeue::After(until_tick(record.state.due, now)),
    }
}

#[inline]
pub(super) fn until_tick(due: Tick, now: Tick) -> Duration {
    Duration::from_micros(due.saturating_sub(now)).max(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Observed, RateLimit,
        engine::{
            echo::Answer,
            reason::Source,
            sight::Content,
            version::Version,
        },
    };

    const KEY: Key = 1;
    const CHILD: Key = 2;
    const SECOND: Tick = 1_000_000;

    /// One object, as its controller sees it; every event is one delivery.
    struct World {
        record: Record,
        deliveries: u64,
        limit: Option<RateLimit>,
        places: Places,
        rate: Option<MaxRate>,
    }

    fn seen(version: &str, phase: Phase) -> Sight {
        let content = Content {
            generation: Some(1),
            ..Content::default()
        };
        Sight::new(Version::of(version), content, &Observed::new(phase))
    }

    impl World {
        /// An object that was reconciled at zero, in version "1", and is due at 100 s.
        fn new() -> Self {
            let mut world = Self {
                record: Record::default(),
                deliveries: 0,
                limit: None,
                places: Places::default(),
                rate: None,
            };
            let first = seen("1", Phase::Ready);
            let then = shown(&mut world.record, KEY, &first, Shown::Watched, 1, true);
            assert_eq!(then, Then::Trigger);
            assert!(matches!(world.admit(&first, 0), Verdict::Run { .. }));
            world.ends(100 * SECOND);
            world
        }

        fn ends(&mut self, due: Tick) -> Then {
            let flags = &mut self.record.state.flags;
            flags.set(Flags::RUNNING | Flags::AWAITS_CHANGE, false);
            self.record.state.due = due;
            release(&mut self.record, KEY)
        }

        fn admit(&mut self, sight: &Sight, now: Tick) -> Verdict {
            let limits = Limits {
                of_object: self.limit.map(|limit| Limit { limit, number: 0 }),
                of_fleet: self.rate.map(|rate| (rate, &self.places)),
            };
            admit(&mut self.record, KEY, sight, limits, now)
        }

        fn watched(&mut self, sight: &Sight) -> Then {
            self.deliveries += 1;
            shown(&mut self.record, KEY, sight, Shown::Watched, self.deliveries, false)
        }

        fn child(&mut self, version: &str) -> Then {
            self.deliveries += 1;
            let held = Held {
                what: Event::Other {
                    key: CHILD,
                    reason: Reason::Child(Source::new("ConfigMap", None, "a")),
                },
                version: Version::of(version),
                delivered: self.deliveries,
            };
            related(&mut self.record, KEY, held, true)
        }

        /// The answer to a write that was sent after so many deliveries.
        fn wrote(&mut self, target: Key, version: &str, sent: u64) {
            let version = Version::of(version);
            let state = self.record.state;
            let answer = Answer {
                target,
                version,
                sent,
                watches: 1,
                latest: (target == KEY).then_some((state.version, state.delivered)),
            };
            echo::wrote(&mut self.record, &answer);
            if target == KEY {
                echo::await_write(&mut self.record, version, 0);
            }
        }

        fn reasons(&mut self, sight: &Sight, now: Tick) -> String {
            match self.admit(sight, now) {
                Verdict::Run { reasons, .. } => reasons.to_string(),
                verdict => format!("{verdict:?}"),
            }
        }
    }

    #[test]
    fn an_echo_is_none_whether_it_comes_before_or_after_the_answer() {
        for before in [true, false] {
            for numbers in [["1", "2", "3"], ["a", "b", "c"]] {
                let mut world = World::new();
                world.record.state.version = Version::of(numbers[0]);
                world.record.state.flags.set(Flags::RUNNING, true);
                let sent = world.deliveries;
                let echo = seen(numbers[1], Phase::Failed);
                if before {
                    assert_eq!(world.watched(&echo), Then::Nothing(Why::Kept));
                    world.child("x7");
                }
                world.wrote(KEY, numbers[1], sent);
                world.wrote(CHILD, "x7", sent);
                let then = world.ends(100 * SECOND);
                assert!(matches!(then, Then::Nothing(_)), "{then:?}");
                assert!(!world.record.has_reasons(), "{:?}", world.record);
                if !before {
                    assert_eq!(world.watched(&echo), Then::Nothing(Why::Echo));
                    assert_eq!(world.child("x7"), Then::Nothing(Why::Echo));
                }
                // The same versions are no more than that: what someone else writes next is a change.
                assert_eq!(world.watched(&seen(numbers[2], Phase::Ready)), Then::Trigger);
                assert_eq!(world.reasons(&seen(numbers[2], Phase::Ready), SECOND), "changed: phase");
                assert_eq!(world.child("x8"), Then::Nothing(Why::Kept));
            }
        }
    }

    #[test]
    fn a_version_that_was_there_before_the_request_is_not_its_write() {
        let mut world = World::new();
        world.watched(&seen("2", Phase::Ready));
        let sent = world.deliveries;
        world.record.state.flags.set(Flags::RUNNING, true);
        world.wrote(KEY, "2", sent);
        assert!(world.record.pending_mut().is_none_or(|pending| pending.writes.is_empty()));
        assert!(world.record.pending_mut().is_none_or(|pending| pending.awaited.is_none()));
    }

    #[test]
    fn a_version_that_was_there_before_the_request_is_not_its_write_though_a_later_one_came_before_the_answer() {
        let mut world = World::new();
        world.record.state.flags.set(Flags::RUNNING, true);
        world.watched(&seen("2", Phase::Failed));
        let sent = world.deliveries;
        world.watched(&seen("3", Phase::Failed));
        world.wrote(KEY, "2", sent);
        world.ends(100 * SECOND);
        assert_eq!(world.reasons(&seen("3", Phase::Failed), SECOND), "changed: phase");
    }

    #[test]
    fn a_reconcile_waits_for_the_cache_and_at_most_five_seconds() {
        for (own, other) in [("5", "4"), ("own", "other")] {
            let mut world = World::new();
            world.record.state.flags.set(Flags::RUNNING, true);
            world.wrote(KEY, own, 0);
            world.ends(100 * SECOND);
            want(&mut world.record, Reason::Requested);
            let stale = seen(other, Phase::Ready);
            let after = Duration::from_secs(4);
            assert_eq!(world.admit(&stale, SECOND), Verdict::Await { after });
            // It has its timer, so nothing else dispatches it meanwhile.
            assert_eq!(want(&mut world.record, Reason::Requested), Then::Nothing(Why::Kept));
            let mut late = world.record.clone();
            assert_eq!(world.watched(&stale), Then::Nothing(Why::Status));
            assert_eq!(world.watched(&seen(own, Phase::Ready)), Then::Trigger);
            assert_eq!(world.reasons(&seen(own, Phase::Ready), 2 * SECOND), "requested");
            std::mem::swap(&mut world.record, &mut late);
            let verdict = world.admit(&stale, 5 * SECOND);
            assert!(matches!(verdict, Verdict::Run { is_stale: true, .. }), "{verdict:?}");
        }
    }

    #[test]
    fn of_more_events_than_are_held_none_is_lost() {
        let mut world = World::new();
        world.record.state.flags.set(Flags::RUNNING, true);
        for n in 0..1000 {
            assert!(matches!(world.child(&format!("{n}")), Then::Nothing(_)));
            if n != 300 {
                world.wrote(CHILD, &format!("{n}"), 0);
            }
        }
        let pending = world.record.pending();
        assert!(pending.held.len() <= 256 && pending.writes.len() <= 256);
        world.ends(100 * SECOND);
        assert_eq!(world.reasons(&seen("1", Phase::Ready), SECOND), "child ConfigMap a");
    }

    #[test]
    fn a_due_reconcile_takes_a_token_and_waits_for_none() {
        let mut world = World::new();
        world.limit = Some(RateLimit::new(1, Duration::from_secs(10)));
        let sight = seen("1", Phase::Ready);
        for n in 1..4 {
            let due = n * SECOND;
            world.record.state.due = due;
            // kube-runtime's timers may fire a little early.
            assert_eq!(world.reasons(&sight, due - 500), "due");
            world.ends(due + SECOND);
        }
        want(&mut world.record, Reason::Requested);
        world.record.state.due = 100 * SECOND;
        let verdict = world.admit(&sight, 3 * SECOND);
        let Verdict::Throttle { after, loops: false } = verdict else {
            panic!("{verdict:?}");
        };
        // It owes nothing for the three.
        assert!((9.9..=10.0).contains(&after.as_secs_f64()), "{after:?}");
    }

    #[test]
    fn a_short_explicit_delay_takes_its_turn_by_the_rate_limit() {
        let mut world = World::new();
        world.limit = Some(RateLimit::new(1, Duration::from_secs(10)));
        let sight = seen("1", Phase::Ready);
        world.record.state.due = SECOND;
        assert_eq!(world.reasons(&sight, SECOND), "due");
        world.ends(2 * SECOND);
        world.record.state.flags.set(Flags::FAST, true);
        let after = Duration::from_secs(9);
        assert_eq!(world.admit(&sight, 2 * SECOND), Verdict::Throttle { after, loops: false });
        assert_eq!(world.reasons(&sight, 11 * SECOND), "due");
    }

    #[test]
    fn a_loop_is_said_once_after_a_minute_of_throttling() {
        let mut world = World::new();
        world.limit = Some(RateLimit::new(1, Duration::from_secs(1)));
        let sight = seen("1", Phase::Ready);
        let (mut now, mut said) = (SECOND, vec![]);
        while now < 200 * SECOND {
            want(&mut world.record, Reason::Requested);
            match world.admit(&sight, now) {
                Verdict::Run { .. } => {
                    world.ends(1000 * SECOND);
                }
                Verdict::Throttle { after, loops } => {
                    if loops {
                        said.push(now / SECOND);
                    }
                    now += crate::engine::rate::micros(after);
                }
                verdict => panic!("{verdict:?}"),
            }
        }
        assert_eq!(said, [61]);
        // Once the bucket was full it is said again.
        let rested = 300 * SECOND;
        want(&mut world.record, Reason::Requested);
        assert!(matches!(world.admit(&sight, rested), Verdict::Run { .. }));
        assert!(!world.record.state.flags.has(Flags::LOOPING));
    }

    #[test]
    fn what_the_whole_fleet_is_asked_for_takes_a_place_and_a_change_gives_it_back() {
        let mut world = World::new();
        world.rate = Some(MaxRate::new(0.1));
        let sight = seen("1", Phase::Ready);
        world.places.take(MaxRate::new(0.1), SECOND);
        world.record.state.flags.set(Flags::AWAITS_CHANGE, true);
        assert_eq!(want(&mut world.record, Reason::RequestedForAll), Then::Trigger);
        let after = Duration::from_secs(10);
        assert_eq!(world.admit(&sight, SECOND), Verdict::Place { after });
        let before = world.admit(&sight, 5 * SECOND);
        assert_eq!(before, Verdict::Postpone(Requeue::After(Duration::from_secs(6))));
        let mut changed = world.record.clone();
        assert_eq!(world.reasons(&sight, 11 * SECOND), "requested for all; due");
        std::mem::swap(&mut world.record, &mut changed);
        want(&mut world.record, Reason::Requested);
        assert_eq!(world.reasons(&sight, 6 * SECOND), "requested for all; requested");
        assert_eq!(world.places.take(MaxRate::new(0.1), 6 * SECOND), 11 * SECOND);
    }

    #[test]
    fn what_only_a_list_shows_is_no_echo() {
        let mut world = World::new();
        world.wrote(KEY, "2", world.deliveries);
        let listed = seen("2", Phase::Ready);
        assert_eq!(shown(&mut world.record, KEY, &listed, Shown::Relisted, 9, false), Then::Trigger);
        assert_eq!(world.reasons(&listed, SECOND), "changed: version");
        world.ends(100 * SECOND);
        world.wrote(CHILD, "x7", world.deliveries);
        let held = Held {
            what: Event::Other {
                key: CHILD,
                reason: Reason::Child(Source::new("ConfigMap", None, "a")),
            },
            version: Version::of("x7"),
            delivered: 10,
        };
        assert_eq!(related(&mut world.record, KEY, held, false), Then::Trigger);
        // It is shown, so nothing is left to wait for.
        world.record.tidy();
        assert!(world.record.pending_mut().is_some_and(|pending| pending.writes.is_empty()));
    }

    #[test]
    fn what_an_echo_shows_is_what_the_next_event_is_compared_with() {
        let mut world = World::new();
        let labelled = |version: &str| {
            let mut sight = seen(version, Phase::Ready);
            (sight.content.labels, sight.content.annotations, sight.content.fingerprint) = (7, 8, 9);
            sight
        };
        world.wrote(KEY, "2", world.deliveries);
        assert_eq!(world.watched(&labelled("2")), Then::Nothing(Why::Echo));
        assert_eq!(world.watched(&labelled("3")), Then::Nothing(Why::Status));
        assert_eq!(world.watched(&seen("4", Phase::Ready)), Then::Trigger);
        assert_eq!(world.reasons(&seen("4", Phase::Ready), SECOND), "changed: labels, annotations, fingerprint");
    }

    #[test]
    fn a_phase_that_the_reconcile_reported_is_no_change_whoever_wrote_it() {
        let mut world = World::new();
        world.record.state.phases = super::super::memory::Phases::new(Phase::Ready, Some(Phase::Failed));
        // Its own write, whose answer was lost.
        assert_eq!(world.watched(&seen("2", Phase::Failed)), Then::Nothing(Why::Status));
        assert_eq!(world.watched(&seen("3", Phase::Ready)), Then::Trigger);
    }

    #[test]
    fn after_a_restore_from_a_backup_versions_go_on_from_what_the_list_shows() {
        let mut world = World::new();
        world.watched(&seen("1000", Phase::Ready));
        assert_eq!(world.watched(&seen("999", Phase::Failed)), Then::Nothing(Why::Seen));
        let listed = seen("10", Phase::Ready);
        let then = shown(&mut world.record, KEY, &listed, Shown::Relisted, 9, false);
        assert_eq!(then, Then::Trigger);
        assert_eq!(world.reasons(&listed, SECOND), "changed: version");
        world.ends(100 * SECOND);
        assert_eq!(world.watched(&seen("11", Phase::Failed)), Then::Trigger);
    }

    #[test]
    fn without_a_generation_every_write_but_an_echo_is_a_change() {
        let mut world = World::new();
        let of = |version: &str| {
            let mut sight = seen(version, Phase::Ready);
            sight.content.generation = None;
            sight
        };
        world.record.state.content.generation = None;
        world.wrote(KEY, "2", world.deliveries);
        assert_eq!(world.watched(&of("2")), Then::Nothing(Why::Echo));
        assert_eq!(world.watched(&of("3")), Then::Trigger);
        assert_eq!(world.reasons(&of("3"), SECOND), "changed: version");
    }
}
