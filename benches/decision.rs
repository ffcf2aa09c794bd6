//! The decision in every mode beside one clock read, its only peer: `cargo bench --bench decision`.

use criterion::{Criterion, criterion_group, criterion_main};
use requeue_policy::{Interval, Observed, Phase, RequeueConfig, RequeuePolicy, Slot};
use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    group.bench_function("peer: SystemTime::now()", |bencher| bencher.iter(SystemTime::now));

    let constant = Interval::constant(Duration::from_secs(10));
    let growing = constant.with_factor(1.5).with_max(Duration::from_secs(300));
    let modes = [
        ("constant", constant),
        ("growing", growing),
        ("jitter", constant.with_jitter(0.2)),
        (
            "growing, jitter, deadline",
            growing.with_jitter(0.2).with_deadline(Duration::from_secs(86_400)),
        ),
    ];
    let now = SystemTime::now();
    let object = Observed::new(Phase::Failed)
        .since(now - Duration::from_secs(77))
        .slot(Slot::of("7e1c4a52-9d3e"));
    for (mode, error) in modes {
        let policy = RequeueConfig {
            error,
            ..RequeueConfig::default()
        };
        group.bench_function(mode, |bencher| {
            bencher.iter(|| black_box(&policy).requeue(black_box(&object), black_box(now)));
        });
    }
    group.bench_function("Slot::of(uid)", |bencher| {
        bencher.iter(|| Slot::of(black_box("7e1c4a52-9d3e-4b1e-8f00-0123456789ab")));
    });
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
