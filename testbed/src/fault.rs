//! What a hook gets to know of a request, and what it makes go wrong.

use std::time::Duration;

use crate::call::Verb;

/// What a hook gets to know of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestInfo {
    /// What the request does.
    pub verb: Verb,
    /// The type it is about, by its name in URLs, such as `configmaps`.
    pub plural: String,
    /// The namespace, if the request names one.
    pub namespace: Option<String>,
    /// The object, if the path names one. The path of a creation does not.
    pub name: Option<String>,
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The server does nothing and answers with this status.
    Status {
        /// The HTTP status code, from 100 to 999; with any other one the request panics.
        code: u16,
        /// The machine-readable reason, such as `TooManyRequests`.
        reason: &'static str,
        /// When to try again, rounded up to whole seconds, which is what the protocol has.
        retry_after: Option<Duration>,
    },
    /// No connection comes about: the client gets an error, and the server does nothing.
    Unreachable,
    /// The server does what is asked, and the connection breaks before the answer arrives: the client gets an error
    /// and cannot know that its write was done.
    LostResponse,
}
