//! `requeue_policy::testing` against the real Controller: the guide's examples, and random timelines that the Controller
//! plays as they were printed.

use crate::{
    guide::{NEW_POLICY, Stage, TOLERANCE, annotated, another, answer, classify, overrides, status},
    pages,
    timeline::{Child, Crd, Setting, Timeline as Example, of_section, parse},
    world::{Oops, Thing, ThingSpec, ThingStatus, policy},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::OwnerReference, jiff::Timestamp};
use requeue_policy::{Phase, testing::Timeline};
use serde_json::{Value, json};
use std::{env, time::Duration};

type Played = Timeline<Thing, Oops>;

/// The examples of the guide are played on the real Controller by the tests of their rules.
#[test]
fn the_guides_examples_run_at_the_same_times_without_a_cluster() {
    let (mut played, mut beyond) = (0, vec![]);
    for rule in pages::pages().iter().flat_map(pages::rules) {
        if rule.examples().is_empty() {
            continue;
        }
        let name = pages::name(&rule.heading);
        for example in of_section(&name) {
            let script: Vec<_> = example.rows.iter().filter_map(|row| row.run.clone()).collect();
            let script = move |run| script.get(run).cloned().unwrap_or_else(|| "()".to_owned());
            let Some(timeline) = play(&example, script) else {
                beyond.push(name.clone());
                continue;
            };
            let expected = example.rows.iter().filter(|row| row.run.is_some()).map(|row| row.at);
            let expected: Vec<_> = expected.collect();
            let runs: Vec<_> = timeline.reconciles().iter().map(|run| run.at).collect();
            let agree = runs.len() == expected.len()
                && runs
                    .iter()
                    .zip(&expected)
                    .all(|(a, b)| a.abs_diff(*b).as_secs_f64() < TOLERANCE);
            assert!(agree, "{name}: the guide says {expected:?}\n{timeline}");
            played += 1;
        }
    }
    println!("{played} examples; not to be had without a cluster: {beyond:?}");
    assert!(played >= 60, "only {played} examples were played");
}

/// `TESTING_SEED=7` plays that one only.
#[tokio::test(start_paused = true)]
async fn random_timelines_run_at_the_same_times_on_the_real_controller() {
    let seeds = match env::var("TESTING_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) => (1..=100).collect(),
    };
    let (mut runs, mut merged, mut lagged, mut waits) = (0, 0, 0, 0);
    for seed in seeds {
        let Some((head, timeline)) = random(seed) else { continue };
        // What is there when a controller starts is listed.
        let rows =
            timeline
                .to_string()
                .replacen("created, the controller restarts", "created, the controller starts", 1);
        waits += rows.matches(WAITS).count();
        let rows = rows.replace(&format!(", {WAITS}"), "").replace(WAITS, "");
        // The last row is the time at which it was printed, and a run may be due just then.
        let rows = rows.trim_end().rsplit_once('\n').map_or("", |(rows, _)| rows);
        let text = format!("{head}\n{rows}\n");
        println!("TESTING_SEED={seed}\n{text}");
        runs += timeline.reconciles().len();
        merged += usize::from(head.contains("takes: 2s"));
        lagged += usize::from(!head.contains("lag: 0s"));
        Stage::new(parse(&text)).play_with(Stage::check_times).await;
    }
    println!("{runs} runs, {merged} timelines whose runs take time, {lagged} whose watch lags, {waits} waits");
}

/// What a row says where a run waits for the cache.
const WAITS: &str = "it waits for its own write";

/// Plays an example without a cluster; `None` where it has something that is not to be had without.
fn play(example: &Example, script: impl FnMut(usize) -> String + 'static) -> Option<Played> {
    let mut timeline = timeline(example, script)?;
    let mut rows = example.rows.iter();
    // What the first row says is there when the controller starts.
    let (created, changes): (Vec<_>, Vec<_>) = rows.next()?.events.iter().partition(|event| *event == "created");
    let mut thing = Thing::new("a", ThingSpec::default());
    for event in changes.into_iter().filter(|event| *event != "the controller starts") {
        apply(event, &mut thing)?;
    }
    if !created.is_empty() {
        timeline.created(thing);
    }
    for row in rows {
        timeline.at(row.at);
        for event in &row.events {
            happen(event, &mut timeline)?;
        }
    }
    let last = example.rows.last()?;
    timeline.at(last.at + Duration::from_secs_f64(TOLERANCE));
    Some(timeline)
}

