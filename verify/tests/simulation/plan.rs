//! What a seed makes: a cluster, a policy, and what happens to them.

use crate::{
    behaviour::{Behaviour, SECOND, micros},
    features::{self, Features},
};
use requeue_policy::{Interval, Phase, RateLimit, RequeueConfig, RequeuePolicy as _};
use std::time::Duration;
use verify::{Micros, Random};

/// How many reconciles a seed is to make, about; more than `MOST_RUNS` it never makes.
const RUNS: f64 = 1_000.0;
pub(crate) const MOST_RUNS: usize = 3_000;

const DAY: Duration = Duration::from_secs(86_400);

/// How the controller watches the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    Unwatched,
    Owns,
    Watches,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) policy: RequeueConfig,
    pub(crate) objects: Vec<Behaviour>,
    pub(crate) children: Children,
    pub(crate) status_subresource: bool,
    pub(crate) generation: bool,
    pub(crate) latency: Duration,
    /// By how much the watches lag behind.
    pub(crate) lag: Duration,
    pub(crate) steps: Vec<(Micros, Step)>,
    pub(crate) ends: Micros,
    pub(crate) features: Features,
}

/// What happens to the simulated cluster; an object is named by its number.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Change(usize, Change),
    /// Many changes of one object in a short time.
    Burst(usize, u64),
    Delete(usize),
    /// Under the same name.
    Recreate(usize),
    RepeatEvent(usize),
    CloseWatches,
    /// Watches are answered with 410 Gone from now on, and if they are closed, at once.
    Expire {
        close: bool,
    },
    DelayWatches(Duration),
    FailWrites {
        one_in: u64,
        lasts: Duration,
    },
    Unreachable(Duration),
    /// The controller's process ends, and comes back; with its memory or without.
    Restart {
        after: Duration,
        remembers: bool,
    },
    /// Another replica starts, and the first ends.
    LeaderChange {
        overlap: Duration,
    },
    ClockJump(Micros),
    ObservePanics(usize),
    /// The application asks for an object, or for all.
    Request(usize),
    RequestAll,
    SetPolicy(Box<RequeueConfig>),
    Quiet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Spec,
    Label,
    Annotation,
    Finalizer,
    Fingerprint,
    Phase(Phase),
    Message,
    Child,
    /// By annotations: it is paused, resumed, has an interval of its own or none, or what is not allowed.
    Pause,
    Resume,
    Interval(Option<Duration>),
    BadOverrides,
}

impl Change {
    pub(crate) fn draw(random: &mut Random) -> Self {
        match random.below(9) {
            0 | 1 => Self::Spec,
            2 => Self::Label,
            3 => Self::Annotation,
            4 => Self::Finalizer,
            5 => Self::Fingerprint,
            6 => Self::Phase(random.pick(&Phase::ALL)),
            7 => Self::Child,
            _ => Self::Message,
        }
    }
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let policy = policy(random);
        let (status_subresource, generation) = (!random.one_in(8), !random.one_in(8));
        let count = match random.below(60) {
            0 => 100 + random.below(401),
            1..10 => 10 + random.below(90),
            _ => 1 + random.below(9),
        } as usize;
        let status_is_a_change = !status_subresource || !generation;
        let limited = policy.rate_limit().is_some();
        let mut objects: Vec<_> = (0..count).map(|_| Behaviour::draw(random, limited)).collect();
        for object in &mut objects {
            if !limited && object.loops(status_is_a_change) {
                object.calm();
            }
        }
        let children = random.pick(&[Children::Unwatched, Children::Owns, Children::Watches]);
        let per_second: f64 = objects
            .iter()
            .map(|object| pace(object, &policy, !status_subresource && generation))
            .sum();
        let ends = Duration::from_secs_f64((RUNS / per_second).clamp(120.0, 2.0 * DAY.as_secs_f64()));
        let steps = steps(random, count, micros(ends));
        let mut plan = Self {
            seed,
            policy,
            objects,
            children,
            status_subresource,
            generation,
            latency: Duration::from_millis(if random.one_in(3) { random.below(20) } else { 0 }),
            lag: Duration::from_millis(if random.one_in(3) { random.below(100) } else { 0 }),
            steps,
            ends: micros(ends),
            features: Features::default(),
        };
        features::add(&mut plan, per_second);
        plan
    }
}

