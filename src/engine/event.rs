//! What follows from an event: whether it is a change, an echo or nothing. Pure: a record and an event in, an answer out.

use super::{
    echo,
    memory::{Event, Flags, Held, Key, Record, State, Write},
    reason::{Changes, Reason},
    sight::Sight,
};
use crate::Phase;
use std::time::SystemTime;

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
        state.flags.set(Flags::THROTTLED | Flags::WAITING, false);
        if state.flags.has(Flags::ERRED) {
            state.flags.set(Flags::ERRED | Flags::RUNNING, false);
        }
        state.version = sight.version;
        state.delivered = delivered;
        let is_resumed = state.flags.has(Flags::PAUSED) && !sight.is_paused;
        return want(record, if is_resumed { Reason::Resumed } else { Reason::New });
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
        state.interval = sight.interval;
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
            Then::Nothing(why) if matches!(all, Then::Nothing(_)) => all = Then::Nothing(why),
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
        state.interval = sight.interval;
    }
    state
}

fn judge(record: &mut Record, key: Key, held: Held, relisted: bool) -> Then {
    match held.what {
        Event::Itself(sight) => {
            let own = if relisted {
                None
            } else {
                echo::take(record, key, held.version, held.delivered)
            };
            echo::skip(record, key, held.version, relisted);
            changed(record, &sight, own, relisted)
        }
        Event::Other { key: other, reason } => {
            let own = if relisted {
                None
            } else {
                echo::take(record, other, held.version, held.delivered)
            };
            echo::skip(record, other, held.version, relisted);
            match own {
                Some(_) => Then::Nothing(Why::Echo),
                None => want(record, reason),
            }
        }
    }
}

/// Compares a version of the object with what the last reconcile saw, reported, or an echo has shown since.
fn changed(record: &mut Record, sight: &Sight, own: Option<Write>, relisted: bool) -> Then {
    let awaits_echo = record.awaits_echo();
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
    state.interval = sight.interval;
    let mut then = Then::Nothing(Why::Status);
    if let Some(own) = own {
        then = Then::Nothing(Why::Echo);
        // A write of the status leaves labels and annotations alone: what it shows of them is someone else's.
        changes = changes.without(if own.of_status { Changes::STATUS } else { Changes::SOFT });
        state.content.take_echo(&sight.content, own.of_status);
        // Of several writes the last one counts.
        let by_status = state.flags.has(Flags::BY_STATUS) && !state.flags.has(Flags::RUNNING) && !awaits_echo;
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