fn timeline(example: &Example, mut script: impl FnMut(usize) -> String + 'static) -> Option<Played> {
    let Setting {
        status: writes,
        child,
        crd,
        takes,
        lag,
    } = example.setting;
    if crd != Crd::WithSubresource || child != Child::Unchanged {
        return None;
    }
    let timeline = Timeline::new(example.policy, move |thing: &mut Thing, run| {
        let answer = answer(&script(run.number));
        if let Some(mut status) = status(thing, writes, &answer) {
            if status.get("since").is_some() {
                let now = Timestamp::try_from(run.now).expect("a test does not run for millennia");
                status["since"] = json!(now);
            }
            merge(thing, status);
        }
        answer
    });
    let timeline = timeline.expect("a test's policy is valid");
    Some(
        timeline
            .classify(|error, _| classify(error))
            .overrides(overrides())
            .reconciles_take(takes)
            .watch_lags(lag),
    )
}

/// Writes some of the status's fields.
fn merge(thing: &mut Thing, fields: Value) {
    // `Time` is written with whole seconds, so what is there is not to be written and read.
    let next: ThingStatus = serde_json::from_value(fields).expect("the fields of a status");
    let status = thing.status.get_or_insert_default();
    status.phase = next.phase.or(status.phase);
    status.since = next.since.or(status.since.take());
    status.token = next.token.or(status.token.take());
    status.message = next.message.or(status.message.take());
}

fn happen(event: &str, timeline: &mut Played) -> Option<()> {
    match event {
        "created" => timeline.created(Thing::new("a", ThingSpec::default())),
        "the controller restarts" | "another replica takes over" => timeline.restarted(),
        "its child changes" => timeline.nudged(event),
        "it is deleted" => timeline.deleted(),
        "all are requested" => timeline.requested_for_all(event),
        _ if let Some(yaml) = event.strip_prefix(NEW_POLICY) => {
            timeline.set_policy(policy(yaml)).expect("a test's policy is valid")
        }
        _ => {
            let mut thing = timeline.object()?.clone();
            apply(event, &mut thing)?;
            timeline.changed(event, |stored| *stored = thing)
        }
    };
    Some(())
}

/// Changes the object as the guide says, if it is the object that changes.
fn apply(event: &str, thing: &mut Thing) -> Option<()> {
    let other = || another().to_string();
    let meta = &mut thing.metadata;
    match event {
        "the spec changes" => thing.spec.value = another() as i64,
        "a label changes" => meta.labels = Some([("a".into(), other())].into()),
        "an annotation changes" => meta.annotations = Some([("a".into(), other())].into()),
        "a finalizer is added" => meta.finalizers = Some(vec!["example.com/finalizer".into()]),
        "the finalizer is removed" => meta.finalizers = None,
        "an owner is added" => {
            meta.owner_references = Some(vec![OwnerReference {
                uid: "c".into(),
                ..OwnerReference::default()
            }]);
        }
        "its status is written" => merge(thing, json!({ "message": other() })),
        "its fingerprint changes" => merge(thing, json!({ "token": other() })),
        "its phase is written: Failed" => merge(thing, json!({ "phase": Phase::Failed })),
        "its phase is written: Ready" => merge(thing, json!({ "phase": Phase::Ready })),
        _ => {
            let (key, value) = annotated(event)?;
            let annotations = meta.annotations.get_or_insert_default();
            match value {
                Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
                None => annotations.remove(key),
            };
            // The API server does not keep an empty map.
            meta.annotations.take_if(|annotations| annotations.is_empty());
        }
    }
    Some(())
}

