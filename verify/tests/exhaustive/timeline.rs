//! A counterexample as the guide writes timelines: a time, what happened, and what became of it.

use crate::{
    action::Action,
    cast::Cast,
    real::{Real, SECOND},
    search::Broken,
    world::World,
};
use std::fmt::Write as _;

/// Plays the actions again.
pub(crate) fn timeline(cast: &'static Cast, broken: &Broken) -> String {
    let mut real = Real::new(cast.policies);
    let mut world = World::new(cast, &mut real);
    let mut text = String::new();
    for action in &broken.actions {
        let before = world.clone();
        // The last one breaks something.
        let _ = world.step(*action, &mut real);
        let at = (world.now - SECOND) as f64 / SECOND as f64;
        let _ = writeln!(text, "{:>7}  {}", format!("{at}s"), world.row(&before, *action));
    }
    let _ = writeln!(text, "\n{:>7}  {}", "", broken.what);
    text
}
