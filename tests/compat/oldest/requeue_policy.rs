//! The crate, with the adapter for the oldest kube in the place of the newest's.

pub use real::{kube_1 as kube, kube_1::testing, *};
