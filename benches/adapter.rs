//! What the parts for a `kube::runtime::Controller` cost, and other Rust crates at the same work: `cargo bench -p benches --bench adapter`.
//!
//! One iteration is a pass of a million calls, so the time of one call is the inverse of the throughput. The objects
//! come in a random order; what reading them costs in that order is a benchmark of its own, "touch".

use benches::{
    Backon, Governor, Oops, Rival, Tower, Workload, error_policy, failing, fails, in_random_order, is_test, objects,
    per_call, policy, requeuer, shares, succeeds, touch, triggers, written,
};
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main, measurement};
use futures::FutureExt as _;
use requeue_policy::kube::Requeuer;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::{self, Runtime};

type Group<'a> = BenchmarkGroup<'a, measurement::WallTime>;

/// How many objects there are, and how many calls make a pass.
struct Size {
    objects: [usize; 3],
    calls: usize,
}

fn size() -> Size {
    // What CI runs once says nothing of time.
    if is_test() {
        return Size {
            objects: [1, 100, 1000],
            calls: 1000,
        };
    }
    Size {
        objects: [1, 100_000, 1_000_000],
        calls: 1_000_000,
    }
}

/// A group in which an iteration is a pass of so many calls.
fn group<'a>(criterion: &'a mut Criterion, name: &str, calls: usize) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(calls as u64));
    group
}

/// `pass` returns the nanoseconds that one call took in it.
fn bench(group: &mut Group, name: impl Into<String>, calls: usize, mut pass: impl FnMut() -> f64) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations)
                .map(|_| Duration::from_nanos((pass() * calls as f64) as u64))
                .sum()
        });
    });
}

fn whole_path(criterion: &mut Criterion) {
    let Size { objects: counts, calls } = size();
    let all = objects(counts[2]);
    for count in counts {
        let order = in_random_order(&all, count);
        let mut group = group(criterion, &format!("{count} objects"), calls);
        for threads in [1, 4] {
            let mut at = |name: &str, pass: &mut dyn FnMut() -> f64| {
                bench(&mut group, format!("{name}, {threads} threads"), calls, pass);
            };
            at("touch", &mut || {
                per_call(shares(&order, calls, threads), |object| touch(object))
            });

            let requeue = requeuer();
            let reconcile = requeue.reconciler(succeeds);
            at("trigger and success", &mut || {
                per_call(triggers(&order, calls, threads), |(object, context)| {
                    let answer = reconcile(object, context).now_or_never();
                    assert!(matches!(answer, Some(Ok(_))), "{answer:?} is not the end of a run");
                })
            });

            let requeue = requeuer();
            let fail = failing(&requeue);
            at("trigger and error", &mut || {
                per_call(triggers(&order, calls, threads), &fail)
            });
            let error_policy = error_policy(&requeue);
            at("error_policy", &mut || {
                per_call(triggers(&order, calls, threads), |(object, context)| {
                    error_policy(object, &Oops, context)
                })
            });

            let runtime = Runtime::new().expect("a runtime for tower's timers");
            let rivals: [(&str, Box<dyn Rival>); 3] = [
                ("backon", Box::new(Backon::default())),
                ("governor", Box::new(Governor::default())),
                ("tower", Box::new(Tower::new(runtime.handle().clone()))),
            ];
            for (name, rival) in &rivals {
                at(&format!("peer: {name}, failure"), &mut || {
                    per_call(triggers(&order, calls, threads), |(object, _)| rival.failed(&object))
                });
            }
        }
        group.finish();
    }
}

/// A status write comes back, again and again: the trigger that needs no reconcile.
fn postponed(criterion: &mut Criterion) {
    let [_, count, _] = size().objects;
    let before = in_random_order(&objects(count), count);
    let after = written(&before);
    let day = policy().with_default(Duration::from_secs(86_400));
    let requeue = Requeuer::new(day).expect("the policy is valid");
    let reconcile = requeue.reconciler(succeeds);
    per_call(triggers(&before, count, 1), |(object, context)| {
        reconcile(object, context).now_or_never()
    });
    // A run would be an error.
    let reconcile = requeue.reconciler(fails);
    let mut group = group(criterion, &format!("{count} objects, trigger postponed"), count);
    let mut turn = 0;
    for threads in [1, 4] {
        bench(&mut group, format!("{threads} threads"), count, || {
            turn += 1;
            let objects = if turn % 2 == 1 { &after } else { &before };
            per_call(triggers(objects, count, threads), |(object, context)| {
                let answer = reconcile(object, context).now_or_never();
                assert!(matches!(answer, Some(Ok(_))), "{answer:?} is not a postponed trigger");
            })
        });
    }
    group.finish();
}

/// The first failure of every object, the growth of the memory included.
fn insertion(criterion: &mut Criterion) {
    let [_, _, count] = size().objects;
    let order = in_random_order(&objects(count), count);
    let mut group = group(criterion, &format!("{count} objects, inserted"), count);
    for threads in [1, 4] {
        let mut at = |name: &str, pass: &mut dyn FnMut() -> f64| {
            bench(&mut group, format!("{name}, {threads} threads"), count, pass);
        };
        at("trigger and error", &mut || {
            per_call(triggers(&order, count, threads), failing(&requeuer()))
        });
        at("peer: backon", &mut || {
            let rival = Backon::default();
            per_call(triggers(&order, count, threads), |(object, _)| rival.failed(&object))
        });
        at("peer: governor", &mut || {
            let rival = Governor::default();
            per_call(triggers(&order, count, threads), |(object, _)| rival.failed(&object))
        });
    }
    group.finish();
}

/// What the calls pay that forget the objects that are gone, by forgotten object.
fn ageing(criterion: &mut Criterion) {
    let [_, count, _] = size().objects;
    let order = in_random_order(&objects(count), count);
    let mut group = group(criterion, &format!("{count} objects, aged out"), count);
    bench(&mut group, "per object", count, || {
        let virtual_time = runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = virtual_time.expect("a runtime whose time stands still");
        runtime.block_on(forget_all(&order)).as_nanos() as f64 / count as f64
    });
    group.finish();
}

async fn forget_all(order: &[Arc<Workload>]) -> Duration {
    let requeue = requeuer();
    let fail = failing(&requeue);
    for object in order {
        fail((object.clone(), Arc::default()));
    }
    assert_eq!(requeue.tracked(), order.len());
    let mut spent = Duration::ZERO;
    for _ in 0..10_000 {
        tokio::time::advance(Duration::from_secs(5)).await;
        let one = (order[0].clone(), Arc::default());
        let begun = Instant::now();
        fail(one);
        spent += begun.elapsed();
        if requeue.tracked() == 1 {
            return spent;
        }
    }
    panic!("{} objects are never forgotten", requeue.tracked());
}

// Ageing comes last: from when time stood still once, tokio's clock is slower to read.
criterion_group!(benches, whole_path, postponed, insertion, ageing);
criterion_main!(benches);
