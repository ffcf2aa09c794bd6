//! `requeue_policy::testing` as an operator's author uses it: no cluster, no runtime.

use kube::{CustomResource, ResourceExt};
use requeue_policy::{
    Interval, Observe, Observed, Outcome, Phase, RateLimit, RequeueConfig, Retry,
    kube::{Overrides, Reason},
    testing::{Timeline, assert_status_write_is_no_change},
};
use serde::{Deserialize, Serialize};
use std::{
    hash::{BuildHasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    status = "AppStatus",
    schema = "disabled"
)]
struct AppSpec {
    replicas: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct AppStatus {
    phase: Option<Phase>,
    since: Option<SystemTime>,
    /// Written by another controller, and part of the fingerprint.
    outputs: Option<String>,
    message: String,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        let status = self.status.as_ref();
        let phase = status.and_then(|status| status.phase);
        Observed::new(phase.unwrap_or(Phase::Initializing))
            .since(status.and_then(|status| status.since))
            .fingerprint(&status.and_then(|status| status.outputs.as_ref()))
    }
}

impl App {
    fn status(&mut self) -> &mut AppStatus {
        self.status.get_or_insert_default()
    }

    fn enter(&mut self, phase: Phase, now: SystemTime) {
        if self.status().phase.replace(phase) != Some(phase) {
            self.status().since = Some(now);
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Oops(&'static str);

fn app() -> App {
    App::new("a", AppSpec { replicas: 1 })
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn growing() -> RequeueConfig {
    RequeueConfig::default().with_error(Interval::constant(at(10)).with_factor(2.0).with_max(at(300)))
}

/// A controller that writes another status in every run, and succeeds.
fn healthy() -> Timeline<App, Oops> {
    ending(|_| Ok(Phase::Ready))
}

/// The same with a success or a failure as the number of the run says; the status keeps since when.
fn ending(end: impl Fn(usize) -> Result<Phase, Oops> + 'static) -> Timeline<App, Oops> {
    let timeline = Timeline::new(growing(), move |app: &mut App, run| {
        let result = end(run.number);
        app.enter(*result.as_ref().unwrap_or(&Phase::Failed), run.now);
        app.status().message = format!("run {}", run.number);
        result
    });
    timeline.expect("the policy is valid")
}

fn message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it is to fail");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .expect("a panic with a message")
}

#[test]
fn a_timeline_shows_when_an_object_would_be_reconciled_without_a_cluster() {
    let mut timeline = ending(|number| {
        if number < 3 {
            Err(Oops("no quota"))
        } else {
            Ok(Phase::Ready)
        }
    });
    timeline.created(app());
    timeline
        .at(at(15))
        .changed("its status is written", |app| app.status().message = "by hand".into());
    timeline
        .at(at(80))
        .changed("the spec changes", |app| app.spec.replicas = 3);
    timeline
        .at(at(90))
        .changed("its outputs change", |app| app.status().outputs = Some("b".into()));
    timeline.at(at(100)).nudged("its child changes");
    timeline.at(at(131));
    timeline.assert_reconciled_at([0, 10, 30, 70, 80, 90, 100, 130].map(at));
    let reasons = timeline
        .reconciles()
        .iter()
        .map(|run| run.reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "));
    let expected = [
        "new",
        "due",
        "due",
        "due",
        "changed: generation",
        "changed: fingerprint",
        "requested",
        "due",
    ];
    assert_eq!(reasons.collect::<Vec<_>>(), expected);
}

#[test]
fn a_timeline_is_written_as_the_guide_writes_it() {
    let mut timeline = ending(|number| {
        if number == 1 {
            Err(Oops("no quota"))
        } else {
            Ok(Phase::Ready)
        }
    });
    timeline.created(app());
    timeline
        .at(at(5))
        .changed("its status is written", |app| app.status().message = "by hand".into());
    timeline
        .at(at(7))
        .changed("the spec changes", |app| app.spec.replicas = 3);
    timeline.at(Duration::from_millis(17_500));
    let expected = [
        "       0s  created                → Ready  new",
        "       5s  its status is written",
        "       7s  the spec changes       → Err    changed: generation",
        "      17s                         → Ready  due",
        "17s 500ms",
    ];
    assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_failed_assertion_shows_the_timeline() {
    let mut timeline = healthy();
    timeline.created(app()).at(at(30));
    assert_eq!(
        message(|| timeline.assert_reconciled_at([0, 20].map(at))),
        "reconciled at 0s, 30s\nand not 0s, 20s\n\n 0s  created  → Ready  new\n30s           → Ready  due\n"
    );
}

#[test]
fn a_restart_forgets_what_the_status_does_not_carry() {
    let fails = |_| Err(Oops("no quota"));
    let mut carried = ending(fails);
    carried.created(app()).at(at(50)).restarted().at(at(115));
    carried.assert_reconciled_at([0, 10, 30, 50, 110].map(at));

    let mut lost =
        Timeline::new(growing(), |_: &mut App, _| Err::<Phase, _>(Oops("no quota"))).expect("the policy is valid");
    lost.created(app()).at(at(50)).restarted().at(at(85));
    lost.assert_reconciled_at([0, 10, 30, 50, 60, 80].map(at));
}

#[test]
fn errors_are_classified_as_in_the_controller() {
    let mut timeline = ending(|number| Err(Oops(["throttled", "conflict", "no quota", "invalid"][number.min(3)])))
        .classify(|error: &Oops, _| match error.0 {
            "conflict" => Retry::Later(at(1)),
            "throttled" => Retry::After(at(3)),
            "invalid" => Retry::Never,
            _ => Retry::Backoff,
        });
    timeline.created(app()).at(at(300));
    // What says itself when to come back does not age the backoff.
    timeline.assert_reconciled_at([0, 3, 4, 14].map(at));
    assert!(
        timeline
            .to_string()
            .contains("0s  created  → Err, after 3s         new\n"),
        "{timeline}"
    );
    assert!(
        timeline
            .to_string()
            .contains(" 3s           → Err, later, after 1s  due\n"),
        "{timeline}"
    );
    assert!(
        timeline
            .to_string()
            .contains("14s           → Err, never            due\n"),
        "{timeline}"
    );
}

#[test]
fn a_deletion_waits_for_the_finalizer_and_then_nothing_runs() {
    let mut timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, run| {
        let outcome = match &app.metadata.deletion_timestamp {
            None => {
                app.metadata.finalizers = Some(vec!["example.com/app".into()]);
                Outcome::from(Phase::Ready)
            }
            Some(_) if run.at < at(60) => Phase::Ready.after(at(5)),
            Some(_) => {
                app.metadata.finalizers = None;
                Phase::Ready.into()
            }
        };
        Ok::<_, Oops>(outcome)
    })
    .expect("the default is valid");
    timeline.created(app()).at(at(52)).deleted();
    let marked = timeline
        .object()
        .is_some_and(|app| app.metadata.deletion_timestamp.is_some());
    assert!(marked, "a finalizer holds it");
    timeline.at(at(600));
    // Its finalizer is a change, so that it runs twice at the start.
    timeline.assert_reconciled_at([0, 1, 30_001, 52_000, 57_000, 62_000].map(Duration::from_millis));
    assert!(timeline.object().is_none());
    timeline.created(app()).at(at(601));
    assert_eq!(
        timeline.reconciles().len(),
        8,
        "one that is created anew is another\n{timeline}"
    );
}

#[test]
fn what_happens_during_a_run_is_seen_after_it() {
    let mut timeline = healthy().reconciles_take(at(2));
    timeline
        .created(app())
        .at(at(1))
        .changed("the spec changes", |app| app.spec.replicas = 3);
    assert!(timeline.to_string().contains("→ ...  new\n"), "{timeline}");
    timeline.at(at(35));
    timeline.assert_reconciled_at([0, 2001, 34_001].map(Duration::from_millis));
}

/// A controller that compares with what it read before it writes, as many do: what comes of a failure that ends at once.
fn comparing(lag: Duration) -> Timeline<App, Oops> {
    let timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, run| {
        let phase = if app.spec.replicas > 3 {
            Phase::Failed
        } else {
            Phase::Ready
        };
        if app.status().phase != Some(phase) {
            app.enter(phase, run.now);
        }
        Ok(phase)
    });
    timeline.expect("the policy is valid").watch_lags(lag)
}

#[test]
fn with_a_watch_that_lags_a_reconcile_waits_for_its_own_write() {
    let mut timeline = comparing(at(2));
    timeline.created(app()).at(at(10));
    timeline.changed("too many replicas", |app| app.spec.replicas = 9);
    timeline.at(at(11)).changed("three", |app| app.spec.replicas = 3);
    timeline.at(at(20));
    let expected = [
        " 0s  created",
        " 2s                              → Ready   new",
        "10s  too many replicas",
        "11s  three",
        "12s                              → Failed  changed: generation",
        "13s  it waits for its own write",
        "14s                              → Ready   changed: generation",
        "20s",
    ];
    assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), expected);
    let phase = timeline.object().map(|app| app.observe().phase());
    assert_eq!(phase, Some(Phase::Ready), "what was compared was not its last write");
}

#[test]
fn behind_a_watch_that_lags_for_longer_than_a_reconcile_waits_a_status_that_is_compared_is_wrong() {
    let mut timeline = comparing(at(7));
    timeline.created(app()).at(at(20));
    timeline.changed("too many replicas", |app| app.spec.replicas = 9);
    timeline.at(at(21)).changed("three", |app| app.spec.replicas = 3);
    timeline.at(at(33));
    // At 27 s it fails, and at 32 s it has waited long enough: what it reads says Ready, so that is not written.
    timeline.assert_reconciled_at([7, 27, 32].map(at));
    let phase = timeline.object().map(|app| app.observe().phase());
    assert_eq!(phase, Some(Phase::Failed), "{timeline}");
}

#[test]
fn a_reconcile_that_writes_one_phase_and_ends_with_another_is_a_mistake() {
    let ends = |written, result: Result<Outcome, Retry>| {
        move || {
            let mut timeline = Timeline::new(RequeueConfig::default(), move |app: &mut App, run| {
                app.enter(written, run.now);
                result.map_err(|_| Oops("no quota"))
            })
            .expect("the policy is valid")
            .classify(move |_, _| result.err().unwrap_or(Retry::Backoff));
            timeline.created(app());
        }
    };
    for (written, result) in [
        (Phase::Ready, Ok(Phase::Failed.into())),
        (Phase::Failed, Ok(Phase::Ready.after(at(5)))),
        (Phase::Failed, Ok(Phase::Ready.within(at(5)))),
        (Phase::Ready, Err(Retry::Backoff)),
        (Phase::Ready, Err(Retry::Never)),
    ] {
        let mistake = message(ends(written, result));
        let is_told = mistake.starts_with(&format!(
            "the reconcile writes a status that says {written}, and ends with "
        ));
        assert!(is_told && mistake.contains("\n\n0s  created  → "), "{mistake}");
    }
    for (written, result) in [
        (Phase::Ready, Ok(Phase::Ready.into())),
        (Phase::Ready, Ok(().into())),
        (Phase::Failed, Err(Retry::Backoff)),
        (Phase::Ready, Err(Retry::Later(at(1)))),
        (Phase::Ready, Err(Retry::As(Phase::Ready.into()))),
    ] {
        ends(written, result)();
    }
}

#[test]
fn a_status_that_is_stamped_later_than_the_timelines_clock_is_a_mistake() {
    let now = SystemTime::now();
    let by_the_reconcile = move || {
        let mut timeline = Timeline::new(growing(), move |app: &mut App, _| {
            app.enter(Phase::Failed, now);
            Err::<Phase, _>(Oops("no quota"))
        });
        timeline.as_mut().expect("the policy is valid").created(app());
    };
    let mut stamped = app();
    stamped.enter(Phase::Failed, now);
    for mistake in [
        message(by_the_reconcile),
        message(|| _ = healthy().created(stamped.clone())),
        message(|| _ = healthy().created(app()).changed("it failed", |app| *app = stamped)),
    ] {
        assert!(
            mistake.starts_with("the status says since 20")
                && mistake.contains("later than the time, 2026-01-01T00:00:00.000Z: stamp it with `Reconcile::now`"),
            "{mistake}"
        );
    }
}

#[test]
fn the_generation_counts_the_spec_and_a_write_that_changes_nothing_is_no_event() {
    let mut timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, _| {
        app.status().phase = Some(Phase::Ready);
        Ok::<_, Oops>(Phase::Ready)
    })
    .expect("the default is valid");
    timeline.created(app());
    let meta = |timeline: &Timeline<App, Oops>| {
        let meta = &timeline.object().expect("it is there").metadata;
        (meta.generation, meta.resource_version.clone())
    };
    assert_eq!(meta(&timeline), (Some(1), Some("2".into())));
    timeline.at(at(31)).changed("nothing", |_| {});
    assert_eq!(meta(&timeline), (Some(1), Some("2".into())));
    timeline.changed("its spec", |app| app.spec.replicas = 2);
    assert_eq!(meta(&timeline), (Some(2), Some("3".into())));
    timeline.changed("its label", |app| {
        app.metadata.labels = Some([("a".into(), "b".into())].into())
    });
    assert_eq!(meta(&timeline), (Some(2), Some("4".into())));
    timeline.assert_reconciled_at([0, 30, 31, 31].map(at));
}

#[test]
fn an_object_that_wakes_itself_is_seen_to_loop() {
    let timeline = |rate_limit| {
        let policy = RequeueConfig::default().with_rate_limit(rate_limit);
        let timeline = Timeline::new(policy, |app: &mut App, _| {
            // Unlike a status, a spec of its own is a change.
            app.spec.replicas += 1;
            Ok::<_, Oops>(Phase::Ready)
        });
        timeline.expect("the policy is valid")
    };
    let mut held = timeline(Some(RateLimit::new(10, at(2))));
    held.created(app()).at(at(7));
    held.assert_reconciled_at((0..10).chain([2000, 4000, 6000]).map(Duration::from_millis));
    let endless = message(|| _ = timeline(None).created(app()).at(at(2)));
    assert!(
        endless.starts_with(
            "it is reconciled again and again at 999ms, and no rate limit ends that\n\n   0s  created  → Ready  new\n"
        ),
        "{endless}"
    );
}

#[test]
fn a_refused_policy_and_a_misuse_say_so() {
    let policy = RequeueConfig::default().with_error(Duration::ZERO);
    let refused = Timeline::new(policy, |_: &mut App, _| Ok::<_, Oops>(())).expect_err("a zero interval");
    assert!(
        refused.to_string().starts_with("error.initial: 0s is not allowed"),
        "{refused}"
    );
    let missing = message(|| _ = healthy().nudged("its child changes"));
    assert_eq!(missing, "there is no object, use `created` first");
    let twice = message(|| _ = healthy().created(app()).created(app()));
    assert_eq!(twice, "the object is there already, use `changed`");
    let over = message(|| _ = healthy().at(at(10)).at(at(5)));
    assert_eq!(over, "5s is over, it is 10s");
}

#[test]
fn a_new_policy_and_an_override_hold_also_after_a_restart() {
    let of = |default| RequeueConfig::default().with_default(at(default));
    let mut timeline = healthy().overrides(Overrides::new().paused("a/paused").interval("a/every"));
    timeline.created(app());
    timeline.at(at(40)).set_policy(of(20)).expect("it is valid");
    let refused = timeline.set_policy(of(0)).expect_err("a zero interval");
    assert!(
        refused.to_string().starts_with("default.initial: 0s is not allowed"),
        "{refused}"
    );
    timeline.at(at(81)).requested_for_all("all are triggered");
    timeline.at(at(85)).restarted();
    timeline.at(at(106)).changed("it is paused", |app| {
        app.annotations_mut().insert("a/paused".into(), "true".into());
    });
    timeline.at(at(150)).restarted();
    timeline.at(at(160)).requested_for_all("all are triggered");
    timeline.at(at(170)).changed("it is to run every 7 s", |app| {
        *app.annotations_mut() = [("a/every".into(), "7s".into())].into();
    });
    timeline.at(at(180)).restarted();
    timeline.at(at(190));
    timeline.assert_reconciled_at([0, 30, 60, 80, 81, 85, 105, 170, 177, 180, 187].map(at));
    assert!(
        timeline.to_string().contains("  40s  the policy is replaced\n"),
        "{timeline}"
    );
}

#[test]
fn a_run_knows_of_its_outage_and_says_that_it_gives_up() {
    let policy = RequeueConfig::default().with_error(Interval::constant(at(10)).with_deadline(at(25)));
    let of_runs = |takes| {
        let mut timeline = Timeline::new(policy, |app: &mut App, run| {
            app.enter(Phase::Failed, run.now);
            let (failing, last) = (run.outage.elapsed.as_secs(), run.outage.is_last);
            app.status().message = format!("{failing} s, {}", if last { "given up" } else { "again" });
            Err::<Phase, _>(Oops("no quota"))
        })
        .expect("the policy is valid")
        .reconciles_take(takes);
        timeline.created(app()).at(at(50));
        timeline
    };
    let timeline = of_runs(Duration::ZERO);
    timeline.assert_reconciled_at([0, 10, 20, 30].map(at));
    let message = |timeline: &Timeline<App, Oops>| {
        timeline
            .object()
            .and_then(|app| app.status.clone())
            .map(|status| status.message)
    };
    assert_eq!(message(&timeline).as_deref(), Some("30 s, given up"));
    // Runs that take time.
    let timeline = of_runs(at(6));
    timeline.assert_reconciled_at([0, 16, 32].map(at));
    // It began with the end of the first run, and the last one asks at its end.
    assert_eq!(timeline.reconciles()[2].outage.elapsed, at(26));
    assert_eq!(message(&timeline).as_deref(), Some("32 s, given up"));
}

#[test]
fn a_check_of_observe_names_the_mistake() {
    let before = app();
    let mut after = before.clone();
    after.enter(Phase::Failed, SystemTime::UNIX_EPOCH);
    after.status().message = "no quota".into();
    assert_status_write_is_no_change(&before, &after);

    let mut renewed = after.clone();
    renewed.status().since = Some(SystemTime::UNIX_EPOCH + at(10));
    let mistake = message(|| assert_status_write_is_no_change(&after, &renewed));
    assert!(
        mistake.starts_with("`since` changes though the phase stays Failed: "),
        "{mistake}"
    );

    let mut output = after.clone();
    output.status().outputs = Some("b".into());
    let mistake = message(|| assert_status_write_is_no_change(&after, &output));
    assert!(
        mistake.starts_with("the fingerprint changes with the reconciler's own status write"),
        "{mistake}"
    );

    let mut annotated = after.clone();
    annotated.metadata.annotations = Some([("reconciled-at".into(), "now".into())].into());
    let mistake = message(|| assert_status_write_is_no_change(&after, &annotated));
    assert!(
        mistake.starts_with("the write also changes the generation, labels, annotations"),
        "{mistake}"
    );
}

/// What it says is another each time.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "example.com", version = "v1", kind = "Fickle", schema = "disabled")]
struct FickleSpec {
    hash: bool,
}

impl Observe for Fickle {
    fn observe(&self) -> Observed {
        // As the clock does, only that it ticks for sure.
        static TICKS: AtomicU64 = AtomicU64::new(0);
        let ticks = SystemTime::UNIX_EPOCH + at(TICKS.fetch_add(1, Ordering::Relaxed));
        match self.spec.hash {
            true => Observed::new(Phase::Ready).fingerprint(&RandomState::new().hash_one("the same")),
            false => Observed::new(Phase::Ready).since(ticks),
        }
    }
}

#[test]
fn an_observe_that_is_not_of_the_object_alone_is_a_mistake() {
    for (hash, expected) in [
        (
            true,
            "the fingerprint is another each time the same object is observed: ",
        ),
        (false, "`since` is another each time the same object is observed: "),
    ] {
        let fickle = Fickle::new("a", FickleSpec { hash });
        let mistake = message(|| assert_status_write_is_no_change(&fickle, &fickle));
        assert!(mistake.starts_with(expected), "{mistake}");
    }
}
