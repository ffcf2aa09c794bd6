//! The crate's log, as an operator's author would read it.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry,
};

/// The lines of the crate from INFO on, each as one text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    /// Where a thread has to send its log for the lines to arrive here.
    pub(crate) fn dispatch(&self) -> Dispatch {
        // Nothing else is looked at, so that the log costs the controllers that are measured nothing.
        let crate_only = Targets::new().with_target("requeue_policy", LevelFilter::INFO);
        registry().with(self.clone().with_filter(crate_only)).into()
    }

    /// The lines of this level that say so.
    pub(crate) fn with(&self, level: Level, text: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = lines.iter().filter(|(of, line)| *of == level && line.contains(text));
        matching.map(|(_, line)| line.clone()).collect()
    }

    /// Fails unless there are so many lines of this level, and all of them say so.
    pub(crate) fn ensure_only(&self, level: Level, text: &str, count: usize) -> anyhow::Result<()> {
        let all = self.with(level, "");
        let matching = self.with(level, text).len();
        anyhow::ensure!(
            matching == count && all.len() == count,
            "{count} {level} lines with {text:?} were due, these were written: {all:#?}"
        );
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((*event.metadata().level(), line.0));
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
