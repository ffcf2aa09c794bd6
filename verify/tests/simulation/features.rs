//! What a seed may have besides: a bound on what runs at once, a rate for the fleet, annotations, other policies, more kinds.
//!
//! It comes from a sequence of its own, so that the rest of a seed stays what it was.

use crate::{
    behaviour::{Behaviour, SECOND, micros},
    plan::{Change, Plan, Step, interval, limit},
};
use requeue_policy::{MaxRate, RequeueConfig, RequeuePolicy as _};
use std::time::Duration;
use verify::{Micros, Random};

/// How many steps a feature adds at most.
const MORE_STEPS: u64 = 10;

/// What the controllers reconcile, and as what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kinds {
    #[default]
    One,
    /// One kind, whose type is known at run time only.
    Dynamic,
    /// Every other object is of a second kind, with a second controller of the same `Requeuer`.
    Two,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    pub(crate) kinds: Kinds,
    /// Two `Requeuer`s reconcile the same objects all the time.
    pub(crate) twins: bool,
    /// How many reconciles a controller runs at once; 0 is any number.
    pub(crate) concurrency: u16,
}

/// Adds what this seed has of it.
pub(crate) fn add(plan: &mut Plan, per_second: f64) {
    let random = &mut Random::new(plan.seed.wrapping_mul(0x9fb2_1c65_1e98_df25));
    let limited = plan.policy.rate_limit().is_some();
    plan.features = Features {
        kinds: match random.below(16) {
            0 => Kinds::Dynamic,
            1 => Kinds::Two,
            _ => Kinds::One,
        },
        // Without a limit two that disagree would answer each other for ever.
        twins: random.one_in(24) && limited,
        concurrency: if random.one_in(5) { random.pick(&[1, 2, 8]) } else { 0 },
    };
    match random.below(24) {
        0..4 => plan.lag = random.duration(Duration::from_millis(100), Duration::from_secs(5)),
        // Beyond what a reconcile waits for its own write.
        4 => plan.lag = random.duration(Duration::from_secs(5), Duration::from_secs(9)),
        _ => {}
    }
    if random.one_in(5) {
        // From what the timers ask for at most to a thirtieth of that.
        let share = 30.0_f64.powf(random.below(101) as f64 / -100.0);
        let rate = MaxRate::new((per_second * share).clamp(0.02, 1000.0));
        plan.policy = plan.policy.with_max_rate(rate.with_burst(1 + random.below(10) as u32));
    }
    let is_large = plan.objects.len() >= 100;
    if random.one_in(if is_large { 2 } else { 8 }) {
        let error = plan.policy.error_interval();
        plan.policy = plan
            .policy
            .with_error(error.with_deadline(error.initial() * (1 + random.below(20)) as u32));
        for object in &mut plan.objects {
            match random.below(4) {
                0 => object.awaits(),
                1 => object.fails(),
                _ => {}
            }
        }
    }
    more_steps(plan, random, limited);
}

fn more_steps(plan: &mut Plan, random: &mut Random, limited: bool) {
    let (count, ends, policy) = (plan.objects.len() as u64, plan.ends, plan.policy);
    let second = Duration::from_secs(1);
    let times = |random: &mut Random| {
        let times = (0..=random.below(MORE_STEPS)).map(|_| 2 * SECOND + random.below(ends.unsigned_abs()) as Micros);
        times.collect::<Vec<_>>()
    };
    let mut steps = Vec::new();
    if random.one_in(3) {
        for at in times(random) {
            let object = random.below(count) as usize;
            let change = match random.below(6) {
                0..3 => {
                    let resumed = at + micros(random.duration(second, 1000 * second));
                    steps.push((resumed, Step::Change(object, Change::Resume)));
                    Change::Pause
                }
                3 => Change::Interval(Some(random.duration(121 * second, 3600 * second))),
                4 => Change::Interval(None),
                _ => Change::BadOverrides,
            };
            steps.push((at, Step::Change(object, change)));
        }
    }
    if random.one_in(4) {
        for at in times(random) {
            let step = match random.below(3) {
                0 => Step::RequestAll,
                _ => Step::Request(random.below(count) as usize),
            };
            steps.push((at, step));
        }
    }
    if random.one_in(5) {
        for at in times(random) {
            let policy = another(random, policy, limited);
            steps.push((at, Step::SetPolicy(Box::new(policy))));
        }
    }
    plan.steps.append(&mut steps);
    plan.steps.sort_by_key(|(at, _)| *at);
}

/// Another policy than this one, in one respect; what was limited stays so.
fn another(random: &mut Random, policy: RequeueConfig, limited: bool) -> RequeueConfig {
    let second = Duration::from_secs(1);
    match random.below(7) {
        0 => policy.with_default(interval(random, 30)),
        1 => policy.with_error(interval(random, 10)),
        2 => policy.with_initialization(interval(random, 5)),
        3 => match policy.max_rate() {
            Some(_) if random.one_in(3) => policy.with_max_rate(None),
            Some(rate) => policy.with_max_rate(MaxRate::new(rate.per_second() * random.pick(&[0.5, 2.0, 8.0]))),
            None => policy.with_max_rate(MaxRate::new(1.0)),
        },
        _ if limited => {
            policy.with_rate_limit(limit(1 + random.below(30) as u32, random.duration(second, 60 * second)))
        }
        _ => policy,
    }
}

impl Behaviour {
    /// Every reconcile of it awaits a change.
    fn awaits(&mut self) {
        self.ask_always(requeue_policy::Requeue::AwaitChange);
    }

    /// It fails until it is given up.
    fn fails(&mut self) {
        self.course = crate::behaviour::Course::FailsAlways;
        self.ask_never();
    }
}

/// For how long a timer may wait at most, where so many objects share this policy's rate.
pub(crate) fn fleet_wait(policy: &RequeueConfig, objects: usize) -> Micros {
    let wait = |rate: MaxRate| Duration::from_secs_f64((objects + 1) as f64 / rate.per_second());
    policy.max_rate().map_or(0, |rate| micros(wait(rate)))
}
