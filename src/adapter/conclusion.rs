//! What the end of a run means. Pure: a record, a policy and a time in, a conclusion out.

use super::{
    clock::Clock,
    memory::{Flags, Phases, Record, Tick},
    trigger::{AT_ONCE, Sight, started, until},
};
use crate::{Observed, Phase, Requeue, RequeuePolicy, Slot, interval::LONGEST};
use std::time::{Duration, SystemTime};

const AT_LAST: Duration = Duration::from_nanos(LONGEST);

/// An object's phase, and when it entered that phase as its status says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) phase: Phase,
    pub(crate) since: Option<SystemTime>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// The phase that it reported, or else the one that the object had when it started.
    pub(crate) phase: Phase,
    pub(crate) reported: bool,
    /// What it wished for in place of the phase's interval.
    pub(crate) wish: Option<Requeue>,
}

impl End {
    /// Whether it would be giving up to start no further run by a timer. An initialization may wish to await a change.
    fn is_stuck(self) -> bool {
        self.reported
            && match self.phase {
                Phase::Initializing => self.wish.is_none(),
                Phase::Failed => true,
                Phase::Ready => false,
            }
    }
}

/// What the end of a run is to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Nothing that was not so before.
    None,
    /// The first failure.
    Failed,
    /// One more failure of the outage that began then.
    StillFailed(SystemTime),
    /// From now on only a change starts a run; the phase began then.
    GaveUp(SystemTime),
    /// The failure that began then is over.
    Recovered(SystemTime),
}

/// A decision about the end of a run, to be kept with [`keep`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conclusion {
    phase: Phase,
    since: Tick,
    now: SystemTime,
    due: Option<Tick>,
    again: bool,
    gave_up: bool,
    /// Whether the run wished for something in place of the phase's interval.
    pub(crate) is_wish: bool,
    pub(crate) requeue: Requeue,
    pub(crate) transition: Transition,
}

impl Conclusion {
    /// How long ago a time was; left to the log, because it costs more than a line that nobody reads.
    pub(crate) fn after(&self, since: SystemTime) -> Duration {
        self.now.duration_since(since).unwrap_or_default()
    }
}

/// Since when the object has been in `phase`, or would be if it entered it now.
#[inline]
pub(crate) fn since(record: &Record, status: Status, phase: Phase, clock: &Clock, now: Tick) -> SystemTime {
    let remembered = (record.phases.reported() == Some(phase)).then_some(record.since);
    let told = status.since.filter(|_| status.phase == phase);
    match (phase, told, remembered) {
        // Whoever knows of a longer outage is right: a status is written late, a memory is lost.
        (Phase::Failed, Some(told), Some(remembered)) => told.min(clock.wall(remembered)),
        (_, Some(told), _) => told,
        (_, None, remembered) => clock.wall(remembered.unwrap_or(now)),
    }
}

/// Decides what follows from the end of a run. Calls the policy, so it must not run under a lock.
// Has one caller, and what it returns, 88 bytes, would go through memory.
#[inline(always)]
pub(crate) fn decide(
    record: &Record,
    status: Status,
    end: End,
    slot: Slot,
    policy: &impl RequeuePolicy,
    clock: &Clock,
    now: Tick,
) -> Conclusion {
    // An object that is not remembered is what its status says.
    let reported = record.phases.reported();
    let before = reported.unwrap_or(status.phase);
    let was_awaiting = record.flags.has(Flags::AWAITS_CHANGE);
    let known_since = |phase| since(record, status, phase, clock, now);

    let began = known_since(end.phase);
    let observed = Observed::new(end.phase).since(began).slot(slot);
    let wall = clock.wall(now);
    // Zero is "again, at once", which the rate limit governs as it does a change.
    let again = end.wish == Some(Requeue::After(Duration::ZERO));
    let requeue = match end.wish {
        Some(wish) if !again => wish,
        _ => policy.requeue(&observed, wall),
    };
    let (due, requeue) = match requeue {
        Requeue::AwaitChange => (None, requeue),
        Requeue::After(delay) => {
            let delay = delay.clamp(AT_ONCE, AT_LAST);
            let due = now + delay.as_secs() * 1_000_000 + Tick::from(delay.subsec_micros());
            let in_backoff = end.phase == Phase::Failed && before == Phase::Failed && !was_awaiting && record.due > now;
            // A failure by an event inside the backoff adds nothing to it.
            if in_backoff && end.wish.is_none() && record.due < due {
                (Some(record.due), Requeue::After(until(record.due, now)))
            } else {
                (Some(due), Requeue::After(delay))
            }
        }
    };

    let had_given_up = record.flags.has(Flags::GAVE_UP);
    let gives_up = due.is_none() && end.is_stuck();
    let transition = if gives_up && !(had_given_up && before == end.phase) {
        Transition::GaveUp(began)
    } else if end.phase == Phase::Failed {
        match (before, end.reported) {
            // It was so before the run, and the run says nothing of it.
            (Phase::Failed, false) => Transition::None,
            (Phase::Failed, true) if gives_up || !had_given_up => Transition::StillFailed(began),
            // Or it is tried again after all.
            _ => Transition::Failed,
        }
    } else if before == Phase::Failed || (had_given_up && before != end.phase) {
        Transition::Recovered(known_since(before))
    } else {
        Transition::None
    };

    Conclusion {
        phase: end.phase,
        since: if reported == Some(end.phase) { record.since } else { now },
        now: wall,
        due,
        again,
        is_wish: end.wish.is_some(),
        gave_up: gives_up || (had_given_up && !end.reported && before == end.phase),
        requeue: if again { Requeue::After(AT_ONCE) } else { requeue },
        transition,
    }
}

/// Keeps a decision about an object of which nothing is remembered.
pub(crate) fn keep_anew(record: &mut Option<Record>, sight: &Sight, conclusion: &Conclusion, now: Tick) {
    let record = record.get_or_insert_with(|| started(Record::default(), sight, None, now));
    keep(record, conclusion, now);
}

/// Keeps a decision.
#[inline]
pub(crate) fn keep(record: &mut Record, conclusion: &Conclusion, now: Tick) {
    let seen = record.phases.seen().unwrap_or(conclusion.phase);
    record.phases = Phases::new(seen, Some(conclusion.phase));
    record.since = conclusion.since;
    record.due = conclusion.due.unwrap_or(now);
    record.flags.set(Flags::AWAITS_CHANGE, conclusion.due.is_none());
    record.flags.set(Flags::GAVE_UP, conclusion.gave_up);
    record.flags.set(Flags::HELD, conclusion.again);
    record.flags.set(Flags::RUNNING, false);
}
