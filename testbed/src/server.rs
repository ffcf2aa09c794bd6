//! The server as tests see it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::fault::{Fault, RequestInfo};
use crate::requests::Requests;
use crate::resource::Resource;
use crate::store::Store;

/// A Kubernetes API server in memory. See the [crate docs](crate) for what it follows and what it leaves out.
///
/// It is a handle: clones are the same server. It lives as long as one of them, or a connection or open watch. All
/// methods take effect at once and may be called from any task.
///
/// # Panics
///
/// Its methods panic after a hook of [`on_request`](Self::on_request) panicked. Requests that take time (latency,
/// watches) need a tokio runtime with its time enabled.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    controls: Mutex<Controls>,
    /// Apart from the others, so that the hook may use the server.
    hook: Mutex<Hook>,
}

type Hook = Box<dyn FnMut(&RequestInfo) -> Option<Fault> + Send>;

/// What a test sets, and the counters it reads.
pub(crate) struct Controls {
    pub(crate) requests: Requests,
    pub(crate) status_writes: u64,
    pub(crate) latency: Duration,
    pub(crate) reachable: bool,
    pub(crate) watches_held_until: Instant,
}

impl ApiServer {
    /// A server without objects that serves these types and the built-in ones. The seed is 0.
    ///
    /// The server's clock starts now. A type of the same group and plural as a built-in one replaces it.
    #[must_use]
    pub fn new(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self::with_seed(0, resources)
    }

    /// The same as [`new`](Self::new), with a seed that determines uids and generated names.
    #[must_use]
    pub fn with_seed(seed: u64, resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut store = Store::new(seed);
        resources.into_iter().for_each(|resource| store.define(resource));
        let controls = Controls {
            requests: Requests::default(),
            status_writes: 0,
            latency: Duration::ZERO,
            reachable: true,
            watches_held_until: Instant::now(),
        };
        Self {
            shared: Arc::new(Shared {
                store: Mutex::new(store),
                controls: Mutex::new(controls),
                hook: Mutex::new(Box::new(|_| None)),
            }),
        }
    }

    /// A connection whose requests are counted, delayed and hit by faults: the controller's.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::new(self.clone(), false)
    }

    /// A connection whose requests are neither counted nor delayed nor hit by faults: that of the test, or of other
    /// clients.
    #[must_use]
    pub fn connect_outside(&self) -> Connection {
        Connection::new(self.clone(), true)
    }

    /// Serves one more type from now on, as if its CustomResourceDefinition were applied. Before that, its path is
    /// answered with 404. A type that is served already is replaced and keeps its objects.
    pub fn define(&self, resource: Resource) {
        self.with_store(|store| store.define(resource));
    }

    /// How many requests came through [`connect`](Self::connect) since the server was made, including those that
    /// failed. A request counts when it is sent, before its latency.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.controls().requests
    }

    /// How many of these requests changed the status of an object. A write that changes nothing does not count, nor
    /// does a dry run.
    #[must_use]
    pub fn status_writes(&self) -> u64 {
        self.controls().status_writes
    }

    /// How long every request of [`connect`](Self::connect) takes from now on, before the server looks at it. The
    /// events of a watch are delayed by [`set_watch_lag`](Self::set_watch_lag) instead. Zero at the start.
    pub fn set_latency(&self, latency: Duration) {
        self.controls().latency = latency;
    }

    /// Asks the hook about each request of [`connect`](Self::connect) just before it is done; it replaces the hook
    /// there was. Requests that the server does not understand, and those of discovery, are not asked about.
    ///
    /// The hook may use the server: read objects, or let something else happen first. It must not call `on_request`,
    /// which would wait forever.
    pub fn on_request(&self, hook: impl FnMut(&RequestInfo) -> Option<Fault> + Send + 'static) {
        *self.shared.hook.lock().expect("a hook panicked") = Box::new(hook);
    }

    /// Ends every open watch with an error, as a broken connection does.
    pub fn close_watches(&self) {
        self.with_store(|store| store.cut_watches(true));
    }

    /// Lets watches of [`connect`](Self::connect) deliver nothing for so long; what happens meanwhile comes then, in
    /// order. A shorter hold does not end a longer one. Watches that are cut meanwhile end at once.
    pub fn hold_watches(&self, lasts: Duration) {
        let until = Instant::now() + lasts;
        let mut controls = self.controls();
        controls.watches_held_until = until.max(controls.watches_held_until);
    }

    /// Lets every change from now on arrive so much later at the watches of [`connect`](Self::connect), as from a cache
    /// that lags behind. Zero at the start.
    ///
    /// The order stays, also when the lag becomes shorter, and bookmarks do not overtake. A watch that resumes gets a
    /// change no earlier. What a watch starts with if it names no version, and lists, do not lag.
    pub fn set_watch_lag(&self, lag: Duration) {
        self.with_store(|store| store.watch_lag = lag);
    }

    /// Sends an object to its watches once more, as it is, as if it had changed; returns whether there is such an object.
    ///
    /// A bookmark follows, also to watches that did not ask for one, so that no watch resumes from the older version.
    #[must_use = "false where there is no such object"]
    pub fn repeat(&self, plural: &str, namespace: &str, name: &str) -> bool {
        self.with_store(|store| store.repeat(plural, namespace, name))
    }

    /// Forgets all history: a watch or a page of a list from a version that some client knows by now is answered with
    /// 410. Open watches stay open.
    pub fn expire(&self) {
        self.with_store(Store::expire);
    }

    /// How many changes are kept, of all types together, for watches that resume and for pages; 10,000 at the start.
    pub fn set_history_limit(&self, limit: usize) {
        self.with_store(|store| store.set_history_limit(limit));
    }

    /// Whether requests of [`connect`](Self::connect) arrive. With `false` they fail with a connection error, and open
    /// watches are cut.
    pub fn set_reachable(&self, reachable: bool) {
        self.controls().reachable = reachable;
        if !reachable {
            self.with_store(|store| store.cut_watches(false));
        }
    }

    /// An object as it is stored, by the plural name of its type; the namespace of a cluster-scoped one is empty. If two
    /// groups have types of this name, the first that has such an object, in the order in which they were defined.
    #[must_use]
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.with_store(|store| store.object(plural, namespace, name).cloned())
    }

    /// The time by the server's clock, which starts at 2030-01-01T00:00:00Z and follows tokio's.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.with_store(|store| store.clock.now())
    }

    pub(crate) fn with_store<T>(&self, use_store: impl FnOnce(&mut Store) -> T) -> T {
        let store = self.shared.store.lock();
        use_store(&mut store.expect("a test panicked while it held the server's objects"))
    }

    pub(crate) fn controls(&self) -> MutexGuard<'_, Controls> {
        let controls = self.shared.controls.lock();
        controls.expect("a test panicked while it held the server's controls")
    }

    pub(crate) fn fault_of(&self, request: &RequestInfo) -> Option<Fault> {
        let mut hook = self.shared.hook.lock().expect("a hook panicked");
        hook(request)
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiServer")
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}
