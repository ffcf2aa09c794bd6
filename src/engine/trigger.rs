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
    if !is_new && (sight.version == state.version || sight.version.is_before(state.version)) {
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
    if limit.is_none_or(|limit| state.bucket.is_full(limit, now)) {
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
