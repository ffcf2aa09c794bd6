//! The cost of a decision in every mode, beside one clock read, its only peer: `cargo bench -p benches --bench decision`.

use std::{hint::black_box, time::SystemTime};

use benches::{failed, modes};
use criterion::{Criterion, criterion_group, criterion_main};
use requeue_policy::RequeuePolicy as _;

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    group.bench_function("peer: SystemTime::now()", |bencher| bencher.iter(SystemTime::now));

    let now = SystemTime::now();
    let object = failed(now);
    for (mode, policy) in modes() {
        group.bench_function(mode, |bencher| {
            bencher.iter(|| black_box(&policy).requeue(black_box(&object), black_box(now)));
        });
    }
    group.bench_function("Observed::uid", |bencher| {
        bencher.iter(|| black_box(object).uid(black_box("7e1c4a52-9d3e-4b1e-8f00-0123456789ab")));
    });
    group.bench_function("Observed::fingerprint", |bencher| {
        bencher.iter(|| black_box(object).fingerprint(black_box(&["https://10.0.0.1:6443", "10.0.0.0/16"])));
    });
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
