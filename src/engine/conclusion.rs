//! What the end of a reconcile means. Pure: what is known, a policy and a time in, a conclusion out.

use super::{
    clock::Wall,
    event::{self, Then},
    memory::{Flags, Key, Phases, Record, State, Tick},
    rate::{Limit, micros},
    trigger::{AT_ONCE, until_tick},
};
use crate::{
    Interval, Observed, Outcome, Phase, Requeue, RequeuePolicy, Retry,
    policy::{interval::LONGEST, slot::Slot},
};
use std::time::{Duration, SystemTime};

const AT_LAST: Duration = Duration::from_nanos(LONGEST);

/// An object's phase, and when it entered that phase as its status says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) phase: Phase,
    pub(crate) since: Option<SystemTime>,
}

/// An explicit delay in place of the phase's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explicit {
    Exactly(Requeue),
    By(Interval),
    Within(Duration),
}

/// An interval in place of a policy's.
struct Only(Interval);

impl RequeuePolicy for Only {
    fn interval(&self, _: Phase) -> Interval {
        self.0
    }
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// The phase that it reported; `None` leaves it to the status, or to what was known before.
    phase: Option<Phase>,
    explicit: Option<Explicit>,
    /// Whether it is an error that is no failure.
    is_later: bool,
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        let (phase, explicit) = match outcome {
            Outcome::Phase(phase) => (Some(phase), None),
            Outcome::PhaseAndRequeue(phase, requeue) => (Some(phase), Some(Explicit::Exactly(requeue))),
            Outcome::PhaseAndInterval(phase, interval) => (Some(phase), Some(Explicit::By(interval))),
            Outcome::PhaseWithin(phase, delay) => (Some(phase), Some(Explicit::Within(delay))),
            Outcome::Requeue(requeue) => (None, Some(Explicit::Exactly(requeue))),
            Outcome::Unchanged => (None, None),
        };
        Self {
            phase,
            explicit,
            is_later: false,
        }
    }
}

impl From<Retry> for End {
    fn from(retry: Retry) -> Self {
        let exactly = |requeue| Some(Explicit::Exactly(requeue));
        let (phase, explicit) = match retry {
            Retry::Backoff => (Some(Phase::Failed), None),
            Retry::After(delay) => (Some(Phase::Failed), exactly(Requeue::After(delay))),
            Retry::Later(delay) => (None, exactly(Requeue::After(delay))),
            Retry::Never => (Some(Phase::Failed), exactly(Requeue::AwaitChange)),
            Retry::As(outcome) => return outcome.into(),
        };
        Self {
            phase,
            explicit,
            is_later: phase.is_none(),
        }
    }
}

/// What the end of a reconcile changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transition {
    /// Nothing that was not so before.
    None,
    /// The first failure.
    Failed,
    /// One more failure of the outage that began then.
    StillFailed(SystemTime),
    /// From now on only a change starts a reconcile; the phase began then.
    GaveUp(SystemTime),
    /// The failure that began then is over.
    Recovered(SystemTime),
}

/// What a decision about the end of a reconcile depends on, apart from the object.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) policy: &'a dyn RequeuePolicy,
    pub(crate) limit: Option<Limit>,
    /// The longest interval of all phases.
    pub(crate) longest: Duration,
    pub(crate) wall: Wall,
}

/// A decision about the end of a reconcile, to be kept with [`keep`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conclusion {
    /// The phase by which it was decided.
    pub(crate) phase: Phase,
    reported: Option<Phase>,
    since: Tick,
    now: SystemTime,
    due: Option<Tick>,
    backoff: Option<Tick>,
    succeeded: bool,
    by_status: bool,
    own_delay: bool,
    is_fast: bool,
    follow_up: bool,
    gave_up: bool,
    /// Whether there is an explicit delay in place of the phase's interval.
    pub(crate) is_explicit: bool,
    pub(crate) requeue: Requeue,
    pub(crate) transition: Transition,
}

impl Conclusion {
    /// How long ago a time was; left to the log, because it costs more than a line that nobody reads.
    pub(crate) fn after(&self, since: SystemTime) -> Duration {
        self.now.duration_since(since).unwrap_or_default()
    }
}

