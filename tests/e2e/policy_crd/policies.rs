//! Random policies as somebody writes them in an object.

use proptest::prelude::*;
use serde_json::{Value, json};

fn duration() -> impl Strategy<Value = Value> {
    let units = ["h", "m", "s", "ms", "us", "ns", "d", " s", "", "H"];
    // The sound ones more often than the others.
    let unit = prop_oneof![9 => 0..6_usize, 1 => 6..10_usize].prop_map(move |place| units[place]);
    let count = prop_oneof![6 => 0_u64..100, 2 => 0_u64..20_000, 1 => any::<u64>()];
    prop_oneof![
        20 => prop::collection::vec((count, unit), 1..4)
            .prop_map(|parts| parts.iter().map(|(count, unit)| format!("{count}{unit}")).collect::<String>().into()),
        1 => "[0-9hms. µd-]{0,34}".prop_map(Value::from),
        1 => scalar(),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u64..100_000).prop_map(Value::from),
        Just(json!("off")),
        Just(json!("2")),
        Just(json!([])),
        Just(json!({})),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0_u8..30).prop_map(|tenths| json!(f64::from(tenths) / 10.0)),
        2 => (0_u8..8).prop_map(Value::from),
        1 => scalar(),
    ]
}

/// A map of some of these fields, and rarely one that is unknown.
fn map(fields: Vec<(&'static str, f64, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let unknown = ("unknown", 0.01, Just(json!(1)).boxed());
    let field = |(name, share, value)| prop::option::weighted(share, value).prop_map(move |value| Some((name, value?)));
    let fields: Vec<_> = fields.into_iter().chain([unknown]).map(field).collect();
    fields
        .prop_map(|fields| {
            let fields = fields.into_iter().flatten();
            Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
        })
        .boxed()
}

/// What somebody may write in an object in place of a policy, sound or not.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    let interval = || {
        let fields = vec![
            (
                "initial",
                0.97,
                prop_oneof![9 => duration(), 1 => Just(json!("never"))].boxed(),
            ),
            ("factor", 0.3, number().boxed()),
            ("max", 0.4, duration().boxed()),
            ("jitter", 0.3, number().boxed()),
            ("deadline", 0.2, duration().boxed()),
        ];
        prop_oneof![20 => map(fields), 1 => scalar().boxed()].boxed()
    };
    let limit = vec![
        (
            "burst",
            0.97,
            prop_oneof![3 => (0_u32..70_000).prop_map(Value::from), 1 => number()].boxed(),
        ),
        ("every", 0.97, duration().boxed()),
    ];
    let rate = vec![
        (
            "per_second",
            0.97,
            prop_oneof![3 => (1e-5_f64..1.1e6).prop_map(Value::from), 1 => number()].boxed(),
        ),
        (
            "burst",
            0.5,
            prop_oneof![3 => (0_u32..1_100_000).prop_map(Value::from), 1 => number()].boxed(),
        ),
    ];
    map(vec![
        ("default", 0.4, interval()),
        ("error", 0.4, interval()),
        ("initialization", 0.2, interval()),
        (
            "rate_limit",
            0.3,
            prop_oneof![10 => map(limit), 1 => scalar().boxed()].boxed(),
        ),
        (
            "max_rate",
            0.2,
            prop_oneof![10 => map(rate), 1 => scalar().boxed()].boxed(),
        ),
    ])
}