/// About how many runs a second this object makes.
fn pace(object: &Behaviour, policy: &RequeueConfig, status_counts_as_spec: bool) -> f64 {
    let intervals = Phase::ALL.map(|phase| {
        let interval = policy.interval(phase);
        interval.longest().min(interval.initial() * 8).as_secs_f64()
    });
    let own = 1.0 / intervals.into_iter().fold(f64::INFINITY, f64::min);
    match policy.rate_limit() {
        Some(limit) if object.loops(status_counts_as_spec) => own + 1.0 / limit.every().as_secs_f64(),
        _ => own,
    }
}

fn policy(random: &mut Random) -> RequeueConfig {
    let policy = RequeueConfig::default()
        .with_default(interval(random, 30))
        .with_error(interval(random, 10))
        .with_initialization(interval(random, 5));
    let policy = match random.below(5) {
        0 => policy.with_rate_limit(None),
        1 => policy.with_rate_limit(limit(
            1 + random.below(3) as u32,
            random.duration(Duration::from_secs(1), Duration::from_secs(120)),
        )),
        2 => policy.with_rate_limit(limit(
            1 + random.below(30) as u32,
            random.duration(Duration::from_millis(500), Duration::from_secs(60)),
        )),
        _ => policy,
    };
    policy.validate().expect("the plan draws valid policies");
    policy
}

/// So many at once, and all of them again within this time.
pub(crate) fn limit(burst: u32, within: Duration) -> RateLimit {
    RateLimit::new(burst, within / burst)
}

pub(crate) fn interval(random: &mut Random, usual: u64) -> Interval {
    let initial = if random.one_in(3) {
        Duration::from_secs(usual)
    } else {
        random.duration(Duration::from_millis(500), Duration::from_secs(900))
    };
    let mut interval = Interval::constant(initial);
    if random.one_in(2) {
        let factor = 1.0 + (1 + random.below(30)) as f64 / 10.0;
        let max = random.duration(initial, (initial * 200).min(Duration::from_secs(6 * 3600)));
        interval = interval.with_factor(factor).with_max(max);
    }
    if random.one_in(2) {
        interval = interval.with_jitter(random.below(51) as f64 / 100.0);
    }
    if random.one_in(4) {
        interval = interval.with_deadline(initial * (1 + random.below(100)) as u32);
    }
    interval
}

fn steps(random: &mut Random, count: usize, ends: Micros) -> Vec<(Micros, Step)> {
    let wanted = 10 + random.below(60) as i64;
    let longest = Duration::from_micros((ends * 4 / wanted).unsigned_abs()).max(Duration::from_secs(2));
    let mut steps = Vec::new();
    let mut at = 2 * SECOND;
    // Nothing happens in the last part, so that what is owed can be checked.
    while at < ends {
        steps.push((at, step(random, count)));
        at += micros(random.duration(Duration::from_millis(1), longest));
    }
    steps
}

fn step(random: &mut Random, count: usize) -> Step {
    let object = random.below(count as u64) as usize;
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    match random.below(40) {
        0..14 => Step::Change(object, Change::draw(random)),
        14 | 15 => Step::Burst(object, 2 + random.below(40)),
        16 => Step::Delete(object),
        17..20 => Step::Recreate(object),
        20 | 21 => Step::RepeatEvent(object),
        22 => Step::CloseWatches,
        23 | 24 => Step::Expire {
            close: !random.one_in(3),
        },
        25 | 26 => Step::DelayWatches(random.duration(Duration::from_millis(1), 20 * second)),
        27 | 28 => Step::FailWrites {
            one_in: 1 + random.below(4),
            lasts: random.duration(second, 30 * minute),
        },
        29 | 30 => Step::Unreachable(random.duration(second, 10 * minute)),
        31..34 => Step::Restart {
            after: random.duration(Duration::from_millis(1), minute),
            remembers: random.one_in(3),
        },
        34 => Step::LeaderChange {
            overlap: random.duration(Duration::from_millis(1), 5 * minute),
        },
        35 | 36 => {
            Step::ClockJump(micros(random.duration(second, 12 * 60 * minute)) * if random.one_in(2) { 1 } else { -1 })
        }
        37 => Step::ObservePanics(object),
        _ => Step::Quiet,
    }
}
