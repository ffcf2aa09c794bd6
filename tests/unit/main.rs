//! What needs neither a runtime nor a server: the decision, the config and its messages, the schema, the guide's text.

mod choosing;
#[cfg(feature = "conditions")]
mod conditions;
mod config;
#[cfg(all(feature = "kube-runtime", feature = "testing"))]
mod delays;
mod guide;
mod interval;
mod outcome;
mod pages;
#[cfg(feature = "schemars")]
mod schema;
