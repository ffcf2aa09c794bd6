//! The cost of reading a policy, once per start and change of the file: `cargo bench -p benches --bench config`.

use criterion::{Criterion, criterion_group, criterion_main};
use requeue_policy::RequeueConfig;
use std::hint::black_box;

const YAML: &str = "
default: 30s
error: { initial: 10s, factor: 2, max: 5m, jitter: 0.2, deadline: 6h }
initialization: { initial: 5s, factor: 1.5, max: 1m }
rate_limit: { burst: 30, every: 1s }
";

fn config(criterion: &mut Criterion) {
    let expected: RequeueConfig = serde_saphyr::from_str(YAML).expect("the policy is valid");
    let toml = toml::to_string(&expected).expect("the policy can be TOML");
    let json = serde_json::to_string(&expected).expect("the policy can be JSON");
    assert_eq!(toml::from_str(&toml), Ok(expected));
    assert_eq!(serde_json::from_str::<RequeueConfig>(&json).ok(), Some(expected));

    let mut group = criterion.benchmark_group("config");
    group.bench_function("YAML", |bencher| {
        bencher.iter(|| serde_saphyr::from_str::<RequeueConfig>(black_box(YAML)));
    });
    group.bench_function("TOML", |bencher| {
        bencher.iter(|| toml::from_str::<RequeueConfig>(black_box(&toml)));
    });
    group.bench_function("JSON", |bencher| {
        bencher.iter(|| serde_json::from_str::<RequeueConfig>(black_box(&json)));
    });
    group.bench_function("validate", |bencher| bencher.iter(|| black_box(&expected).validate()));
    group.finish();
}

criterion_group!(benches, config);
criterion_main!(benches);
