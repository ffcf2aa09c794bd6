//! The server as tests see it.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use http::{Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;
use tower::{BoxError, service_fn};

use super::metadata;
use super::refusal::Refusal;
use super::request::{Call, Verb};
use super::resource::Resource;
use super::store::{Reply, Store, to_json};
use super::watch;

/// A Kubernetes API server in memory, to be made and used in a runtime whose time is paused: it takes the time from
/// tokio's clock, and the same requests get the same answers in every run.
///
/// It follows kube-apiserver in what a controller can notice, and refuses what it does not support. Left out are:
/// schemas, defaults and admission; namespaces that must exist; the garbage collector; grace periods;
/// `managedFields`, and with them most of server-side apply, of which there is the merge and the creation of what is
/// missing; pages of a list (`limit` has no effect); dry runs; discovery.
#[derive(Clone)]
pub(crate) struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    controls: Mutex<Controls>,
    /// Apart from the rest, so that the hook may use the server.
    hook: Mutex<Hook>,
}

type Hook = Box<dyn FnMut(&RequestInfo) -> Option<Fault> + Send>;

struct Controls {
    requests: Requests,
    status_writes: u64,
    latency: Duration,
    reachable: bool,
    watches_held_until: Instant,
}

/// How many requests there were, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// Lists.
    pub(crate) list: u64,
    /// Watches started.
    pub(crate) watch: u64,
    /// Reads of one object.
    pub(crate) get: u64,
    /// Creations.
    pub(crate) create: u64,
    /// Replacements of an object.
    pub(crate) replace: u64,
    /// Replacements of a status.
    pub(crate) replace_status: u64,
    /// Patches of an object.
    pub(crate) patch: u64,
    /// Patches of a status.
    pub(crate) patch_status: u64,
    /// Deletions.
    pub(crate) delete: u64,
    /// All of these, and those that the server did not understand.
    pub(crate) total: u64,
}

/// What a fault hook gets to know of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestInfo {
    /// What the request does.
    pub(crate) verb: Verb,
    /// The type it is about, by its name in URLs.
    pub(crate) plural: String,
    /// The namespace, if the request names one.
    pub(crate) namespace: Option<String>,
    /// The object, if the request names one.
    pub(crate) name: Option<String>,
}

/// What goes wrong with a request, instead of its being done.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The server answers with this status.
    Status {
        /// The HTTP status code.
        code: u16,
        /// The machine-readable reason, such as `TooManyRequests`.
        reason: &'static str,
        /// When to try again, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// No connection comes about.
    Unreachable,
}

impl ApiServer {
    /// A server without objects. The seed determines the uids.
    pub(crate) fn new(seed: u64, resources: impl IntoIterator<Item = Resource>) -> Self {
        let store = Store::new(seed, resources.into_iter().collect());
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

    /// A client whose requests are counted, delayed and hit by faults: the controller's. Its namespace is `default`.
    pub(crate) fn client(&self) -> Client {
        self.connect(false)
    }

    /// A client in another place: its requests are not counted, not delayed and not hit by faults.
    pub(crate) fn outside_client(&self) -> Client {
        self.connect(true)
    }

    /// How many requests [`client`](Self::client)s have made, including those that failed.
    pub(crate) fn requests(&self) -> Requests {
        self.controls().requests
    }

    /// How many of the requests of [`client`](Self::client)s changed the status of an object.
    pub(crate) fn status_writes(&self) -> u64 {
        self.controls().status_writes
    }

    /// How long every request is under way from now on, before the server looks at it.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.controls().latency = latency;
    }

    /// Asks the hook for the fault of each request that the server understands, just before doing it. It replaces the
    /// hook there was. It may use the server, but not set a hook.
    pub(crate) fn on_request(&self, hook: impl FnMut(&RequestInfo) -> Option<Fault> + Send + 'static) {
        *self.shared.hook.lock().expect("a hook panicked") = Box::new(hook);
    }

    /// Ends every open watch with an error, as a broken connection does.
    pub(crate) fn close_watches(&self) {
        self.with_store(|store| store.cut_watches(true));
    }

    /// Lets open watches deliver nothing until so long from now; what happens meanwhile comes then, in order.
    pub(crate) fn hold_watches(&self, lasts: Duration) {
        let until = Instant::now() + lasts;
        let mut controls = self.controls();
        controls.watches_held_until = until.max(controls.watches_held_until);
    }

    /// Tells watches of an object once more, as it is, as if it had changed, and how far they have come; false if
    /// there is no such object. For watches that take bookmarks.
    pub(crate) fn repeat(&self, plural: &str, namespace: &str, name: &str) -> bool {
        self.with_store(|store| store.repeat(plural, namespace, name))
    }

    /// Forgets all history: a watch from a version that some client knows by now is answered with 410. Open watches
    /// stay open.
    pub(crate) fn expire(&self) {
        self.with_store(Store::expire);
    }

    /// How many changes are kept for watches that resume; 10,000 from the start.
    pub(crate) fn set_history_limit(&self, limit: usize) {
        self.with_store(|store| store.set_history_limit(limit));
    }

    /// Whether requests come through. With false, [`client`](Self::client)s get connection errors, and their open
    /// watches are cut.
    pub(crate) fn set_reachable(&self, reachable: bool) {
        self.controls().reachable = reachable;
        if !reachable {
            self.with_store(|store| store.cut_watches(false));
        }
    }

