//! How much an operator gets to read: the crate's lines from INFO up, by object.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

#[derive(Clone, Default)]
pub(crate) struct Lines {
    pub(crate) is_verbose: bool,
    pub(crate) counts: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Lines {
    /// The number of lines of each object, by its name.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        if self.is_verbose {
            println!("                        {} {}", event.metadata().level(), line.text);
        }
        if *event.metadata().level() <= Level::INFO {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(line.object).or_default() += 1;
        }
    }
}

#[derive(Default)]
struct Line {
    object: String,
    text: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.text, "{}={value:?} ", field.name());
        if field.name() == "object" {
            let object = format!("{value:?}");
            self.object = object.trim_start_matches("default/").to_owned();
        }
    }
}