/// Numbers that the seed determines (SplitMix64).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// The head of a random example, and its timeline without a cluster; `None` where it would depend on milliseconds which of
/// two things comes first.
fn random(seed: u64) -> Option<(String, Played)> {
    let mut random = Random(seed);
    let takes = random.of(&["0s", "0s", "2s"]);
    let lag = random.of(&["0s", "0s", "1300ms"]);
    let head = [
        random.of(&["default: 30s", "default: { initial: 20s, factor: 1.5, max: 2m }"]),
        random.of(&["error: 10s", "error: { initial: 5s, factor: 2, max: 1m, deadline: 3m }"]),
        random.of(&[
            "rate_limit: { burst: 30, every: 1s }",
            "rate_limit: { burst: 2, every: 19300ms }",
        ]),
        random.of(&[
            "status: in every reconcile",
            "status: in every reconcile, with lastTransitionTime",
            "status: never",
        ]),
    ];
    let head = format!("{}\ntakes: {takes}\nlag: {lag}\n", head.join("\n"));
    // Half of them have a child, which a test of the guide does not create anew; the others may be deleted.
    let kinds: &[_] = match random.below(2) {
        // A run may write what is gone, and a request for it does not lag.
        _ if lag != "0s" => &["the controller restarts"],
        0 => &["its child changes", "its child changes", "another replica takes over"],
        _ => &["it is deleted", "the controller restarts", "the controller restarts"],
    };
    let mut changes = vec![
        "the spec changes",
        "the spec changes",
        "a label changes",
        "its status is written",
        "its status is written",
        "its status is written",
        "its fingerprint changes",
        "its phase is written: Failed",
        "its phase is written: Ready",
        "all are requested",
        "annotated example.com/paused=true",
        "annotated example.com/paused-",
        "annotated example.com/poll-interval=8s",
    ];
    if head.contains("lastTransitionTime") || lag != "0s" {
        // Someone else writes no time, and whether the one that is there counts would depend on microseconds. And a run
        // writes the phase that it read.
        changes.retain(|change| !change.starts_with("its phase"));
    }
    let runs = random.clone();
    let script = move |run: usize| {
        let mut random = Random(runs.0 ^ (run as u64 / 2));
        // Outages last for some runs.
        match random.below(3) {
            0 => "Err",
            _ => Random(runs.0 ^ (1000 + run as u64)).of(&[
                "Ready",
                "Ready",
                "Ready",
                "Initializing",
                "Failed",
                "()",
                "Err",
                "Err, never",
                "Err, after 7s",
                "Err, later, after 4s",
                "Ready, after 12s",
                "Ready, within 9s",
                "Failed, await change",
                "after 3s",
                "again",
            ]),
        }
        .to_owned()
    };
    let example = parse(&format!("{head}\n0s  created"));
    let mut timeline = timeline(&example, script).expect("it can be had without a cluster");
    timeline.created(Thing::new("a", ThingSpec::default()));
    if lag != "0s" {
        timeline.restarted();
    }
    let (mut at, mut shown) = (0.0, vec![]);
    for _ in 0..3 + random.below(15) {
        at += 0.7 + [0.0, 3.3, 25.1, 90.4][random.below(4)] * random.below(100) as f64 / 100.0;
        let event = match random.below(4) {
            0 => random.of(kinds),
            _ => random.of(&changes),
        };
        at = clear_of_runs(&mut timeline, at, &example, event);
        shown.push(Duration::from_secs_f64(at) + example.setting.lag);
        if timeline.object().is_none() {
            happen("created", &mut timeline);
        } else {
            happen(event, &mut timeline);
        }
    }
    clear_of_runs(&mut timeline, at + 100.3, &example, NOT_DURING_A_RUN[0]);
    // What the event starts it starts at once.
    let is_close = |a: Duration, b: Duration| (TINY..MARGIN).contains(&a.abs_diff(b));
    let starts_or_ends = timeline
        .reconciles()
        .iter()
        .flat_map(|run| [run.at, run.at + example.setting.takes]);
    let is_clear = !starts_or_ends
        .into_iter()
        .any(|run| shown.iter().any(|shown| is_close(run, *shown)));
    is_clear.then_some((head, timeline))
}

const TINY: Duration = Duration::from_millis(2);

/// How far apart two things are, so that it is clear which one comes first.
const MARGIN: Duration = Duration::from_millis(200);

/// What does not happen during a run: it would leave the run without an answer that could be played or without an object
/// to write, and a run writes the phase that it read at its start.
const NOT_DURING_A_RUN: [&str; 5] = [
    "the controller restarts",
    "another replica takes over",
    "it is deleted",
    "its phase is written: Failed",
    "its phase is written: Ready",
];

/// Lets time pass until then, or until a little later if a run starts or ends about then: which of two
/// things at the same time comes first is not to be tested.
fn clear_of_runs(timeline: &mut Played, at: f64, example: &Example, event: &str) -> f64 {
    let takes = example.setting.takes;
    let mut at = Duration::from_millis((at * 1000.0) as u64);
    loop {
        timeline.at(at);
        let is_clear = timeline.reconciles().last().is_none_or(|run| {
            let since = at - run.at;
            let has_to_wait = since < takes && NOT_DURING_A_RUN.contains(&event);
            since > MARGIN && since.abs_diff(takes) > MARGIN && !has_to_wait
        });
        if is_clear {
            return at.as_secs_f64();
        }
        at += MARGIN + MARGIN / 4;
    }
}
