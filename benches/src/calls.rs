//! Calls that some threads share, and the time that they take.

use crate::Workload;
use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};

/// What kube-runtime passes by value: an object and the controller's context.
pub type Trigger = (Arc<Workload>, Arc<()>);

/// So many calls, one object after the other and round again, divided among so many threads.
pub fn shares(order: &[Arc<Workload>], calls: usize, threads: usize) -> Vec<Vec<&Arc<Workload>>> {
    let bound = |thread: usize| thread * calls / threads;
    (0..threads)
        .map(|thread| {
            let objects = order.iter().cycle().skip(bound(thread) % order.len());
            objects.take(bound(thread + 1) - bound(thread)).collect()
        })
        .collect()
}

/// The same, cloned in advance: the clones are not part of what is called. Each thread has a context of its own, or the
/// threads would be measured at counting its references.
pub fn triggers(order: &[Arc<Workload>], calls: usize, threads: usize) -> Vec<Vec<Trigger>> {
    shares(order, calls, threads)
        .into_iter()
        .map(|share| {
            let context = Arc::new(());
            share
                .into_iter()
                .map(|object| (object.clone(), context.clone()))
                .collect()
        })
        .collect()
}

/// Makes the calls of each share on a thread of its own; returns the wall time of all over their number, in
/// nanoseconds.
pub fn per_call<T: Send, R>(shares: Vec<Vec<T>>, call: impl Fn(T) -> R + Sync) -> f64 {
    let calls: usize = shares.iter().map(Vec::len).sum();
    let (call, start) = (&call, &Barrier::new(shares.len()));
    let spans: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .map(|mut share| {
                scope.spawn(move || {
                    start.wait();
                    let begun = Instant::now();
                    for one in share.drain(..) {
                        black_box(call(one));
                    }
                    (begun, Instant::now())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no call panics"))
            .collect()
    });
    let begun = spans.iter().map(|span| span.0).min().expect("there is a thread");
    let ended = spans.iter().map(|span| span.1).max().expect("there is a thread");
    (ended - begun).as_nanos() as f64 / calls as f64
}
