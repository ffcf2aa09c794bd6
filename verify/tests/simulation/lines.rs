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
    is_verbose: bool,
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How often each object was given up.
    gave_up: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How often there was each message.
    messages: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Lines {
    /// `is_verbose` shows all of them.
    pub(crate) fn new(is_verbose: bool) -> Self {
        Self {
            is_verbose,
            ..Self::default()
        }
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// The number of lines of each object, by its name.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        copy(&self.counts)
    }

    /// How often the log says that it gave up, of each object, by its name.
    pub(crate) fn gave_up(&self) -> BTreeMap<String, usize> {
        copy(&self.gave_up)
    }

    /// The number of lines of each message.
    pub(crate) fn messages(&self) -> BTreeMap<String, usize> {
        copy(&self.messages)
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
            if line.message == "gave up" {
                count(&self.gave_up, &line.object);
            }
            count(&self.messages, &line.message);
            count(&self.counts, &line.object);
        }
    }
}

fn copy(counts: &Mutex<BTreeMap<String, usize>>) -> BTreeMap<String, usize> {
    counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn count(counts: &Mutex<BTreeMap<String, usize>>, what: &str) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(what.to_owned()).or_default() += 1;
}

#[derive(Default)]
struct Line {
    object: String,
    message: String,
    text: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.text, "{}={value:?} ", field.name());
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
        if field.name() == "object" {
            let object = format!("{value:?}");
            self.object = object.trim_start_matches("default/").to_owned();
        }
    }
}
