//! What the reconciler does with one object: drawn once per object, and then a function of the number of the run.

use requeue_policy::{Phase, Requeue};
use std::time::Duration;
use verify::{Micros, Random};

pub(crate) const SECOND: Micros = 1_000_000;

/// How an object fares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    Succeeds,
    FailsAlways,
    /// In turns of this many runs.
    FailsInTurns(u64),
    /// One run in so many.
    FailsRandomly(u64),
    /// Not initialized until so many runs have been.
    Waits(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusWrites {
    InEveryRun,
    WhenThePhaseChanges,
    Never,
}

/// What it writes as lastTransitionTime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Right,
    /// Renewed in every run, a mistake that is often made.
    Renewed,
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    None,
    Created,
    RewrittenInEveryRun,
}

#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub(crate) course: Course,
    /// Whether a failure is an `Ok` of Failed.
    pub(crate) fails_as_ok: bool,
    pub(crate) status: StatusWrites,
    pub(crate) since: Since,
    pub(crate) child: Child,
    /// How long a run takes.
    pub(crate) takes: Duration,
    /// One in so many runs, 0 for none: hangs for minutes, panics, asks for a requeue, returns a unit.
    hangs: u64,
    panics: u64,
    requeues: u64,
    unit: u64,
    /// What a run may ask for.
    requeue: Requeue,
    seed: u64,
}

/// What one run does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) phase: Phase,
    pub(crate) takes: Duration,
    pub(crate) panics: Option<Panic>,
    pub(crate) requeue: Option<Requeue>,
    /// Returns `()` or only a requeue, and no phase.
    pub(crate) unit: bool,
    /// Somebody changes the object while this runs.
    pub(crate) meets_change: bool,
    pub(crate) style: Style,
    /// Lets an object that is being deleted wait for its finalizers.
    pub(crate) lingers: bool,
}

/// What else one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Usual,
    /// Writes another phase first: two status writes that disagree.
    Disagrees,
    /// A delay is the longest that is allowed, and an error with a delay is none.
    Lenient,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panic {
    /// When it is called, in the controller's own task.
    AtOnce,
    /// In the future that it returned.
    Later,
    /// Not the reconciler: `Observe`, after its end.
    Observe,
}

impl Behaviour {
    /// `limited` tells whether there is a rate limit, without which a requeue at once would never let time pass.
    pub(crate) fn draw(random: &mut Random, limited: bool) -> Self {
        let rarely = |random: &mut Random, often: u64, every: u64| if random.one_in(often) { every } else { 0 };
        let course = match random.below(9) {
            0..3 => Course::Succeeds,
            3 => Course::FailsAlways,
            4 | 5 => Course::FailsInTurns(1 + random.below(20)),
            6 => Course::FailsRandomly(2 + random.below(20)),
            _ => Course::Waits(1 + random.below(40)),
        };
        let requeue = match random.below(6) {
            0 if limited => Requeue::After(Duration::ZERO),
            0 | 1 => Requeue::AwaitChange,
            _ => Requeue::After(random.duration(Duration::from_secs(2), Duration::from_secs(3600))),
        };
        Self {
            course,
            fails_as_ok: random.one_in(3),
            status: match random.below(4) {
                0 => StatusWrites::Never,
                1 => StatusWrites::WhenThePhaseChanges,
                _ => StatusWrites::InEveryRun,
            },
            since: match random.below(5) {
                0 => Since::Renewed,
                1 | 2 => Since::Missing,
                _ => Since::Right,
            },
            child: match random.below(8) {
                0 if limited => Child::RewrittenInEveryRun,
                0..3 => Child::Created,
                _ => Child::None,
            },
            takes: match random.below(3) {
                0 => random.duration(Duration::from_millis(5), Duration::from_secs(5)),
                _ => Duration::ZERO,
            },
            hangs: rarely(random, 4, 60),
            panics: rarely(random, 8, 80),
            requeues: rarely(random, 3, 4),
            unit: rarely(random, 6, 3),
            requeue,
            seed: random.next(),
        }
    }

    pub(crate) fn ask_always(&mut self, requeue: Requeue) {
        (self.requeues, self.requeue) = (1, requeue);
    }

    pub(crate) fn ask_never(&mut self) {
        self.requeues = 0;
    }

    /// Whether it triggers itself, so that nothing but the rate limit ends the loop.
    pub(crate) fn loops(&self, status_is_a_change: bool) -> bool {
        self.requeue == Requeue::After(Duration::ZERO) && self.requeues > 0
            || status_is_a_change && self.status == StatusWrites::InEveryRun
    }

    pub(crate) fn calm(&mut self) {
        self.status = StatusWrites::WhenThePhaseChanges;
        self.since = Since::Right;
    }

    /// The run with this number, of this object.
    pub(crate) fn turn(&self, number: u64) -> Turn {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut sometimes = |every: u64| every > 0 && random.one_in(every);
        let fails = match self.course {
            Course::FailsAlways => true,
            Course::FailsInTurns(runs) => number / runs % 2 == 1,
            Course::FailsRandomly(every) => sometimes(every),
            Course::Succeeds | Course::Waits(_) => false,
        };
        let waits = matches!(self.course, Course::Waits(runs) if number < runs);
        let (hangs, panics, requeues, unit) = (
            sometimes(self.hangs),
            sometimes(self.panics),
            sometimes(self.requeues),
            sometimes(self.unit),
        );
        let meets_change = sometimes(12);
        Turn {
            phase: match (waits, fails) {
                (true, _) => Phase::Initializing,
                (_, true) => Phase::Failed,
                _ => Phase::Ready,
            },
            takes: if hangs {
                random.duration(Duration::from_secs(30), Duration::from_secs(600))
            } else {
                self.takes
            },
            panics: panics.then(|| match random.below(3) {
                0 => Panic::AtOnce,
                1 => Panic::Later,
                _ => Panic::Observe,
            }),
            requeue: requeues.then_some(self.requeue),
            unit,
            meets_change,
            style: match random.below(8) {
                0 | 1 => Style::Disagrees,
                2 | 3 => Style::Lenient,
                _ => Style::Usual,
            },
            lingers: random.one_in(2),
        }
    }
}

/// Real time in the simulation's unit.
pub(crate) fn micros(duration: Duration) -> Micros {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

pub(crate) fn seconds(span: Micros) -> f64 {
    span as f64 / SECOND as f64
}
