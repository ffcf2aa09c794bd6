//! The controller on an API server in memory and in virtual time.

// The guide as text: its examples are played here, and the program `unit` checks what it links to.
#[path = "../unit/pages.rs"]
mod pages;

mod at_3_am;
#[cfg(feature = "kube-runtime")]
mod do_you_need_this;
mod embedding;
mod error;
mod finalizer;
mod fleet;
mod guide;
mod known;
mod kube_error;
mod limits;
mod lines;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod moving_over;
mod overrides;
mod parity;
mod parts;
mod paused;
mod policy_change;
#[cfg(feature = "testing")]
mod testing;
mod timeline;
#[cfg(feature = "testing")]
mod timeline_api;
mod trigger;
mod world;
