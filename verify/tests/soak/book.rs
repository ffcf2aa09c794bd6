//! What is known of every object: the changes that wait to be seen, and the runs that it had a reason for.
//!
//! What it takes depends on the number of objects, not on how long the soak lasts.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cluster::{Histogram, Kind, Lines, Thing};
use kube::ResourceExt as _;
use requeue_policy::{Phase, kube::Reason};

use crate::{
    intervals::{longest, shortest},
    objects::{awaits, is_hopeless, number},
};

/// Timers have whole milliseconds, and the runs are noted by another clock than the crate's.
const EARLY: Duration = Duration::from_millis(5);

/// A change that no run has seen yet. Its value is above that of all changes before it.
#[derive(Debug)]
struct Open {
    kind: Kind,
    value: i64,
    sent: Instant,
    acknowledged: bool,
    disturbed: bool,
}

#[derive(Debug, Default)]
struct Entry {
    uid: String,
    open: Vec<Open>,
    /// Runs that it may have because something changed.
    allowed: u32,
    /// Runs that it had while it was not due.
    woken: u32,
    /// Runs that nothing but events started, as the crate says, and writes of its runs that had no answer.
    by_events: u32,
    unanswered: u32,
    /// The last run left it without a timer, but for one more run, and this is that one.
    is_silent: bool,
    follows_up: bool,
    /// Runs of what awaits a change that nothing called for.
    disturbed: u32,
    due: Option<Instant>,
    phase: Option<Phase>,
    failing_since: Option<Instant>,
    /// Times that it began or ceased to fail, and the last of them.
    transitions: u64,
    last: VecDeque<(Instant, String)>,
}

/// What became of the changes of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) acknowledged: usize,
    /// Not answered, or with an error.
    pub(crate) refused: usize,
    pub(crate) quiet: Histogram,
    /// Sent or seen during a fault or shortly after one.
    pub(crate) disturbed: Histogram,
}

/// Sums over all objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) fates: [Fate; Kind::ALL.len()],
    pub(crate) runs: u64,
    pub(crate) failed_runs: u64,
    /// Runs that were due.
    pub(crate) timers: u64,
    /// Times that an object began or ceased to fail.
    pub(crate) transitions: u64,
    /// Reasons that the clients gave: changes of an object, and of its child.
    pub(crate) changes: u64,
    pub(crate) children: u64,
}

#[derive(Debug)]
struct Pages {
    entries: Vec<Entry>,
    totals: Totals,
    disturbed: bool,
}

/// Shared by the clients that change objects and the reconciler that finds the changes.
#[derive(Debug)]
pub(crate) struct Book(Mutex<Pages>);

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Run {
    number: usize,
    started: Instant,
    /// How many there were before.
    pub(crate) before: u64,
}

impl Book {
    pub(crate) fn new(objects: usize) -> Self {
        Self(Mutex::new(Pages {
            entries: (0..objects).map(|_| Entry::default()).collect(),
            totals: Totals::default(),
            disturbed: false,
        }))
    }

    /// Says whether what is sent or seen from now on may owe its latency to a fault.
    pub(crate) fn set_disturbed(&self, disturbed: bool) {
        self.lock().disturbed = disturbed;
    }

    /// Notes a request that is about to be sent, or sent again, and the value that it changes something to.
    pub(crate) fn sent(&self, number: usize, kind: Kind, value: Option<i64>) {
        let mut pages = self.lock();
        let Pages {
            entries,
            totals,
            disturbed,
        } = &mut *pages;
        let entry = &mut entries[number];
        match kind {
            // What a status says of the outside is no reason to run.
            Kind::Status => {}
            Kind::Child => totals.children += 1,
            _ => totals.changes += 1,
        }
        // Whatever becomes of it.
        entry.allowed += u32::from(kind != Kind::Status);
        if let Some(value) = value {
            entry.open.retain(|open| (open.kind, open.value) != (kind, value));
            entry.open.push(Open {
                kind,
                value,
                sent: Instant::now(),
                acknowledged: false,
                disturbed: *disturbed,
            });
        }
    }

    pub(crate) fn answered(&self, number: usize, kind: Kind, value: i64, acknowledged: bool) {
        let mut pages = self.lock();
        let Pages { entries, totals, .. } = &mut *pages;
        let (fate, open) = (&mut totals.fates[kind as usize], &mut entries[number].open);
        if acknowledged {
            fate.acknowledged += 1;
            let of_it = open.iter_mut().find(|open| (open.kind, open.value) == (kind, value));
            of_it.into_iter().for_each(|open| open.acknowledged = true);
        } else {
            fate.refused += 1;
            open.retain(|open| (open.kind, open.value) != (kind, value));
        }
    }

    /// Whether every change of this object was seen.
    pub(crate) fn is_settled(&self, number: usize) -> bool {
        self.lock().entries[number].open.is_empty()
    }

    /// The changes that were acknowledged and that no run has seen, of each object.
    pub(crate) fn unseen(&self) -> Vec<(usize, Kind, i64)> {
        let pages = self.lock();
        let entries = pages.entries.iter().enumerate();
        entries
            .flat_map(|(number, entry)| entry.open.iter().map(move |open| (number, open)))
            .filter(|(_, open)| open.acknowledged)
            .map(|(number, open)| (number, open.kind, open.value))
            .collect()
    }

    /// How many objects were left in this phase by their last run.
    pub(crate) fn in_phase(&self, phase: Phase) -> usize {
        let pages = self.lock();
        pages.entries.iter().filter(|entry| entry.phase == Some(phase)).count()
    }

