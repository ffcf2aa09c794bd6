//! Whether a trigger needs a run. Pure: a record and a time in, a verdict out.

use crate::{
    MaxRate, Phase, RateLimit, Requeue,
    adapter::memory::{Flags, Phases, Record, Tick},
    fleet::Places,
    interval::SHORTEST,
    rate::Rate,
};
use std::time::Duration;

/// kube-runtime starts an error's delay just before it asks the error policy for it, so that timer fires a little early.
const TOLERANCE: Tick = 1000;

pub(super) const AT_ONCE: Duration = Duration::from_nanos(SHORTEST);

/// An object as a trigger finds it in the controller's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// Hash of the resource version.
    pub(crate) version: u32,
    /// Hash of all that must wake the reconciler but the phase; `None` where the object has no generation, so that any
    /// change may.
    pub(crate) print: Option<u64>,
    pub(crate) phase: Phase,
}

/// What to do with a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Run(Cause),
    /// Nothing calls for a run before the object is due.
    Postpone(Requeue),
    /// A run is called for, but the rate limit is used up; `first` since the object last rested.
    Hold {
        after: Duration,
        first: bool,
    },
    /// It is due, but the fleet's rate is used up: it gets a place.
    Place {
        after: Duration,
    },
}

/// What a run is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A timer, or one that comes together with it.
    Due,
    /// An object that is not remembered.
    New,
    /// A change of the object.
    Changed,
    /// A related object, or the application itself, asked for it.
    News,
    /// Nothing is new: another object, or a trigger by hand.
    Other,
    /// What the rate limit or a pause had held back, or what was cut off.
    Held,
}

/// What bounds the runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    pub(crate) of_object: Option<RateLimit>,
    pub(crate) of_fleet: Option<(MaxRate, &'a Places)>,
}

/// Decides on a trigger and records it. `news` says that a related object, or the application itself, asked for a run.
pub(crate) fn admit(record: &mut Option<Record>, sight: &Sight, news: bool, limits: Limits<'_>, now: Tick) -> Verdict {
    let limit = limits.of_object;
    let Some(record) = record else {
        *record = Some(started(Record::default(), sight, limit, now));
        return Verdict::Run(Cause::New);
    };
    let awaits_change = record.flags.has(Flags::AWAITS_CHANGE);
    let is_due = !awaits_change && record.due <= now + TOLERANCE;
    let is_changed = match sight.print {
        Some(print) => print != record.print,
        None => sight.version != record.version,
    };
    let cause = if is_changed || is_phase_news(record, sight.phase) {
        Some(Cause::Changed)
    } else if news {
        Some(Cause::News)
    } else if record.flags.has(Flags::HELD | Flags::PAUSED | Flags::RUNNING) {
        // A run that never ended was cut off, and what it was to do is not done.
        Some(Cause::Held)
    } else if is_due {
        Some(Cause::Due)
    } else {
        // Nothing changed: the cause is another object.
        (sight.version == record.version).then_some(Cause::Other)
    };

    let asks_for_a_place = is_due && cause == Some(Cause::Due) && !record.flags.has(Flags::PLACED);
    if let Some((rate, places)) = limits.of_fleet.filter(|_| asks_for_a_place) {
        let place = places.take(rate, now);
        if place > now + TOLERANCE {
            record.version = sight.version;
            record.phases = Phases::new(sight.phase, record.phases.reported());
            record.due = place;
            record.flags.set(Flags::PLACED, true);
            return Verdict::Place {
                after: until(place, now),
            };
        }
    }
    let limit_applies = limit.filter(|_| !is_due && cause.is_some());
    if let Some(place) = limit_applies.and_then(|limit| record.rate.next_place(limit, now)) {
        let first = !record.flags.has(Flags::LOOPING);
        record.version = sight.version;
        record.flags.set(Flags::HELD, true);
        record.flags.set(Flags::PAUSED, false);
        record.flags.set(Flags::LOOPING, true);
        let next = if awaits_change { place } else { place.min(record.due) };
        return Verdict::Hold {
            after: until(next, now),
            first,
        };
    }
    if let Some(cause) = cause {
        let leaves_its_place = record.flags.has(Flags::PLACED) && !is_due;
        if let Some((_, places)) = limits.of_fleet.filter(|_| leaves_its_place) {
            places.give_back(record.due);
        }
        *record = started(*record, sight, limit, now);
        return Verdict::Run(cause);
    }
    record.version = sight.version;
    record.phases = Phases::new(sight.phase, record.phases.reported());
    if awaits_change {
        // Heard of again: the memory of it is not to age out.
        record.due = now;
        return Verdict::Postpone(Requeue::AwaitChange);
    }
    Verdict::Postpone(Requeue::After(until(record.due, now)))
}

