//! Counts the controller's requests by what they are for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response};
use tower::{Layer, Service};

/// The requests so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: AtomicU64,
    writes: AtomicU64,
    watches: AtomicU64,
    lists_of_things: AtomicU64,
    lists_of_children: AtomicU64,
}

impl Requests {
    pub(crate) fn all(&self) -> u64 {
        self.0.all.load(Ordering::Relaxed)
    }

    pub(crate) fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Relaxed)
    }

    pub(crate) fn watches(&self) -> u64 {
        self.0.watches.load(Ordering::Relaxed)
    }

    /// Lists that the server began to answer; what follows the first page belongs to it.
    pub(crate) fn lists_of_things(&self) -> u64 {
        self.0.lists_of_things.load(Ordering::Relaxed)
    }

    pub(crate) fn lists_of_children(&self) -> u64 {
        self.0.lists_of_children.load(Ordering::Relaxed)
    }
}

impl Counts {
    /// Counts a request; returns the count of its answer, if that counts too.
    fn count<B>(&self, request: &Request<B>) -> Option<fn(&Counts) -> &AtomicU64> {
        self.all.fetch_add(1, Ordering::Relaxed);
        if request.method() != Method::GET {
            self.writes.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        if query.contains("watch=true") {
            return Some(|counts| &counts.watches);
        }
        if query.contains("continue=") {
            return None;
        }
        if path.ends_with("/things") {
            return Some(|counts| &counts.lists_of_things);
        }
        path.ends_with("/configmaps")
            .then_some(|counts| &counts.lists_of_children)
    }
}

impl<S> Layer<S> for Requests {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting {
            inner,
            counts: self.0.clone(),
        }
    }
}

/// A client's connection that counts what goes through it.
#[derive(Clone, Debug)]
pub(crate) struct Counting<S> {
    inner: S,
    counts: Arc<Counts>,
}

impl<S, B, R> Service<Request<B>> for Counting<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answered = self.counts.count(&request);
        let counts = self.counts.clone();
        let count = move |answer: &Result<S::Response, S::Error>| {
            if let (Some(answered), Ok(answer)) = (answered, answer)
                && answer.status().is_success()
            {
                answered(&counts).fetch_add(1, Ordering::Relaxed);
            }
        };
        self.inner.call(request).inspect(count).boxed()
    }
}
