//! What a trial is measured with.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::Method;
use kube::{Client, client::Body};
use tower::service_fn;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::{clock::Clock, resource::CAPTControlPlaneStatus, workspace::State};

/// Counts and times what a controller does.
pub(crate) struct Meter {
    clock: Clock,
    runs: Mutex<Vec<Run>>,
    requests: AtomicU64,
    status_writes: AtomicU64,
    log_lines: AtomicU64,
}

/// One reconcile.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The control plane.
    pub(crate) plane: String,
    /// The state of the workspace that it found.
    pub(crate) found: State,
    /// When it started.
    pub(crate) started: Duration,
    /// When it ended.
    pub(crate) ended: Duration,
    /// How many times it wrote the status.
    pub(crate) status_writes: u64,
    /// What the status showed after the last of them, and since when; `None` for a reconcile that did not get so far.
    pub(crate) shown: Option<(Duration, Shown)>,
}

/// How much of what happened to a control plane its status shows; each number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The generation of its spec.
    pub(crate) generation: u64,
    /// The revision of its workspace.
    pub(crate) revision: u64,
    /// The resource version of its outputs.
    pub(crate) outputs: u64,
}

impl Shown {
    /// Whether all of `mark` is shown.
    pub(crate) fn includes(self, mark: Self) -> bool {
        self.generation >= mark.generation && self.revision >= mark.revision && self.outputs >= mark.outputs
    }
}

impl Meter {
    /// Returns a meter that takes the time from a clock.
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            runs: Mutex::default(),
            requests: AtomicU64::default(),
            status_writes: AtomicU64::default(),
            log_lines: AtomicU64::default(),
        })
    }

    /// Notes that a reconcile starts; it ends when the returned value is dropped.
    pub(crate) fn run(self: &Arc<Self>, plane: String, found: State) -> Running {
        let now = self.clock.elapsed();
        Running {
            meter: self.clone(),
            run: Run {
                plane,
                found,
                started: now,
                ended: now,
                status_writes: 0,
                shown: None,
            },
        }
    }

    /// Returns a client whose requests are counted.
    pub(crate) fn count_requests(self: &Arc<Self>, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        let meter = self.clone();
        let service = service_fn(move |request: http::Request<Body>| {
            meter.requests.fetch_add(1, Relaxed);
            if request.method() == Method::PATCH && request.uri().path().ends_with("/status") {
                meter.status_writes.fetch_add(1, Relaxed);
            }
            let client = client.clone();
            async move { client.send(request).await }
        });
        Client::new(service, namespace)
    }

    /// Returns how many reconciles have ended.
    pub(crate) fn finished_runs(&self) -> usize {
        self.runs().len()
    }

    /// Returns the reconciles that have ended, and forgets them.
    pub(crate) fn take_runs(&self) -> Vec<Run> {
        std::mem::take(&mut self.runs())
    }

    /// Returns how many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Returns how many of them were patches of a status.
    pub(crate) fn status_writes(&self) -> u64 {
        self.status_writes.load(Relaxed)
    }

    /// Returns how many lines were logged.
    pub(crate) fn log_lines(&self) -> u64 {
        self.log_lines.load(Relaxed)
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, Vec<Run>> {
        // A list of what is over cannot be half changed.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reconcile under way.
pub(crate) struct Running {
    meter: Arc<Meter>,
    run: Run,
}

impl Running {
    /// Notes that the API server has acknowledged this status.
    pub(crate) fn shown(&mut self, status: &CAPTControlPlaneStatus) {
        let outputs = status.outputs_version.as_ref();
        let shown = Shown {
            generation: status.observed_generation.unwrap_or_default() as u64,
            revision: status.workspace_revision.unwrap_or_default(),
            outputs: outputs.and_then(|version| version.parse().ok()).unwrap_or_default(),
        };
        self.run.status_writes += 1;
        self.run.shown = Some((self.meter.clock.elapsed(), shown));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.run.ended = self.meter.clock.elapsed();
        self.meter.runs().push(self.run.clone());
    }
}

/// Counts log lines where a subscriber would write them.
pub(crate) struct LogLines(pub(crate) Arc<Meter>);

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.log_lines.fetch_add(1, Relaxed);
    }
}
