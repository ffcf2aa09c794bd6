//! What the crate logs.

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry};

/// The lines of the crate in this thread, from its making on.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        let lines = Self::default();
        let guard = registry().with(lines.clone()).set_default();
        (lines, guard)
    }

    /// The lines of one level: the message, then ` name=value` for each field.
    pub(crate) fn of(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().expect("a test panicked while it held the lines");
        lines
            .iter()
            .filter(|(of, _)| *of == level)
            .map(|(_, line)| line.clone())
            .collect()
    }

    /// The lines that an operator sees: INFO and above.
    pub(crate) fn visible(&self) -> Vec<String> {
        self.down_to(Level::INFO)
    }

    /// The lines of this level and above, with the level in front.
    pub(crate) fn down_to(&self, lowest: Level) -> Vec<String> {
        let lines = self.0.lock().expect("a test panicked while it held the lines");
        lines
            .iter()
            .filter(|(level, _)| *level <= lowest)
            .map(|(level, line)| format!("{level} {line}"))
            .collect()
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "requeue_policy" {
            let mut line = Line::default();
            event.record(&mut line);
            let text = format!("{}{}", line.message, line.fields);
            let mut lines = self.0.lock().expect("a test panicked while it held the lines");
            lines.push((*event.metadata().level(), text));
        }
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        let _ = write!(self.fields, " {}={error}", field.name());
        if let Some(source) = error.source() {
            let _ = write!(self.fields, " <- {source}");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}
