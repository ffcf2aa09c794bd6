//! The decision in every mode, beside reading the clock once.

use crate::table::{Line, Measure};
use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy as _, Slot};
use std::{
    hint::black_box,
    time::{Duration, Instant, SystemTime},
};

const CALLS: u32 = 1_000_000;

pub(crate) fn lines<'a>() -> Vec<Line<'a>> {
    let constant = Interval::constant(Duration::from_secs(10));
    let growing = constant.with_factor(1.5).with_max(Duration::from_secs(300));
    let modes = [
        ("constant", constant),
        ("growing", growing),
        ("jitter", constant.with_jitter(0.2)),
        ("deadline", constant.with_deadline(Duration::from_secs(86_400))),
        (
            "growing, jitter, deadline",
            growing.with_jitter(0.2).with_deadline(Duration::from_secs(86_400)),
        ),
    ];
    let line = |(mode, error)| Line {
        what: format!("decision: {mode}"),
        ours: decide(error).into(),
        touch: None,
        peer: "SystemTime::now()".to_owned(),
        theirs: timed(|| {
            black_box(SystemTime::now());
        })
        .into(),
        their_touch: None,
        required: Some(1.0),
    };
    modes.map(line).into()
}

fn decide<'a>(error: Interval) -> Measure<'a> {
    let now = SystemTime::now();
    let object = Observed::new(Phase::Failed)
        .since(now - Duration::from_secs(77))
        .slot(Slot::of("7e1c4a52-9d3e"));
    let policy = RequeueConfig {
        error,
        ..RequeueConfig::default()
    };
    assert_ne!(policy.requeue(&object, now), Requeue::AwaitChange);
    timed(move || {
        black_box(black_box(&policy).requeue(black_box(&object), black_box(now)));
    })
}

fn timed<'a>(call: impl Fn() + 'a) -> Measure<'a> {
    Box::new(move || {
        let begun = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        Ok(begun.elapsed().as_nanos() as f64 / f64::from(CALLS))
    })
}
