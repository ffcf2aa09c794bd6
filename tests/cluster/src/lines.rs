//! The crate's log, as an operator's author reads it, in little memory.

use std::{
    collections::{HashMap, VecDeque},
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// The lines of the crate from INFO on.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    counts: HashMap<Level, u64>,
    /// By its name, without the namespace.
    of_objects: HashMap<String, VecDeque<Line>>,
    loops: u64,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which line of its object it is, from 1 on; those that say that it loops are not counted.
    pub number: u64,
    /// When it was written.
    pub at: Instant,
    /// How bad it is.
    pub level: Level,
    /// The message, and each field but kind and object.
    pub text: String,
}

impl Lines {
    /// How many lines of each object are kept.
    pub const KEPT: usize = 8;

    /// Where a thread has to send its log for the lines to arrive here.
    pub fn dispatch(&self) -> Dispatch {
        // Nothing else is looked at, so that the log costs the controllers that are measured nothing.
        let crate_only = Targets::new().with_target("requeue_policy", LevelFilter::INFO);
        registry().with(self.clone().with_filter(crate_only)).into()
    }

    /// How many lines of this level there are.
    pub fn count(&self, level: Level) -> u64 {
        self.lock().counts.get(&level).copied().unwrap_or_default()
    }

    /// How many of the WARN lines say that the rate limit holds an object back.
    pub fn loops(&self) -> u64 {
        self.lock().loops
    }

    /// The last lines of the object with this name.
    pub fn of(&self, name: &str) -> VecDeque<Line> {
        self.lock().of_objects.get(name).cloned().unwrap_or_default()
    }

    /// Fails unless there are so many lines of this level, and the last ones of each object all begin with this text.
    pub fn ensure_only(&self, level: Level, text: &str, count: u64) -> anyhow::Result<()> {
        let written = self.count(level);
        let log = self.lock();
        let of_level = log.of_objects.values().flatten().filter(|line| line.level == level);
        let texts: Vec<_> = of_level.map(|line| &line.text).collect();
        let is_so = written == count && texts.iter().all(|line| line.starts_with(text));
        anyhow::ensure!(
            is_so,
            "{count} {level} lines that begin with {text:?} were due, {written} were written: {texts:#?}"
        );
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, mut fields) = (*event.metadata().level(), Fields::default());
        event.record(&mut fields);
        let mut log = self.lock();
        *log.counts.entry(level).or_default() += 1;
        let loops = fields.text.starts_with("reconcile loop detected");
        if fields.text.starts_with("reconciling with a stale cache") {
            // It is about the watch and names the first object that is concerned.
            fields.object.clear();
        }
        log.loops += u64::from(loops);
        let lines = log.of_objects.entry(fields.object).or_default();
        let before = lines.back().map_or(0, |last| last.number);
        lines.push_back(Line {
            number: before + u64::from(!loops),
            at: Instant::now(),
            level,
            text: fields.text,
        });
        if lines.len() > Self::KEPT {
            lines.pop_front();
        }
    }
}

#[derive(Default)]
struct Fields {
    object: String,
    text: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.text, "{value:?}"),
            "object" => {
                let object = format!("{value:?}");
                let name = object.rsplit('/').next().unwrap_or_default();
                write!(self.object, "{name}")
            }
            "kind" => Ok(()),
            name => write!(self.text, " {name}={value:?}"),
        };
    }
}
