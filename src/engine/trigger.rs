//! When an object is reconciled. Pure: a record and a time in, an answer out.

use super::{
    echo,
    memory::{Event, Flags, Key, Record, Tick},
    places::Places,
    rate::Limit,
    reason::{Reason, Reasons},
    sight::Sight,
};
use crate::{MaxRate, Requeue, policy::interval::SHORTEST};
use std::time::Duration;

/// kube-runtime starts an error's delay just before it asks the error policy for it, so that timer fires a little early.
const TOLERANCE: Tick = 1000;

/// After how long without a pause an object that is throttled counts as looping.
const LOOPING: Tick = 60_000_000;

pub(super) const AT_ONCE: Duration = Duration::from_nanos(SHORTEST);

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

/// Whether the object is due, by its interval or by an explicit delay.
pub(super) fn is_due(record: &Record, now: Tick) -> bool {
    let state = &record.state;
    !state.flags.has(Flags::AWAITS_CHANGE) && state.due <= now.saturating_add(TOLERANCE)
}

/// Decides whether a reconcile starts now, on the object as the cache has it.
pub(crate) fn admit(record: &mut Record, key: Key, sight: &Sight, limits: Limits<'_>, now: Tick) -> Verdict {
    if sight.is_paused {
        let first = !record.state.flags.has(Flags::PAUSED);
        record.state.flags.set(Flags::PAUSED, true);
        // No timer is left for which a reason could wait.
        record.state.flags.set(Flags::THROTTLED | Flags::WAITING, false);
        return Verdict::Pause { first };
    }
    record.state.flags.set(Flags::PAUSED, false);
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
            return Verdict::Await {
                after: until_tick(until, now),
            };
        }
    }
    let is_stale = awaited.is_some();
    let is_for_all = record.pending_mut().is_none_or(|pending| pending.reasons.are_for_all());
    let state = &mut record.state;
    let placed = state.flags.has(Flags::PLACED);
    if let Some((rate, places)) = limits.of_fleet.filter(|_| is_for_all && !placed) {
        let place = places.take(rate, now);
        if place > now.saturating_add(TOLERANCE) {
            state.place = place;
            state.flags.set(Flags::PLACED, true);
            return Verdict::Place {
                after: until_tick(place, now),
            };
        }
    }
    let is_early = placed && state.place > now.saturating_add(TOLERANCE);
    if is_for_all && is_early {
        return Verdict::Postpone(Requeue::After(until_tick(state.place, now)));
    }
    let goes_first = is_due && !state.flags.has(Flags::FAST);
    let limit = limits.of_object;
    if limit.is_none_or(|limit| state.bucket.is_rested(limit, now)) {
        state.throttled = None;
        state.flags.set(Flags::LOOPING, false);
    }
    let token = limit
        .filter(|_| !goes_first)
        .and_then(|limit| state.bucket.next_token(limit, now));
    if let Some(token) = token {
        let since = *state.throttled.get_or_insert(now);
        let loops = now.saturating_sub(since) >= LOOPING && !state.flags.has(Flags::LOOPING);
        state
            .flags
            .set(Flags::LOOPING, state.flags.has(Flags::LOOPING) || loops);
        state.flags.set(Flags::THROTTLED, true);
        let has_timer = !state.flags.has(Flags::AWAITS_CHANGE) && state.due > now;
        let until = if has_timer { token.min(state.due) } else { token };
        return Verdict::Throttle {
            after: until_tick(until, now),
            loops,
        };
    }
    if let Some((_, places)) = limits.of_fleet.filter(|_| is_early) {
        places.give_back(state.place);
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
        Flags::THROTTLED | Flags::WAITING | Flags::PLACED | Flags::UNSURE | Flags::FAST | Flags::ERRED,
        false,
    );
    state.flags.set(Flags::FOLLOW_UP, follows_up);
    state.flags.set(Flags::RUNNING, true);
    state.content = sight.content;
    state.phases.see(sight.phase);
    state.told = sight.since;
    state.interval = sight.interval;
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
