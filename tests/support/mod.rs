//! What the integration tests share: a Kubernetes API server in memory.

// Every test binary includes this module and uses its own part of it.
#![allow(dead_code, unused_imports)]

mod api_server;
mod metadata;
mod refusal;
mod request;
mod resource;
mod store;
mod watch;

pub(crate) use api_server::{ApiServer, Fault, RequestInfo, Requests};
pub(crate) use request::Verb;
pub(crate) use resource::Resource;
