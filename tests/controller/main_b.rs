//! Temporary: modules while they are ported.

#[path = "../unit/pages.rs"]
mod pages;

mod guide;
mod lines;
#[cfg(feature = "testing")]
mod testing;
mod timeline;
#[cfg(feature = "testing")]
mod timeline_api;
mod world;
