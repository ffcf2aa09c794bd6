//! Reads what the crate counts.

use metrics::LocalRecorderGuard;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

/// A recorder of this thread, from its installation on.
pub(crate) struct Reader {
    snapshotter: Snapshotter,
    _guard: LocalRecorderGuard<'static>,
}

pub(crate) struct Series {
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) is: String,
    /// In the order of their names.
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) meaning: String,
    /// As text; `None` is zero.
    value: Option<String>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels.find_map(|(label, value)| (label == name).then_some(value.as_str()))
    }
}

impl Reader {
    pub(crate) fn install() -> Self {
        // The guard needs one that outlives it; a test has few.
        let recorder = Box::leak(Box::new(DebuggingRecorder::new()));
        Self {
            snapshotter: recorder.snapshotter(),
            _guard: metrics::set_default_local_recorder(recorder),
        }
    }

    /// All series; what they counted is taken with the reading.
    pub(crate) fn series(&self) -> Vec<Series> {
        let snapshot = self.snapshotter.snapshot().into_vec();
        let series = snapshot.into_iter().map(|(key, _, meaning, value)| {
            let (kind, key) = key.into_parts();
            let labels = key
                .labels()
                .map(|label| (label.key().to_owned(), label.value().to_owned()));
            let mut labels: Vec<_> = labels.collect();
            labels.sort();
            Series {
                name: key.name().to_owned(),
                is: match kind {
                    MetricKind::Counter => "counter",
                    MetricKind::Gauge => "gauge",
                    MetricKind::Histogram => "histogram",
                }
                .to_owned(),
                labels,
                meaning: meaning.unwrap_or_default().into_owned(),
                value: text(&value),
            }
        });
        series.collect()
    }

    /// What was counted since the last reading, one line for each series that is not zero. The lines are without what
    /// all have: the prefix, and the label `kind`.
    pub(crate) fn read(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.series().into_iter().filter_map(line).collect();
        lines.sort();
        lines
    }

    /// The same of what begins so.
    pub(crate) fn only(&self, name: &str) -> Vec<String> {
        let lines = self.read().into_iter();
        lines.filter(|line| line.starts_with(name)).collect()
    }
}

fn line(series: Series) -> Option<String> {
    let value = series.value.as_ref()?;
    assert_eq!(series.label("kind"), Some("Thing"), "{}", series.name);
    let labels: Vec<_> = series
        .labels
        .iter()
        .filter(|(label, _)| label != "kind")
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    let labels = match labels.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", labels.join(",")),
    };
    let name = series.name.strip_prefix("requeue_").expect("all names have the prefix");
    Some(format!("{name}{labels} {value}"))
}

fn text(value: &DebugValue) -> Option<String> {
    match value {
        DebugValue::Counter(0) => None,
        DebugValue::Counter(count) => Some(count.to_string()),
        DebugValue::Gauge(gauge) => (gauge.0 != 0.0).then(|| gauge.to_string()),
        DebugValue::Histogram(values) => {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            (!values.is_empty()).then(|| format!("[{}]", values.join(", ")))
        }
    }
}