/// Keeps in mind that a paused object is to run when it is resumed; returns whether it was not paused before.
pub(crate) fn pause(record: &mut Option<Record>, sight: &Sight, now: Tick) -> bool {
    let record = record.get_or_insert_default();
    let first = !record.flags.has(Flags::PAUSED);
    record.flags.set(Flags::PAUSED, true);
    record.version = sight.version;
    // Heard of again: the memory of it is not to age out.
    record.due = record.due.max(now);
    first
}

/// Notes that the watch stream filters this change out, so that it is not taken for a status write when another
/// object's trigger follows.
pub(crate) fn filtered(record: &mut Record, sight: &Sight) {
    if sight.print == Some(record.print) && record.phases.seen() == Some(sight.phase) {
        record.version = sight.version;
    }
}

/// A phase that the last run itself reported is no news when its status write comes back.
fn is_phase_news(record: &Record, phase: Phase) -> bool {
    record.phases.seen() != Some(phase) && record.phases.reported() != Some(phase)
}

pub(super) fn started(mut record: Record, sight: &Sight, limit: Option<RateLimit>, now: Tick) -> Record {
    if record.rate.is_rested(now) {
        record.flags.set(Flags::LOOPING, false);
    }
    record.flags.set(Flags::HELD | Flags::PAUSED | Flags::PLACED, false);
    record.flags.set(Flags::RUNNING, true);
    record.print = sight.print.unwrap_or_default();
    record.version = sight.version;
    record.phases = Phases::new(sight.phase, record.phases.reported());
    record.rate = limit.map_or_else(Rate::default, |limit| record.rate.run(limit, now));
    // Until the run ends the record ages from here.
    record.due = record.due.max(now);
    record
}

#[inline]
pub(super) fn until(due: Tick, now: Tick) -> Duration {
    Duration::from_micros(due.saturating_sub(now)).max(AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGHT: Sight = Sight {
        version: 1,
        print: Some(1),
        phase: Phase::Failed,
    };

    fn of_object(limit: RateLimit) -> Limits<'static> {
        Limits {
            of_object: Some(limit),
            of_fleet: None,
        }
    }

    /// An object that has just run, has used up its limit, and is due in a second.
    fn spent() -> Option<Record> {
        let limit = RateLimit::new(1, Duration::from_secs(60));
        let mut record = None;
        assert_eq!(
            admit(&mut record, &SIGHT, false, of_object(limit), 0),
            Verdict::Run(Cause::New)
        );
        let record = record.map(|mut record| {
            record.due = 1_000_000;
            record.flags.set(Flags::RUNNING, false);
            record
        });
        assert!(record.is_some());
        record
    }

    #[test]
    fn a_timer_that_fires_a_little_early_is_due_and_not_a_loop() {
        let limit = of_object(RateLimit::new(1, Duration::from_secs(60)));
        assert_eq!(
            admit(&mut spent(), &SIGHT, false, limit, 999_500),
            Verdict::Run(Cause::Due)
        );
        let early = admit(&mut spent(), &SIGHT, false, limit, 900_000);
        assert_eq!(
            early,
            Verdict::Hold {
                after: Duration::from_millis(100),
                first: true
            }
        );
    }

    const RATE: MaxRate = MaxRate::new(0.1);

    /// An object that reported `reported` and is due at zero, in a fleet whose next place is 10 s away.
    fn due(sight: &Sight, reported: Phase, places: &Places) -> Option<Record> {
        places.take(RATE, 0);
        let mut record = Some(Record {
            phases: Phases::new(sight.phase, Some(reported)),
            print: sight.print.unwrap_or_default(),
            version: sight.version,
            ..Record::default()
        });
        let verdict = admit(
            &mut record,
            &Sight {
                phase: reported,
                ..*sight
            },
            false,
            of_fleet(places),
            0,
        );
        let after = Duration::from_secs(10);
        assert_eq!(verdict, Verdict::Place { after });
        record
    }

    fn of_fleet(places: &Places) -> Limits<'_> {
        Limits {
            of_object: None,
            of_fleet: Some((RATE, places)),
        }
    }

    #[test]
    fn a_phase_that_comes_back_while_a_timer_waits_is_news() {
        let places = Places::default();
        let mut record = due(&SIGHT, Phase::Ready, &places);
        // The status write came back together with the timer: Failed is what it was before that.
        let verdict = admit(&mut record, &SIGHT, false, of_fleet(&places), 1_000_000);
        assert_eq!(verdict, Verdict::Run(Cause::Changed));
    }

    #[test]
    fn without_a_generation_a_timer_waits_and_a_change_does_not() {
        let sight = Sight { print: None, ..SIGHT };
        let places = Places::default();
        let mut record = due(&sight, sight.phase, &places);
        let changed = Sight { version: 2, ..sight };
        let verdict = admit(&mut record, &changed, false, of_fleet(&places), 1_000_000);
        assert_eq!(verdict, Verdict::Run(Cause::Changed));
    }
}
