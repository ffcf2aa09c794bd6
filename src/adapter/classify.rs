//! What to do after an error.

use crate::adapter::outcome::Retry;

/// Tells what to do after an error: any `Fn(&E) -> Retry`.
pub trait Classify<E> {
    /// Returns what to do after this error.
    fn classify(&self, error: &E) -> Retry;
}

impl<E, F: Fn(&E) -> Retry> Classify<E> for F {
    fn classify(&self, error: &E) -> Retry {
        self(error)
    }
}

/// Answers every error with [`Retry::Backoff`]: what a `Requeuer` does without `on_error`.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysBackoff;

impl<E> Classify<E> for AlwaysBackoff {
    fn classify(&self, _: &E) -> Retry {
        Retry::Backoff
    }
}
