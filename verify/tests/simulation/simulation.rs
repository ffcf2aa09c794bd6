//! One seed from its beginning to its end.

use crate::{behaviour::SECOND, coverage::Coverage, lines::Lines, plan::Plan, report::Violation, world::World};
use std::{any::Any, sync::Arc};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, filter::Targets, prelude::*, registry};
use verify::{Micros, in_virtual_time, observe_panics};

const BETWEEN_STEPS: Micros = 3_000;

/// What came of a seed.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) violations: Vec<Violation>,
    pub(crate) runs: usize,
    pub(crate) lasted: Micros,
    /// Equal whenever the same happened.
    pub(crate) sum: u64,
    pub(crate) coverage: Coverage,
}

impl Done {
    /// Nothing in a simulation may panic but the reconciler and `Observe`, in the controller's task.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        let violation = Violation {
            at: 0,
            rule: "panic",
            object: String::new(),
            expected: message.unwrap_or("no message").to_owned(),
            events: Vec::new(),
        };
        Self {
            violations: vec![violation],
            ..Self::default()
        }
    }
}

pub(crate) fn play(seed: u64, is_verbose: bool) -> Done {
    let lines = Lines::new(is_verbose);
    // What else there is would only take time.
    let level = if is_verbose {
        LevelFilter::TRACE
    } else {
        LevelFilter::INFO
    };
    let layer = lines
        .clone()
        .with_filter(Targets::new().with_target("requeue_policy", level));
    let _log = registry().with(layer).set_default();
    let plan = Plan::draw(seed);
    if is_verbose {
        println!("{plan:#?}");
    }
    in_virtual_time(run(plan, lines))
}

async fn run(plan: Plan, lines: Lines) -> Done {
    observe_panics(None);
    // kube-runtime's backoff is random.
    fastrand::seed(plan.seed);
    let world = World::new(plan, lines);
    for object in 0..world.plan.objects.len() {
        world.create(object).await;
    }
    for _ in 0..=usize::from(world.plan.features.twins) {
        let memory = world.new_memory();
        world.start_controller(memory);
    }
    for (at, step) in world.plan.steps.clone() {
        // A step may have taken until after the next. What a step sets off is over before another comes: what comes first
        // at the same time is decided by kube-runtime's hash maps, and not by the seed.
        world.until(at.max(world.now() + BETWEEN_STEPS)).await;
        if world.is_over() {
            break;
        }
        world.check();
        world.model().coverage.step(&step);
        world.take(step).await;
    }
    if !world.is_over() {
        world.until(world.plan.ends + 100 * SECOND).await;
        world.check();
    }
    let lasted = world.now();
    for memory in world.active() {
        world.stop_controller(memory).await;
    }
    let mut model = world.model();
    model.cover_plan(&world.plan, &world.lines.messages());
    Done {
        violations: std::mem::take(&mut model.violations),
        runs: model.runs,
        lasted,
        sum: model.trace.sum,
        coverage: std::mem::take(&mut model.coverage),
    }
}

impl World {
    /// The rules that hold at any time.
    fn check(self: &Arc<Self>) {
        if self.is_over() {
            return;
        }
        let (now, tracked) = (self.now(), self.tracked());
        let mut model = self.model();
        let left = model.alive().into_iter();
        let left = left.filter(|(uid, object)| self.uid_of(&object.name).as_ref() != Some(uid));
        left.for_each(|(uid, _)| model.gone(&uid, now));
        let alive = model.alive();
        for (memory, tracked) in tracked.into_iter().enumerate() {
            model.check_memory(memory, tracked, now);
            if model.memories[memory].active.is_none() {
                continue;
            }
            for (uid, object) in &alive {
                if let Some(record) = model.memories[memory].records.get(uid).cloned() {
                    model.check_late(memory, uid, &record, now);
                    model.check_duties(memory, uid, &record, now);
                    continue;
                }
                let by = model.first_by(memory, object);
                if by.is_some_and(|by| now > by) {
                    model.violate(now, "liveness", &object.name, format!("{memory} never reconciled it"));
                }
            }
        }
        model.check_log(&self.lines.counts(), now);
        model.check_gave_up(&self.lines.gave_up(), now);
    }
}
