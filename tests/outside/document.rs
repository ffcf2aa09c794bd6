//! Config documents, valid ones and what becomes of them: a tree that each format writes in its own way.

use proptest::{prelude::*, sample::Index};

/// A document before it is text.
#[derive(Clone, Debug)]
pub(crate) enum Document {
    /// As it stands: a number, a null, or what a format takes for one.
    Bare(String),
    Text(String),
    List(Vec<Document>),
    /// Keys may come twice.
    Map(Vec<(String, Document)>),
}

use Document::{Bare, List, Map, Text};

fn bare(text: impl Into<String>) -> Document {
    Bare(text.into())
}

const FIELDS: [&str; 15] = [
    "default",
    "error",
    "initialization",
    "rate_limit",
    "max_rate",
    "initial",
    "factor",
    "max",
    "jitter",
    "deadline",
    "within",
    "per_second",
    "burst",
    "Default",
    "error.initial",
];

const UNITS: [&str; 16] = [
    "ns", "us", "ms", "s", "sec", "seconds", "m", "min", "h", "hours", "d", "days", "w", "M", "y", "µs",
];

/// A duration that is allowed and, being a minute at the least and a day at the most, above an initial one.
fn long() -> impl Strategy<Value = Document> {
    prop_oneof![
        (1_u32..1440).prop_map(|n| Text(format!("{n}m"))),
        (1_u32..24, 0_u32..60).prop_map(|(h, m)| Text(format!("{h}h {m}min"))),
    ]
}

fn short() -> impl Strategy<Value = Document> {
    (1_u32..60).prop_map(|n| Text(format!("{n}s")))
}