/// Since when the object has been in `phase`, or would be if it entered it now; `read` is its status when the reconcile
/// started.
pub(crate) fn since(state: &State, read: Status, phase: Phase, wall: Wall) -> SystemTime {
    let remembered = (state.phases.reported() == Some(phase)).then(|| wall.at(state.since));
    let latest = Status {
        phase: state.phases.seen().unwrap_or(read.phase),
        since: state.told,
    };
    // A cache that shows an older status does not bring an outage back that a success has ended.
    let ended = state
        .succeeded
        .map(|tick| wall.at(tick))
        .filter(|_| phase == Phase::Failed);
    let mut told = [latest, read]
        .into_iter()
        .filter(|status| status.phase == phase)
        .filter_map(|status| status.since)
        .filter(|told| ended.is_none_or(|ended| *told > ended));
    if phase == Phase::Failed {
        // Whoever knows of a longer outage is right: a status is written late, a memory is lost.
        told.chain(remembered).min().unwrap_or(wall.time)
    } else {
        told.next().or(remembered).unwrap_or(wall.time)
    }
}

/// Decides what follows from the end of a reconcile. Calls the policy, so it must not run under a lock.
pub(crate) fn decide(state: &State, read: Status, end: End, slot: Slot, terms: Terms<'_>) -> Conclusion {
    let (policy, wall) = (terms.policy, terms.wall);
    let reported = state.phases.reported();
    let had_given_up = state.flags.has(Flags::GAVE_UP);
    let before = match reported {
        Some(phase) => phase,
        // By its status alone.
        None if had_given_up => Phase::Failed,
        // Its status said Failed, and no reconcile did: there is no outage.
        None if state.flags.has(Flags::ENDED) => Phase::Ready,
        // An object that is not remembered is what its status said.
        None => read.phase,
    };
    let phase = match end.phase {
        Some(phase) => phase,
        // What is no failure leaves the phase as it was.
        None if end.is_later => before,
        None => state.phases.seen().unwrap_or(read.phase),
    };
    let by_status = end.phase.is_none() && !end.is_later;
    // An interval that the object sets itself is in place of the policy's where it is settled.
    let own = state
        .interval
        .filter(|_| phase == Phase::Ready && state.deleted.is_none());
    let explicit = end
        .explicit
        .or(own.map(|delay| Explicit::Exactly(Requeue::After(delay))));
    let was_awaiting = state.flags.has(Flags::AWAITS_CHANGE);

    let began = since(state, read, phase, wall);
    let observed = |since| Observed::new(phase).since(since).in_slot(slot);
    let mut backoff = state.backoff.filter(|_| phase == Phase::Failed);
    let by_interval = || {
        if let Some(deleted) = state.deleted.filter(|_| phase != Phase::Failed) {
            let observed = Observed::new(Phase::Initializing).since(deleted).in_slot(slot);
            return match policy.requeue(&observed, wall.time) {
                Requeue::AwaitChange => {
                    let interval = policy.interval(Phase::Initializing);
                    Requeue::After(if interval.is_never() {
                        terms.longest
                    } else {
                        interval.longest()
                    })
                }
                requeue => requeue,
            };
        }
        policy.requeue(&observed(began), wall.time)
    };
    let (mut requeue, is_by_interval) = match explicit {
        Some(Explicit::Exactly(requeue)) => (requeue, false),
        Some(Explicit::By(interval)) => (Only(interval).requeue(&observed(began), wall.time), false),
        _ => (by_interval(), true),
    };
    if phase == Phase::Failed && is_by_interval && requeue != Requeue::AwaitChange {
        // A failure with its own delay does not age the backoff.
        if state.flags.has(Flags::OWN_DELAY) {
            backoff = Some(wall.now);
        }
        if let Some(tick) = backoff.filter(|tick| wall.at(*tick) > began) {
            requeue = policy.requeue(&observed(wall.at(tick)), wall.time);
        }
    }
    if let Some(Explicit::Within(delay)) = explicit {
        requeue = requeue.min(Requeue::After(delay));
    }
    let mut due = None;
    if let Requeue::After(delay) = requeue {
        let delay = delay.clamp(AT_ONCE, AT_LAST);
        let at = wall.now.saturating_add(micros(delay));
        let in_backoff = phase == Phase::Failed && before == Phase::Failed && !was_awaiting && state.due > wall.now;
        // A failure by an event inside the backoff adds nothing to it.
        let keeps = in_backoff && explicit.is_none() && state.due < at;
        due = Some(if keeps { state.due } else { at });
        requeue = Requeue::After(if keeps { until_tick(state.due, wall.now) } else { delay });
    }

    let is_stuck = match phase {
        Phase::Initializing => !matches!(explicit, Some(Explicit::Exactly(_) | Explicit::Within(_))),
        Phase::Failed => true,
        Phase::Ready => false,
    };
    // An interval that never comes is what the operator asked for, and no end.
    let is_stuck = is_stuck && (explicit.is_some() || !policy.interval(phase).is_never());
    let says_so = end.phase.is_some() || (by_status && explicit.is_none());
    let gives_up = due.is_none() && says_so && is_stuck;
    let is_said = had_given_up && before == phase;
    let transition = if gives_up && !is_said {
        Transition::GaveUp(began)
    } else if phase == Phase::Failed {
        match before {
            // Whatever the status says, only a report starts an outage.
            _ if end.phase.is_none() => Transition::None,
            _ if gives_up => Transition::StillFailed(began),
            Phase::Failed if !had_given_up => Transition::StillFailed(began),
            // Or it is tried again after all.
            _ => Transition::Failed,
        }
    } else if before == Phase::Failed || (had_given_up && before != phase) {
        Transition::Recovered(since(state, read, before, wall))
    } else {
        Transition::None
    };

    // What a patch that may have changed nothing has hidden is found by one more reconcile.
    let follow_up = due.is_none() && state.flags.has(Flags::UNSURE) && !state.flags.has(Flags::FOLLOW_UP);
    if follow_up {
        due = Some(wall.now.saturating_add(micros(terms.longest)));
        requeue = Requeue::After(terms.longest);
    }
    let is_outage = phase != Phase::Failed || end.phase.is_some() || reported == Some(Phase::Failed);
    let is_fast = match (explicit, requeue) {
        // It is the policy's interval that is shorter.
        (Some(Explicit::Within(most)), Requeue::After(delay)) if delay < most => false,
        (Some(_), Requeue::After(delay)) => terms.limit.is_some_and(|limit| delay < limit.limit.every()),
        _ => false,
    };
    Conclusion {
        phase,
        reported: if is_outage { Some(phase) } else { None },
        since: if reported == Some(phase) { state.since } else { wall.now },
        now: wall.time,
        due,
        backoff,
        succeeded: phase != Phase::Failed && !end.is_later,
        by_status: by_status && end.explicit.is_none(),
        own_delay: match end.is_later {
            true => state.flags.has(Flags::OWN_DELAY),
            false => phase == Phase::Failed && explicit.is_some(),
        },
        is_fast,
        follow_up,
        gave_up: gives_up || (had_given_up && end.phase.is_none() && before == phase),
        is_explicit: explicit.is_some(),
        requeue,
        transition,
    }
}

