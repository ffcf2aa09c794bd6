//! One seed from its beginning to its end.

use crate::{
    lines::Lines,
    plan::Plan,
    report::Violation,
    thing::{self, Micros, SECOND},
    world::World,
};
use std::{any::Any, sync::Arc};
use tracing_subscriber::{Layer, filter::filter_fn, prelude::*, registry};

const BETWEEN_STEPS: Micros = 3_000;

/// What came of a seed.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) violations: Vec<Violation>,
    pub(crate) runs: usize,
    pub(crate) lasted: Micros,
    /// Equal whenever the same happened.
    pub(crate) sum: u64,
}

impl Done {
    /// Nothing in a simulation may panic but the reconciler and `Observe`, in the controller's task.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Self {
            violations: vec![Violation {
                at: 0,
                rule: "panic",
                object: String::new(),
                expected: message.unwrap_or("no message").to_owned(),
                events: Vec::new(),
            }],
            runs: 0,
            lasted: 0,
            sum: 0,
        }
    }
}

pub(crate) fn play(seed: u64, prints: bool) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O starts");
    let lines = Lines::new(prints);
    let filter = lines.clone();
    let layer = lines
        .clone()
        .with_filter(filter_fn(move |metadata| filter.is_of_interest(metadata)));
    let _log = registry().with(layer).set_default();
    let plan = Plan::draw(seed);
    if prints {
        println!("{plan:#?}");
    }
    runtime.block_on(run(plan, prints, lines))
}

async fn run(plan: Plan, prints: bool, lines: Lines) -> Done {
    thing::observe_panics(None);
    let world = World::new(plan, prints, lines);
    for object in 0..world.plan.objects.len() {
        world.create(object).await;
    }
    let memory = world.new_memory();
    world.start_controller(memory);
    for (at, step) in world.plan.steps.clone() {
        // A step may have taken until after the next. What a step sets off is over before another comes: what comes first
        // at the same time is decided by kube-runtime's hash maps, and not by the seed.
        world.until(at.max(world.now() + BETWEEN_STEPS)).await;
        if world.is_over() {
            break;
        }
        world.check();
        world.take(step).await;
    }
    if !world.is_over() {
        world.until(world.plan.ends + 100 * SECOND).await;
        world.check();
    }
    let now = world.now();
    for memory in world.active() {
        world.stop_controller(memory).await;
    }
    let mut model = world.model();
    Done {
        violations: std::mem::take(&mut model.violations),
        runs: model.runs,
        lasted: now,
        sum: model.trace.sum(),
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
        let left: Vec<_> = model
            .objects
            .iter()
            .filter(|(_, object)| object.gone.is_none())
            .collect();
        let left = left
            .into_iter()
            .filter(|(uid, object)| self.uid_of(&object.name).as_ref() != Some(uid));
        let left: Vec<_> = left.map(|(uid, _)| uid.clone()).collect();
        left.iter().for_each(|uid| model.gone(uid, now));

        let alive: Vec<_> = model
            .objects
            .iter()
            .filter(|(_, object)| object.gone.is_none())
            .map(|(uid, object)| (uid.clone(), object.clone()))
            .collect();
        for (memory, tracked) in tracked.into_iter().enumerate() {
            model.check_memory(memory, tracked, now);
            if model.memories[memory].active.is_none() {
                continue;
            }
            for (uid, object) in &alive {
                match model.memories[memory].records.get(uid).cloned() {
                    Some(record) => {
                        model.check_late(memory, &record, &object.name, now);
                        model.check_duties(memory, &record, &object.name, now);
                    }
                    None => {
                        let by = model.first_by(memory, &object.name, object.created);
                        if by.is_some_and(|by| now > by) {
                            model.violate(now, "liveness", &object.name, format!("{memory} never ran it"));
                        }
                    }
                }
            }
        }
        model.check_log(&self.lines.counts(), now);
    }
}
