//! How much an operator gets to read: the crate's lines from INFO up, by object.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

#[derive(Clone, Default)]
pub(crate) struct Lines {
    prints: bool,
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Lines {
    pub(crate) fn new(prints: bool) -> Self {
        Self {
            prints,
            counts: Arc::default(),
        }
    }

    /// What else there is would only take time.
    pub(crate) fn is_of_interest(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "requeue_policy" && (self.prints || *metadata.level() <= Level::INFO)
    }

    /// The number of lines of each object, by its name.
    pub(crate) fn counts(&self) -> Vec<(String, usize)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(name, count)| (name.clone(), *count)).collect()
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        if self.prints {
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
            self.object = object.strip_prefix("default/").unwrap_or(&object).to_owned();
        }
    }
}