/// Keeps a decision; the reconcile has ended. Returns what follows from events that were held.
pub(crate) fn keep(record: &mut Record, key: Key, conclusion: &Conclusion, now: Tick) -> Then {
    let state = &mut record.state;
    let seen = state.phases.seen().unwrap_or(conclusion.phase);
    state.phases = Phases::new(seen, conclusion.reported);
    state.since = conclusion.since;
    state.ended = now;
    state.due = conclusion.due.unwrap_or(now);
    state.backoff = conclusion.backoff;
    if conclusion.succeeded {
        state.succeeded = Some(now);
    }
    for (flag, on) in [
        (Flags::AWAITS_CHANGE, conclusion.due.is_none()),
        (Flags::GAVE_UP, conclusion.gave_up),
        (Flags::FAST, conclusion.is_fast),
        (Flags::BY_STATUS, conclusion.by_status),
        (Flags::OWN_DELAY, conclusion.own_delay),
        (Flags::FOLLOW_UP, conclusion.follow_up),
        (
            Flags::DENIED,
            state.flags.has(Flags::DENIED) && conclusion.phase == Phase::Failed,
        ),
        (Flags::RUNNING | Flags::ERRED, false),
        (Flags::ENDED, true),
    ] {
        state.flags.set(flag, on);
    }
    event::release(record, key)
}

