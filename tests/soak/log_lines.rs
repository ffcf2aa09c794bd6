//! Counts the lines of the crate's log, which would be many.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
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

const LOOPS: usize = 3;

/// The lines from INFO on: ERROR, WARN and INFO, and those that an object loops.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines(Arc<[AtomicU64; 4]>);

impl LogLines {
    /// Where a thread has to send its log for the lines to be counted here.
    pub(crate) fn dispatch(&self) -> Dispatch {
        let crate_only = Targets::new().with_target("requeue_policy", LevelFilter::INFO);
        registry().with(self.clone().with_filter(crate_only)).into()
    }

    /// The number of ERROR, WARN and INFO lines.
    pub(crate) fn by_level(&self) -> [u64; 3] {
        [0, 1, 2].map(|place: usize| self.0[place].load(Ordering::Relaxed))
    }

    /// The lines that say that the rate limit holds an object back, which are WARN lines too.
    pub(crate) fn loops(&self) -> u64 {
        self.0[LOOPS].load(Ordering::Relaxed)
    }
}

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0[place(*event.metadata().level())].fetch_add(1, Ordering::Relaxed);
        let mut says = SaysLoops(false);
        event.record(&mut says);
        self.0[LOOPS].fetch_add(u64::from(says.0), Ordering::Relaxed);
    }
}

struct SaysLoops(bool);

impl Visit for SaysLoops {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 |= field.name() == "message" && format!("{value:?}").starts_with("loops");
    }
}

fn place(level: Level) -> usize {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        _ => 2,
    }
}
