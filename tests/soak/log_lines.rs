//! Counts the lines of the crate's log, which would be many.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Debug,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
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

/// How many of an object's lines, or transitions, are kept to be shown.
pub(crate) const KEPT: usize = 8;

/// The lines from INFO on: ERROR, WARN and INFO, and those that an object loops.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines {
    counts: Arc<[AtomicU64; 4]>,
    by_object: Arc<Mutex<HashMap<String, Told>>>,
}

/// What the log tells of one object, but that it loops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) lines: u64,
    pub(crate) last: VecDeque<(Instant, String)>,
}

impl LogLines {
    /// Where a thread has to send its log for the lines to be counted here.
    pub(crate) fn dispatch(&self) -> Dispatch {
        let crate_only = Targets::new().with_target("requeue_policy", LevelFilter::INFO);
        registry().with(self.clone().with_filter(crate_only)).into()
    }

    /// The number of ERROR, WARN and INFO lines.
    pub(crate) fn by_level(&self) -> [u64; 3] {
        [0, 1, 2].map(|place: usize| self.counts[place].load(Ordering::Relaxed))
    }

    /// The lines that say that the rate limit holds an object back, which are WARN lines too.
    pub(crate) fn loops(&self) -> u64 {
        self.counts[LOOPS].load(Ordering::Relaxed)
    }

    /// What was told of the object with this name.
    pub(crate) fn of(&self, name: &str) -> Told {
        self.objects().get(name).cloned().unwrap_or_default()
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.by_object.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.counts[place(*event.metadata().level())].fetch_add(1, Ordering::Relaxed);
        let mut line = Line::default();
        event.record(&mut line);
        if line.message.starts_with("loops") {
            self.counts[LOOPS].fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut objects = self.objects();
        let told = objects.entry(line.object).or_default();
        told.lines += 1;
        told.last.push_back((Instant::now(), line.message));
        if told.last.len() > KEPT {
            told.last.pop_front();
        }
    }
}

#[derive(Default)]
struct Line {
    /// Without its namespace.
    object: String,
    message: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "object" => {
                let object = format!("{value:?}");
                self.object = object.rsplit('/').next().unwrap_or_default().to_owned();
            }
            _ => {}
        }
    }
}

fn place(level: Level) -> usize {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        _ => 2,
    }
}