/// What an echo of another phase means after a reconcile that left the phase to the status.
pub(crate) fn by_echo(state: &State, echo: Status, slot: Slot, terms: Terms<'_>) -> Conclusion {
    let end = End {
        phase: None,
        explicit: None,
        is_later: false,
    };
    let mut conclusion = decide(state, echo, end, slot, terms);
    if conclusion.due.is_none() && state.flags.has(Flags::FOLLOW_UP) {
        // The one more reconcile is yet to come.
        conclusion.due = Some(state.due);
        conclusion.requeue = Requeue::After(until_tick(state.due, terms.wall.now));
        conclusion.follow_up = true;
    }
    conclusion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interval, RequeueConfig};
    use std::time::UNIX_EPOCH;

    const SECOND: Tick = 1_000_000;
    const HOUR: Duration = Duration::from_secs(3600);

    fn wall(now: Tick, time: Duration) -> Wall {
        Wall {
            time: UNIX_EPOCH + Duration::from_secs(1_800_000_000) + time,
            now,
        }
    }

    /// An outage with this status time, judged after a minute during which the wall clock went on by `stepped`.
    fn after_a_minute(told: bool, stepped: Duration, back: bool) -> (Requeue, Transition) {
        let error = Interval::constant(Duration::from_secs(10))
            .with_factor(2.0)
            .with_max(Duration::from_secs(600))
            .with_deadline(Duration::from_secs(1800));
        let policy = RequeueConfig::default().with_error(error);
        let terms = |wall| Terms {
            policy: &policy,
            limit: None,
            longest: HOUR,
            wall,
        };
        let start = wall(0, HOUR);
        let mut read = Status {
            phase: Phase::Ready,
            since: None,
        };
        let mut record = Record::default();
        record.state.phases.see(Phase::Ready);
        let first = decide(
            &record.state,
            read,
            Retry::Backoff.into(),
            Slot::default(),
            terms(start),
        );
        assert_eq!(first.transition, Transition::Failed);
        keep(&mut record, 1, &first, 0);
        if told {
            read = Status {
                phase: Phase::Failed,
                since: Some(start.time),
            };
            record.state.phases.see(Phase::Failed);
            record.state.told = read.since;
        }
        let later = if back {
            HOUR + Duration::from_secs(60) - stepped
        } else {
            HOUR + Duration::from_secs(60) + stepped
        };
        record.state.due = 60 * SECOND;
        let next = decide(
            &record.state,
            read,
            Retry::Backoff.into(),
            Slot::default(),
            terms(wall(60 * SECOND, later)),
        );
        (next.requeue, next.transition)
    }

    #[test]
    fn an_interval_that_never_comes_gives_nothing_up() {
        let policy = RequeueConfig::default()
            .with_error(Interval::never())
            .with_initialization(Interval::never());
        let terms = Terms {
            policy: &policy,
            limit: None,
            longest: HOUR,
            wall: wall(0, HOUR),
        };
        let read = Status {
            phase: Phase::Ready,
            since: None,
        };
        let mut record = Record::default();
        let mut decided = |end: End| {
            let conclusion = decide(&record.state, read, end, Slot::default(), terms);
            keep(&mut record, 1, &conclusion, 0);
            (conclusion.transition, conclusion.requeue)
        };
        let (transition, requeue) = decided(Retry::Backoff.into());
        assert_eq!((transition, requeue), (Transition::Failed, Requeue::AwaitChange));
        let (transition, _) = decided(Retry::Backoff.into());
        assert!(matches!(transition, Transition::StillFailed(_)));
        // A reconciler that says so itself gives it up.
        assert!(matches!(decided(Retry::Never.into()).0, Transition::GaveUp(_)));
        let initializing = || Outcome::from(Phase::Initializing).into();
        assert!(matches!(decided(initializing()).0, Transition::Recovered(_)));
        assert_eq!(decided(initializing()), (Transition::None, Requeue::AwaitChange));
    }

    #[test]
    fn a_step_of_the_clock_neither_reaches_a_deadline_nor_resets_a_delay() {
        let expected = Requeue::After(Duration::from_secs(70));
        for told in [true, false] {
            let (requeue, transition) = after_a_minute(told, Duration::ZERO, false);
            assert_eq!(requeue, expected);
            assert!(matches!(transition, Transition::StillFailed(_)));
            // Backwards, the memory knows better than a status from the future.
            assert_eq!(after_a_minute(told, HOUR, true).0, expected, "{told}");
        }
        // Forwards, an outage without a time in the status is as old as it is.
        assert_eq!(after_a_minute(false, HOUR, false).0, expected);
        // With one, it is as old as the status says, which a restart would find, too.
        assert_eq!(after_a_minute(true, HOUR, false).0, Requeue::AwaitChange);
    }
}
