//! The decision in every mode, beside reading the clock once.

use crate::table::{Line, Measure};
use benches::{failed, modes};
use requeue_policy::{Requeue, RequeueConfig, RequeuePolicy as _};
use std::{
    hint::black_box,
    time::{Instant, SystemTime},
};

const CALLS: u32 = 1_000_000;

pub(crate) fn lines<'a>() -> Vec<Line<'a>> {
    let line = |(mode, policy)| Line {
        what: format!("decision: {mode}"),
        ours: decide(policy).into(),
        touch: None,
        peer: "SystemTime::now()".to_owned(),
        theirs: timed(|| {
            black_box(SystemTime::now());
        })
        .into(),
        their_touch: None,
        required: Some(1.0),
    };
    modes().map(line).into()
}

fn decide<'a>(policy: RequeueConfig) -> Measure<'a> {
    let now = SystemTime::now();
    let object = failed(now);
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