    pub(crate) fn begin(&self, thing: &Thing, reasons: &[Reason]) -> Run {
        let (number, uid) = (number(&thing.name_any()), thing.uid().unwrap_or_default());
        let mut pages = self.lock();
        let started = Instant::now();
        let Pages { entries, totals, .. } = &mut *pages;
        let entry = &mut entries[number];
        if entry.uid != uid {
            entry.uid = uid;
            // A late request of a run of its namesake may have written the status of this one: then that is its phase.
            entry.phase = thing.status.as_ref().and_then(|status| status.phase);
            (entry.due, entry.failing_since, entry.is_silent) = (None, None, false);
        }
        let is_event = |reason: &Reason| matches!(reason, Reason::Changed(_) | Reason::Child(_));
        entry.by_events += u32::from(reasons.iter().all(is_event));
        entry.follows_up = entry.is_silent && reasons.contains(&Reason::Due);
        let is_early = entry.due.is_none_or(|due| due > started + EARLY);
        entry.disturbed += u32::from(entry.follows_up && is_early);
        if entry.due.is_some_and(|due| due <= started + EARLY) {
            totals.timers += 1;
        } else {
            entry.woken += 1;
        }
        totals.runs += 1;
        Run {
            number,
            started,
            before: totals.runs - 1,
        }
    }

    /// Notes what a run found: every change up to this value.
    pub(crate) fn saw(&self, run: &Run, kind: Kind, value: i64) {
        let mut pages = self.lock();
        let now_disturbed = pages.disturbed;
        let Pages { entries, totals, .. } = &mut *pages;
        entries[run.number].open.retain(|open| {
            let is_seen = open.kind == kind && open.value <= value && open.sent <= run.started;
            if is_seen {
                let fate = &mut totals.fates[kind as usize];
                let latencies = if open.disturbed || now_disturbed {
                    &mut fate.disturbed
                } else {
                    &mut fate.quiet
                };
                latencies.record(run.started - open.sent);
            }
            !is_seen
        });
    }

    /// Notes the end of a run, and from when on the next one is due.
    pub(crate) fn end(&self, run: &Run, phase: Phase) {
        let mut pages = self.lock();
        let now = Instant::now();
        let Pages { entries, totals, .. } = &mut *pages;
        let entry = &mut entries[run.number];
        let (fails, failed) = (phase == Phase::Failed, entry.phase == Some(Phase::Failed));
        totals.failed_runs += u64::from(fails);
        if fails != failed {
            totals.transitions += 1;
            entry.transitions += 1;
            entry.last.push_back((now, format!("{phase} of {}", entry.uid)));
            if entry.last.len() > Lines::KEPT {
                entry.last.pop_front();
            }
        }
        if !fails {
            entry.failing_since = None;
        }
        let elapsed = match phase {
            Phase::Failed => now - *entry.failing_since.get_or_insert(now),
            _ => Duration::ZERO,
        };
        let due = now + shortest(phase, elapsed);
        // A failure inside the backoff keeps the time of the next attempt.
        let kept = entry.due.filter(|kept| fails && failed && *kept > now);
        entry.is_silent = match phase {
            Phase::Ready => awaits(run.number),
            Phase::Failed => is_hopeless(run.number),
            _ => false,
        };
        entry.due = match entry.is_silent {
            // One more, because its patch may have changed nothing, and then none.
            true => (!entry.follows_up).then_some(now + longest()),
            false => Some(kept.map_or(due, |kept| kept.min(due))),
        };
        entry.phase = Some(phase);
    }

    pub(crate) fn totals(&self) -> Totals {
        self.lock().totals.clone()
    }

    /// Runs of objects that were neither due nor had a reason left; `lists` are the reasons that all objects have.
    pub(crate) fn unexplained(&self, lists: impl Fn(usize) -> u64) -> u64 {
        let pages = self.lock();
        let entries = pages.entries.iter().enumerate();
        entries
            .map(|(number, entry)| u64::from(entry.woken).saturating_sub(u64::from(entry.allowed) + lists(number)))
            .sum()
    }

    /// A write of a run had no answer: what comes of it counts as somebody else's.
    pub(crate) fn unanswered(&self, run: &Run) {
        self.lock().entries[run.number].unanswered += 1;
    }

    /// Runs that only the controller's own writes can have started; `lists` are the reasons that all objects have.
    pub(crate) fn by_echoes(&self, lists: impl Fn(usize) -> u64) -> u64 {
        let pages = self.lock();
        let entries = pages.entries.iter().enumerate();
        entries
            .map(|(number, entry)| {
                let explained = u64::from(entry.allowed + entry.unanswered) + lists(number);
                u64::from(entry.by_events).saturating_sub(explained)
            })
            .sum()
    }

    /// Runs of objects that await a change or were given up, which a timer started that none should have.
    pub(crate) fn disturbed(&self) -> u32 {
        self.lock().entries.iter().map(|entry| entry.disturbed).sum()
    }

    /// Objects of which the log says more than happened, with its last lines and what happened last.
    pub(crate) fn logged_too_much(&self, names: &[String], log: &Lines) -> Vec<String> {
        let pages = self.lock();
        let objects = names.iter().zip(&pages.entries);
        let too_much = objects.filter_map(|(name, entry)| {
            let (lines, transitions) = (log.of(name), entry.transitions);
            let count = lines.back().map_or(0, |last| last.number);
            let mut events = entry.last.clone();
            events.extend(lines.into_iter().map(|line| (line.at, line.text)));
            events.make_contiguous().sort();
            (count > transitions).then(|| format!("{name}: {count} lines for {transitions} transitions: {events:?}"))
        });
        too_much.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
