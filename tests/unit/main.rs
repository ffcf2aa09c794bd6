//! What needs neither a runtime nor a server: the decision, the config and its messages, the schema, the guide's text.

mod choosing;
#[cfg(feature = "conditions")]
mod conditions;
mod config;
mod guide;
mod interval;
#[cfg(all(feature = "kube-runtime", feature = "kube-runtime-1"))]
mod majors;
mod pages;
#[cfg(feature = "schemars")]
mod schema;
