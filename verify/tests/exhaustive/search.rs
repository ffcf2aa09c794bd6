//! Breadth first: the first counterexample is a shortest one.

use crate::{action::Action, world::World};
use std::{
    collections::HashSet,
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
    time::{Duration, Instant},
};

/// How a state was reached.
struct Path {
    action: Action,
    before: Option<Rc<Path>>,
}

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Returns what was searched, or a counterexample as a timeline.
pub(crate) fn search(depth: usize, time: Duration) -> Result<String, String> {
    let start = Instant::now();
    let first = World::new(2);
    let mut seen = HashSet::from([hash(&first)]);
    let mut level: Vec<(World, Option<Rc<Path>>)> = vec![(first, None)];
    let mut steps = 0_u64;
    for reached in 0..depth {
        let mut next = vec![];
        for (world, path) in &level {
            if start.elapsed() > time {
                return Ok(format!(
                    "every order of up to {reached} actions: {} states, {steps} steps; the next depth has at least {} more",
                    seen.len(),
                    next.len()
                ));
            }
            for action in world.actions() {
                steps += 1;
                let mut after = world.clone();
                let holds = after.step(action);
                let taken = Rc::new(Path {
                    action,
                    before: path.clone(),
                });
                if let Err(broken) = holds {
                    return Err(timeline(&taken, &broken));
                }
                if seen.insert(hash(&after)) {
                    next.push((after, Some(taken)));
                }
            }
        }
        if next.is_empty() {
            return Ok(format!("all: {} states, {steps} steps, depth {reached}", seen.len()));
        }
        level = next;
    }
    Ok(format!(
        "every order of up to {depth} actions: {} states, {steps} steps",
        seen.len()
    ))
}

fn timeline(path: &Rc<Path>, broken: &str) -> String {
    let mut actions = vec![];
    let mut path = Some(path.clone());
    while let Some(step) = path {
        actions.push(step.action);
        path = step.before.clone();
    }
    let mut text = format!("{broken}\n\n");
    let mut world = World::new(2);
    for action in actions.into_iter().rev() {
        let at = world.now / 1_000_000 - 1;
        let _ = writeln!(text, "{at:>4}s  {action}");
        let _ = world.step(action);
    }
    let _ = writeln!(text, "\n{world:?}");
    text
}
