//! Bugs of kube-runtime that this crate works around: each is played with kube's `Controller` and with this crate's.
//!
//! `docs/upstream.md` describes each of them for kube's maintainers. A test also fails when kube has mended its bug: then
//! the workaround can go.

mod backoff;
mod deaf;
mod owner;
mod relist;
mod world;
