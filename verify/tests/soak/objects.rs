//! The objects of the soak.

pub(crate) const OBJECTS: usize = 2000;

/// Every fourth object has a child.
pub(crate) fn has_child(number: usize) -> bool {
    matches!(number % 4, 0)
}

/// Every tenth object fails from time to time; half of these have a child.
pub(crate) fn is_weak(number: usize) -> bool {
    number % 10 == 4 || number % 20 == 15
}

/// A few that await a change after every reconcile.
pub(crate) fn awaits(number: usize) -> bool {
    number % 40 == 1
}

/// A few that always fail and are given up.
pub(crate) fn is_hopeless(number: usize) -> bool {
    number % 40 == 2
}

/// What only a change starts a reconcile of.
pub(crate) fn is_silent(number: usize) -> bool {
    awaits(number) || is_hopeless(number)
}

pub(crate) fn with_child() -> usize {
    (0..OBJECTS).filter(|number| has_child(*number)).count()
}

pub(crate) fn number(name: &str) -> usize {
    let digits = name.trim_start_matches("thing-");
    digits.parse().expect("all objects are named by number")
}
