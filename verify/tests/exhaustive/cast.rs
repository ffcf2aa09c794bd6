//! Which actions one search tries: several searches over a part each reach deeper than one over all.

use crate::{
    Interval, MaxRate, Phase, RateLimit, RequeueConfig,
    action::{Disturbance, End, Write},
};
use std::{sync::LazyLock, time::Duration};

/// The actions of a search, and its bounds.
pub(crate) struct Cast {
    pub(crate) name: &'static str,
    pub(crate) writes: &'static [Write],
    pub(crate) ends: &'static [End],
    pub(crate) disturbances: &'static [Disturbance],
    /// How many disturbances there may be.
    pub(crate) most: u8,
    /// How many writes a reconcile sends at most.
    pub(crate) writes_of_a_run: u8,
    /// How many seconds pass one by one; beyond that, only to the next timer.
    pub(crate) seconds: u8,
    /// Whether there are a child and a second owner of it.
    pub(crate) has_child: bool,
    /// Whether the status says since when it has its phase.
    pub(crate) has_since: bool,
    pub(crate) policies: &'static LazyLock<[RequeueConfig; 2]>,
}

const READY: Write = Write::Status(Phase::Ready);
const FAILED: Write = Write::Status(Phase::Failed);

pub(crate) const CASTS: [Cast; 9] = {
    use Disturbance::*;
    [
        Cast {
            name: "status: the controller and someone else write it, and the watch lags or breaks",
            writes: &[READY, FAILED, Write::Same, Write::Label, Write::Dry],
            ends: &[End::Phase(Phase::Ready), End::Await, End::Unit, End::Backoff],
            disturbances: &[Spec, OtherPhase, OtherStatus, Relist, Lose],
            most: 2,
            writes_of_a_run: 2,
            seconds: 1,
            has_child: false,
            has_since: false,
            policies: &USUAL,
        },
        Cast {
            name: "child: two owners, and someone else changes it",
            writes: &[Write::Child, READY],
            ends: &[End::Await],
            disturbances: &[OtherChild, ChildStatus, Disown, DeleteChild, RelistChild, Lose],
            most: 2,
            writes_of_a_run: 2,
            seconds: 1,
            has_child: true,
            has_since: false,
            policies: &USUAL,
        },
        Cast {
            name: "life: deleted, created, restarted, cut off, with late answers",
            writes: &[READY, Write::Spec],
            ends: &[End::Await, End::Backoff],
            disturbances: &[Delete, Restart, Crash, CutOff, Leave(End::Await), Lose, Relist, Spec],
            most: 3,
            writes_of_a_run: 2,
            seconds: 1,
            has_child: false,
            has_since: true,
            policies: &USUAL,
        },
        Cast {
            name: "failures: every outcome and every retry",
            writes: &[FAILED],
            ends: &[
                End::Phase(Phase::Initializing),
                End::Phase(Phase::Failed),
                End::Phase(Phase::Ready),
                End::Unit,
                End::After,
                End::Within,
                End::Requeue,
                End::Backoff,
                End::RetryAfter,
                End::Later,
                End::Never,
            ],
            disturbances: &[Nudge, OtherPhase, Crash, Policy],
            most: 1,
            writes_of_a_run: 1,
            seconds: 1,
            has_child: false,
            has_since: true,
            policies: &DEADLINES,
        },
        Cast {
            name: "recovery: a failure, its end and the next failure, and the watch lags",
            writes: &[READY, FAILED],
            ends: &[End::Backoff, End::Phase(Phase::Ready)],
            disturbances: &[Nudge],
            most: 1,
            writes_of_a_run: 1,
            seconds: 0,
            has_child: false,
            has_since: true,
            policies: &DEADLINES,
        },
        Cast {
            name: "outages without a time in the status",
            writes: &[],
            ends: &[
                End::Backoff,
                End::Phase(Phase::Failed),
                End::RetryAfter,
                End::Phase(Phase::Ready),
            ],
            disturbances: &[Nudge, Spec, Restart, Policy],
            most: 2,
            writes_of_a_run: 0,
            seconds: 2,
            has_child: false,
            has_since: false,
            policies: &DEADLINES,
        },
        Cast {
            name: "limits: the object's and the fleet's, pause and policy",
            writes: &[READY],
            ends: &[End::Phase(Phase::Ready), End::After, End::Await],
            disturbances: &[Nudge, NudgeAll, Pause, Policy, Spec],
            most: 5,
            writes_of_a_run: 1,
            seconds: 1,
            has_child: true,
            has_since: false,
            policies: &LIMITS,
        },
        Cast {
            name: "loops: requested again and again",
            writes: &[],
            ends: &[End::Await],
            disturbances: &[Nudge],
            most: 4,
            writes_of_a_run: 0,
            seconds: 0,
            has_child: false,
            has_since: false,
            policies: &LIMITS,
        },
        Cast {
            name: "all of it",
            writes: &[READY, FAILED, Write::Same, Write::Spec, Write::Child, Write::Dry],
            ends: &[
                End::Phase(Phase::Ready),
                End::Await,
                End::Unit,
                End::After,
                End::Backoff,
                End::Later,
                End::Never,
            ],
            disturbances: &[
                Spec,
                OtherPhase,
                OtherStatus,
                OtherChild,
                ChildStatus,
                Disown,
                DeleteChild,
                Delete,
                Pause,
                Nudge,
                NudgeAll,
                Policy,
                Relist,
                RelistChild,
                Lose,
                Leave(End::Await),
                CutOff,
                Restart,
                Crash,
            ],
            most: 2,
            writes_of_a_run: 2,
            seconds: 1,
            has_child: true,
            has_since: true,
            policies: &USUAL,
        },
    ]
};

fn error() -> Interval {
    Interval::constant(Duration::from_secs(1))
        .with_factor(2.0)
        .with_max(Duration::from_secs(4))
}

/// Wide limits.
static USUAL: LazyLock<[RequeueConfig; 2]> = LazyLock::new(|| {
    let first = RequeueConfig::default()
        .with_default(Duration::from_secs(6))
        .with_initialization(Duration::from_secs(2))
        .with_error(error())
        .with_rate_limit(RateLimit::new(4, Duration::from_secs(1)));
    let second = first.with_rate_limit(None);
    [first, second]
});

/// Outages that end.
static DEADLINES: LazyLock<[RequeueConfig; 2]> = LazyLock::new(|| {
    let first = USUAL[0];
    let first = first
        .with_error(error().with_deadline(Duration::from_secs(3)))
        .with_initialization(Interval::constant(Duration::from_secs(2)).with_deadline(Duration::from_secs(3)));
    let second = USUAL[0];
    [first, second]
});

/// Narrow ones.
static LIMITS: LazyLock<[RequeueConfig; 2]> = LazyLock::new(|| {
    let first = USUAL[0]
        .with_rate_limit(RateLimit::new(1, Duration::from_secs(35)))
        .with_max_rate(MaxRate::new(0.5));
    let second = USUAL[0].with_rate_limit(RateLimit::new(2, Duration::from_secs(3)));
    [first, second]
});