fn odd_duration() -> impl Strategy<Value = String> {
    let part = (any::<u64>(), 0_u32..64, prop::sample::select(&UNITS[..]));
    let part = part.prop_map(|(n, bits, unit)| format!("{}{unit}", n >> bits));
    prop_oneof![
        prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(" ")),
        (1_usize..400, prop::sample::select(&UNITS[..])).prop_map(|(n, unit)| format!("1{unit} ").repeat(n)),
        (1_usize..40).prop_map(|n| format!("{}s", "9".repeat(n))),
        "[0-9٣１.+_ -]{0,6}[a-zA-Zµ \u{a0}]{0,8}",
        prop::sample::select(
            &[
                "",
                " ",
                "30",
                "s",
                "-30s",
                "+30s",
                " 30s ",
                "30 s",
                "1h30m",
                "1.5s",
                "1e3s",
                "30S",
                "٣٠s",
                "１０s",
                "30\u{a0}s",
                "30s\n",
                "30s\0",
                "180days",
                "15552000s",
                "15552000s 1ns",
                "1ms",
                "999us",
                "999999ns",
                "0s",
                "584y",
                "0x10s",
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|n| format!("{n:?}")),
        any::<i64>().prop_map(|n| n.to_string()),
        (any::<u64>(), 0_u32..64).prop_map(|(n, bits)| (n >> bits).to_string()),
        "[-+]?[0-9]{1,3}(\\.[0-9]{0,20})?([eE][-+]?[0-9]{1,3})?",
        prop::sample::select(
            &[
                "0",
                "-0",
                "-0.0",
                "1",
                "0.5",
                "0.50000000000000001",
                "0.5000000000000002",
                "1.0",
                "0.9999999999999999",
                "65535",
                "65535.0",
                "65536",
                "4294967295",
                "4294967296",
                "4294967297",
                "18446744073709551616",
                "99999999999999999999",
                "-9223372036854775809",
                "340282366920938463463374607431768211456",
                "1e400",
                "-1e400",
                "1e-400",
                "5e-324",
                "nan",
                "NaN",
                ".nan",
                ".NaN",
                "inf",
                "-inf",
                ".inf",
                "-.INF",
                "Infinity",
                "0x10",
                "0o17",
                "017",
                "0b11",
                "1_000",
                "1,5",
                "0.",
                ".5",
                "+1",
                "--1",
                "1e5",
                "1:30",
                "12e03",
                "null",
                "~",
                "true",
                "false",
                "off",
                "no",
                "yes",
                "Null",
                "FALSE",
                "1979-05-27T07:32:00Z",
                "1979-05-27",
                "07:32:00",
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn interval() -> impl Strategy<Value = Document> {
    let factor = prop_oneof![
        Just(bare("1")),
        (1_u32..50).prop_map(|n| bare(format!("{}.{}", 1 + n / 10, n % 10)))
    ];
    let jitter = (0_u32..=50).prop_map(|n| bare(format!("{}", f64::from(n) / 100.0)));
    let fields = (
        short(),
        long(),
        prop::option::of(factor),
        prop::option::of(jitter),
        prop::option::of(long()),
    );
    let map = fields.prop_map(|(initial, max, factor, jitter, deadline)| {
        let mut map = vec![("initial".to_owned(), initial), ("max".to_owned(), max)];
        let more = [("factor", factor), ("jitter", jitter), ("deadline", deadline)];
        map.extend(
            more.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        Map(map)
    });
    prop_oneof![1 => short(), 2 => map]
}

fn limit() -> impl Strategy<Value = Document> {
    let map = (1_u32..65_536, long()).prop_map(|(max, within)| {
        Map(vec![
            ("max".to_owned(), bare(max.to_string())),
            ("within".to_owned(), within),
        ])
    });
    prop_oneof![3 => map, 1 => Just(bare("null")), 1 => Just(Text("off".to_owned())), 1 => Just(bare("false"))]
}

fn rate() -> impl Strategy<Value = Document> {
    let per_second = || {
        prop_oneof![
            (1_u32..=1_000_000).prop_map(|n| bare(n.to_string())),
            (1_u32..10_000).prop_map(|n| bare(format!("0.{n:04}"))),
        ]
    };
    let map = (per_second(), prop::option::of(1_u32..=1_000_000)).prop_map(|(rate, burst)| {
        let burst = burst.map(|burst| ("burst".to_owned(), bare(burst.to_string())));
        Map([("per_second".to_owned(), rate)].into_iter().chain(burst).collect())
    });
    prop_oneof![3 => map, 2 => per_second(), 1 => Just(bare("null")), 1 => Just(Text("off".to_owned()))]
}

/// A document that is accepted.
pub(crate) fn valid() -> impl Strategy<Value = Document> {
    let fields = (
        prop::option::of(interval()),
        prop::option::of(interval()),
        prop::option::of(interval()),
        prop::option::of(limit()),
        prop::option::of(rate()),
    );
    (fields, any::<prop::sample::Index>()).prop_map(|((default, error, initialization, limit, rate), first)| {
        let fields = [
            ("default", default),
            ("error", error),
            ("initialization", initialization),
            ("rate_limit", limit),
            ("max_rate", rate),
        ];
        let fields = fields.into_iter();
        let mut map: Vec<_> = fields
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        if !map.is_empty() {
            let len = map.len();
            map.rotate_left(first.index(len));
        }
        Map(map)
    })
}

/// What happens to one value of a document.
#[derive(Clone, Debug)]
enum Change {
    Replace(Document),
    Rename(String),
    Twice,
    Leave,
    InList,
    InMap(String),
    /// In place of the whole document.
    AsRoot,
    /// A copy of it, in this field of the document.
    ToRoot(String),
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&FIELDS[..]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[\\x00-\\x1f\\x7f-\\x9fa\u{2028}]{1,3}",
    ]
}

fn scalar() -> impl Strategy<Value = Document> {
    prop_oneof![
        3 => odd_duration().prop_map(Text),
        3 => number().prop_map(Bare),
        2 => number().prop_map(Text),
        1 => "\\PC{0,12}".prop_map(Text),
        1 => any::<String>().prop_map(Text),
        1 => Just(Map(vec![])),
        1 => Just(List(vec![])),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => scalar().prop_map(Change::Replace),
        2 => key().prop_map(Change::Rename),
        1 => Just(Change::Twice),
        1 => Just(Change::Leave),
        1 => Just(Change::InList),
        1 => key().prop_map(Change::InMap),
        1 => Just(Change::AsRoot),
        1 => key().prop_map(Change::ToRoot),
    ]
}

/// A document that is valid, or was before some of its values were changed.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    (valid(), prop::collection::vec((any::<Index>(), change()), 0..4)).prop_map(|(mut document, changes)| {
        for (place, change) in changes {
            apply(&mut document, place, change);
        }
        document
    })
}

fn apply(document: &mut Document, place: Index, change: Change) {
    let count = count(document);
    if count == 0 {
        if let Change::Replace(new) = change {
            *document = new;
        }
        return;
    }
    let mut place = place.index(count);
    let Some((map, at)) = entry(document, &mut place) else {
        return;
    };
    match change {
        Change::Replace(new) => map[at].1 = new,
        Change::Rename(name) => map[at].0 = name,
        Change::Twice => {
            let copy = map[at].clone();
            map.push(copy);
        }
        Change::Leave => {
            map.remove(at);
        }
        Change::InList => map[at].1 = List(vec![map[at].1.clone()]),
        Change::InMap(name) => map[at].1 = Map(vec![(name, map[at].1.clone())]),
        Change::AsRoot => *document = map[at].1.clone(),
        Change::ToRoot(name) => {
            let copy = map[at].1.clone();
            if let Map(map) = document {
                map.push((name, copy));
            }
        }
    }
}

fn count(document: &Document) -> usize {
    match document {
        Map(map) => map.iter().map(|(_, value)| 1 + count(value)).sum(),
        _ => 0,
    }
}

/// The entry that is this many entries further on.
fn entry<'a>(document: &'a mut Document, place: &mut usize) -> Option<(&'a mut Vec<(String, Document)>, usize)> {
    let Map(map) = document else { return None };
    for (at, (_, value)) in map.iter().enumerate() {
        let inside = count(value);
        if *place == 0 {
            return Some((map, at));
        }
        *place -= 1;
        if *place < inside {
            return entry(&mut map[at].1, place);
        }
        *place -= inside;
    }
    None
}
