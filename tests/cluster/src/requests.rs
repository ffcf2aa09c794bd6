//! Counts a controller's requests by what they are for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response};
use tower::{Layer, Service};

/// A layer of a client that counts what goes through it.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Mutex<Counts>>);

/// The requests so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// All requests.
    pub all: u64,
    /// All but those that read.
    pub writes: u64,
    /// Watches that the server began to answer.
    pub watches: u64,
    /// Lists of things that the server began to answer; what follows the first page belongs to it.
    pub lists_of_things: u64,
    /// The same of their children.
    pub lists_of_children: u64,
}

impl Requests {
    /// The requests so far.
    pub fn so_far(&self) -> Counts {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Requests {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting {
            inner,
            requests: self.clone(),
        }
    }
}

/// A client's connection with its requests counted.
#[derive(Clone, Debug)]
pub struct Counting<S> {
    inner: S,
    requests: Requests,
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
        let (requests, is_read, uri) = (
            self.requests.clone(),
            request.method() == Method::GET,
            request.uri().clone(),
        );
        let mut counts = requests.lock();
        counts.all += 1;
        counts.writes += u64::from(!is_read);
        drop(counts);
        let count = move |answer: &Result<S::Response, S::Error>| {
            if !is_read || !answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let (mut counts, query) = (requests.lock(), uri.query().unwrap_or_default());
            if query.contains("watch=true") {
                counts.watches += 1;
            } else if !query.contains("continue=") {
                // The path of a single object ends with its name.
                counts.lists_of_things += u64::from(uri.path().ends_with("/things"));
                counts.lists_of_children += u64::from(uri.path().ends_with("/configmaps"));
            }
        };
        self.inner.call(request).inspect(count).boxed()
    }
}
