//! All that threads share goes through these, so that the test `model` can put a model checker's in their place.

pub(crate) use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