    /// An object as it is stored; for a cluster-wide one, the namespace is empty.
    pub(crate) fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.with_store(|store| store.object(plural, namespace, name).cloned())
    }

    /// The time by the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.with_store(|store| store.now())
    }

    pub(super) fn with_store<T>(&self, use_store: impl FnOnce(&mut Store) -> T) -> T {
        let store = self.shared.store.lock();
        use_store(&mut store.expect("a test panicked while it held the server's objects"))
    }

    pub(super) fn watches_held_until(&self) -> Instant {
        self.controls().watches_held_until
    }

    fn controls(&self) -> MutexGuard<'_, Controls> {
        let controls = self.shared.controls.lock();
        controls.expect("a test panicked while it held the server's controls")
    }

    fn connect(&self, outside: bool) -> Client {
        let server = self.clone();
        let service = service_fn(move |request| server.clone().serve(request, outside));
        Client::new(service, "default")
    }

    async fn serve(self, request: Request<Body>, outside: bool) -> Result<Response<AnswerBody>, BoxError> {
        let (request, body) = request.into_parts();
        let call = self.with_store(|store| Call::parse(store.resources(), &request.method, &request.uri));
        if !outside && let Some(fault) = self.meet(call.as_ref().ok()).await {
            return fault.answer();
        }
        let header = |name| request.headers.get(name).and_then(|text| text.to_str().ok());
        let body = body.collect_bytes().await?;
        let answer = call.and_then(|call| {
            let metadata_only = match header(header::ACCEPT) {
                Some(accept) if accept.contains("as=PartialObjectMetadata") => true,
                Some(accept) if accept.contains("as=") => return Err(Refusal::unsupported(format_args!("{accept}"))),
                _ => false,
            };
            let content_type = header(header::CONTENT_TYPE).unwrap_or_default();
            self.answer(call, content_type, &body, outside, metadata_only)
        });
        Ok(answer.unwrap_or_else(|refusal| refuse(&refusal)))
    }

    /// Counts and delays a request, and finds out what goes wrong with it.
    async fn meet(&self, call: Option<&Call>) -> Option<Fault> {
        let latency = {
            let mut controls = self.controls();
            controls.requests.count(call.map(|call| call.verb));
            controls.latency
        };
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if !self.controls().reachable {
            return Some(Fault::Unreachable);
        }
        let call = call?;
        let info = RequestInfo {
            verb: call.verb,
            plural: self.with_store(|store| store.resources()[call.table].plural.clone()),
            namespace: call.namespace.clone(),
            name: call.name.clone(),
        };
        let mut hook = self.shared.hook.lock().expect("a hook panicked");
        hook(&info)
    }

    fn answer(
        &self,
        call: Call,
        content_type: &str,
        body: &[u8],
        outside: bool,
        metadata_only: bool,
    ) -> Result<Response<AnswerBody>, Refusal> {
        if call.verb == Verb::Watch {
            return self.watch(call, outside, metadata_only);
        }
        let mut reply = self.with_store(|store| store.serve(call, content_type, body))?;
        if metadata_only {
            reply.body = to_json(&metadata::of_answer(&reply.body));
        }
        if reply.status_changed && !outside {
            self.controls().status_writes += 1;
        }
        Ok(whole(reply))
    }

    fn watch(&self, mut call: Call, outside: bool, metadata_only: bool) -> Result<Response<AnswerBody>, Refusal> {
        let filter = call.filter();
        let queue = self.with_store(|store| store.watch(filter, &call.query, outside))?;
        let stream = watch::stream(self.clone(), call.table, &call.query, queue);
        let stream = stream.map_ok(move |line| {
            if metadata_only {
                line.map_data(metadata::of_line)
            } else {
                line
            }
        });
        let body = BodyExt::map_err(StreamBody::new(stream), BoxError::from).boxed_unsync();
        Ok(Response::new(body))
    }
}

impl Requests {
    fn count(&mut self, verb: Option<Verb>) {
        self.total += 1;
        let counter = match verb {
            Some(Verb::List) => &mut self.list,
            Some(Verb::Watch) => &mut self.watch,
            Some(Verb::Get) => &mut self.get,
            Some(Verb::Create) => &mut self.create,
            Some(Verb::Replace) => &mut self.replace,
            Some(Verb::ReplaceStatus) => &mut self.replace_status,
            Some(Verb::Patch) => &mut self.patch,
            Some(Verb::PatchStatus) => &mut self.patch_status,
            Some(Verb::Delete) => &mut self.delete,
            None => return,
        };
        *counter += 1;
    }
}

impl Fault {
    fn answer(self) -> Result<Response<AnswerBody>, BoxError> {
        match self {
            Self::Unreachable => {
                let error = "the API server is unreachable";
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, error).into())
            }
            Self::Status {
                code,
                reason,
                retry_after,
            } => {
                let mut refusal = Refusal::new(code, reason, "a fault that the test asked for");
                refusal.retry_after = retry_after;
                Ok(refuse(&refusal))
            }
        }
    }
}

type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

fn whole(reply: Reply) -> Response<AnswerBody> {
    let body = Full::new(reply.body).map_err(|never: Infallible| match never {});
    Response::builder()
        .status(reply.code)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.boxed_unsync())
        .expect("every answer has a valid status code")
}

fn refuse(refusal: &Refusal) -> Response<AnswerBody> {
    let mut response = whole(Reply {
        code: refusal.code,
        body: to_json(&refusal.status()),
        status_changed: false,
    });
    if let Some(retry_after) = refusal.retry_after {
        let seconds = retry_after.as_secs().into();
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
