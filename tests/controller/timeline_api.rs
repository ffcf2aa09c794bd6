//! `requeue_policy::testing` as an operator's author uses it: no cluster, no runtime.

use kube::{CustomResource, ResourceExt};
use requeue_policy::{
    Interval, Observe, Phase, Requeue, RequeueConfig,
    kube::{Outcome, Overrides, Retry},
    testing::{Timeline, assert_status_write_is_no_news},
};
use serde::{Deserialize, Serialize};
use std::{
    hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState},
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
    fn phase(&self) -> Phase {
        self.status
            .as_ref()
            .and_then(|status| status.phase)
            .unwrap_or(Phase::Initializing)
    }

    fn last_transition(&self) -> Option<SystemTime> {
        self.status.as_ref()?.since
    }

    fn fingerprint(&self) -> u64 {
        hashed(self.status.as_ref().and_then(|status| status.outputs.as_ref()))
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

fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn app() -> App {
    App::new("a", AppSpec { replicas: 1 })
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A controller that writes another status in every run, and succeeds.
fn healthy() -> Timeline<App, Oops> {
    ending(|_| Ok(Phase::Ready))
}

/// The same with a success or a failure as the number of the run says; the status keeps since when.
fn ending(end: impl Fn(usize) -> Result<Phase, Oops> + 'static) -> Timeline<App, Oops> {
    let policy = RequeueConfig {
        error: Interval::constant(at(10)).with_factor(2.0).with_max(at(300)),
        ..RequeueConfig::default()
    };
    let timeline = Timeline::new(policy, move |app: &mut App, run| {
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
fn a_timeline_tells_when_an_object_would_run_without_a_cluster() {
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
    timeline.assert_ran_at([0, 10, 30, 70, 80, 90, 100, 130].map(at));
    let by_timer: Vec<_> = timeline.runs().iter().map(|run| run.by_timer).collect();
    assert_eq!(by_timer, [false, true, true, true, false, false, false, true]);
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
        "       0s  created                → Ready",
        "       5s  its status is written",
        "       7s  the spec changes       → Err",
        "      17s                         → Ready",
        "17s 500ms",
    ];
    assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_failed_assertion_shows_the_timeline() {
    let mut timeline = healthy();
    timeline.created(app()).at(at(30));
    assert_eq!(
        message(|| timeline.assert_ran_at([0, 20].map(at))),
        "ran at 0s, 30s\nand not 0s, 20s\n\n 0s  created  → Ready\n30s           → Ready\n"
    );
}

#[test]
fn a_restart_forgets_what_the_status_does_not_carry() {
    let fails = |_| Err(Oops("no quota"));
    let mut carried = ending(fails);
    carried.created(app()).at(at(50)).restarted().at(at(115));
    carried.assert_ran_at([0, 10, 30, 50, 110].map(at));

    let mut lost = Timeline::new(
        RequeueConfig {
            error: Interval::constant(at(10)).with_factor(2.0).with_max(at(300)),
            ..RequeueConfig::default()
        },
        |_: &mut App, _| Err::<Phase, _>(Oops("no quota")),
    )
    .expect("the policy is valid");
    lost.created(app()).at(at(50)).restarted().at(at(85));
    lost.assert_ran_at([0, 10, 30, 50, 60, 80].map(at));
}

#[test]
fn errors_are_classified_as_in_the_controller() {
    let mut timeline = ending(|number| Err(Oops(["throttled", "conflict", "no quota", "invalid"][number.min(3)])))
        .on_error(|error: &Oops| match error.0 {
            "conflict" => Retry::NoFailure(at(1)),
            "throttled" => Retry::After(at(3)),
            "invalid" => Retry::Never,
            _ => Retry::Backoff,
        });
    timeline.created(app()).at(at(3600));
    // The second failure comes 4 s into the outage: 10 s + 4 s.
    timeline.assert_ran_at([0, 3, 4, 18].map(at));
    assert!(
        timeline.to_string().contains("0s  created  → Err, after 3s\n"),
        "{timeline}"
    );
    assert!(
        timeline
            .to_string()
            .contains(" 3s           → Err, no failure, after 1s\n"),
        "{timeline}"
    );
    assert!(
        timeline.to_string().contains("18s           → Err, never\n"),
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
            Some(_) if run.at < at(60) => (Phase::Ready, Requeue::After(at(5))).into(),
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
    timeline.assert_ran_at([0, 0, 30, 52, 57, 62].map(at));
    assert!(timeline.object().is_none());
    timeline.created(app());
    assert_eq!(
        timeline.runs().len(),
        8,
        "one that is created anew is another\n{timeline}"
    );
}

#[test]
fn what_happens_during_a_run_is_seen_after_it() {
    let mut timeline = healthy().runs_take(at(2));
    timeline
        .created(app())
        .at(at(1))
        .changed("the spec changes", |app| app.spec.replicas = 3);
    assert!(timeline.to_string().contains("→ ...\n"), "{timeline}");
    timeline.at(at(35));
    timeline.assert_ran_at([0, 2, 34].map(at));
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
    timeline.assert_ran_at([0, 30, 31, 31].map(at));
}

#[test]
fn an_object_that_wakes_itself_is_seen_to_loop() {
    let timeline = |rate_limit| {
        let policy = RequeueConfig {
            rate_limit,
            ..RequeueConfig::default()
        };
        let timeline = Timeline::new(policy, |app: &mut App, run| {
            app.status().outputs = Some(run.number.to_string());
            Ok::<_, Oops>(Phase::Ready)
        });
        timeline.expect("the policy is valid")
    };
    let mut held = timeline(RequeueConfig::default().rate_limit);
    held.created(app()).at(at(12));
    held.assert_ran_at([[0; 10].as_slice(), &[10, 11, 12]].concat().into_iter().map(at));
    let endless = message(|| _ = timeline(None).created(app()));
    assert!(
        endless.starts_with("it runs again and again at 0s, and no rate limit ends that\n\n0s  created  → Ready\n"),
        "{endless}"
    );
}

#[test]
fn a_refused_policy_and_a_misuse_say_so() {
    let policy = RequeueConfig {
        error: Interval::constant(Duration::ZERO),
        ..RequeueConfig::default()
    };
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
    let of = |default| RequeueConfig {
        default: Interval::constant(at(default)),
        ..RequeueConfig::default()
    };
    let mut timeline = healthy().overrides(Overrides::new().paused("a/paused").interval("a/every"));
    timeline.created(app());
    timeline.at(at(40)).set_policy(of(20)).expect("it is valid");
    let refused = timeline.set_policy(of(0)).expect_err("a zero interval");
    assert!(
        refused.to_string().starts_with("default.initial: 0s is not allowed"),
        "{refused}"
    );
    timeline.at(at(81)).triggered("all are triggered");
    timeline.at(at(85)).restarted();
    timeline.at(at(106)).changed("it is paused", |app| {
        app.annotations_mut().insert("a/paused".into(), "true".into());
    });
    timeline.at(at(150)).restarted();
    timeline.at(at(160)).triggered("all are triggered");
    timeline.at(at(170)).changed("it is to run every 7 s", |app| {
        *app.annotations_mut() = [("a/every".into(), "7s".into())].into();
    });
    timeline.at(at(180)).restarted();
    timeline.at(at(190));
    timeline.assert_ran_at([0, 30, 60, 80, 81, 85, 105, 170, 177, 180, 187].map(at));
    assert!(
        timeline.to_string().contains("  40s  the policy is replaced\n"),
        "{timeline}"
    );
}

#[test]
fn a_run_knows_of_its_outage_and_says_that_it_gives_up() {
    let policy = RequeueConfig {
        error: Interval::constant(at(10)).with_deadline(at(25)),
        ..RequeueConfig::default()
    };
    let of_runs = |takes| {
        let mut timeline = Timeline::new(policy, |app: &mut App, run| {
            app.enter(Phase::Failed, run.now);
            let (failing, last) = (run.outage.elapsed.as_secs(), run.outage.is_last);
            app.status().message = format!("{failing} s, {}", if last { "given up" } else { "again" });
            Err::<Phase, _>(Oops("no quota"))
        })
        .expect("the policy is valid")
        .runs_take(takes);
        timeline.created(app()).at(at(100));
        timeline
    };
    let timeline = of_runs(Duration::ZERO);
    timeline.assert_ran_at([0, 10, 20, 30].map(at));
    let message = |timeline: &Timeline<App, Oops>| {
        timeline
            .object()
            .and_then(|app| app.status.clone())
            .map(|status| status.message)
    };
    assert_eq!(message(&timeline).as_deref(), Some("30 s, given up"));
    // Runs that take time.
    let timeline = of_runs(at(6));
    timeline.assert_ran_at([0, 16, 32].map(at));
    // It began with the end of the first run, and the last one asks at its end.
    assert_eq!(timeline.runs()[2].outage.elapsed, at(26));
    assert_eq!(message(&timeline).as_deref(), Some("32 s, given up"));
}

#[test]
fn a_check_of_observe_names_the_mistake() {
    let before = app();
    let mut after = before.clone();
    after.enter(Phase::Failed, SystemTime::UNIX_EPOCH);
    after.status().message = "no quota".into();
    assert_status_write_is_no_news(&before, &after);

    let mut renewed = after.clone();
    renewed.status().since = Some(SystemTime::UNIX_EPOCH + at(10));
    let mistake = message(|| assert_status_write_is_no_news(&after, &renewed));
    assert!(
        mistake.starts_with("last_transition changes though the phase stays Failed: "),
        "{mistake}"
    );

    let mut output = after.clone();
    output.status().outputs = Some("b".into());
    let mistake = message(|| assert_status_write_is_no_news(&after, &output));
    assert!(
        mistake.starts_with("fingerprint changes with the run's own status write"),
        "{mistake}"
    );

    let mut annotated = after.clone();
    annotated.metadata.annotations = Some([("reconciled-at".into(), "now".into())].into());
    let mistake = message(|| assert_status_write_is_no_news(&after, &annotated));
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
    fn phase(&self) -> Phase {
        Phase::Ready
    }

    fn last_transition(&self) -> Option<SystemTime> {
        // As the clock does, only that it ticks for sure.
        static TICKS: AtomicU64 = AtomicU64::new(0);
        Some(SystemTime::UNIX_EPOCH + at(TICKS.fetch_add(1, Ordering::Relaxed)))
    }

    fn fingerprint(&self) -> u64 {
        if self.spec.hash {
            RandomState::new().hash_one("the same")
        } else {
            0
        }
    }
}

#[test]
fn an_observe_that_is_not_of_the_object_alone_is_a_mistake() {
    for (hash, expected) in [
        (
            true,
            "fingerprint is another each time it is asked of the same object: ",
        ),
        (
            false,
            "last_transition is another each time it is asked of the same object: ",
        ),
    ] {
        let fickle = Fickle::new("a", FickleSpec { hash });
        let mistake = message(|| assert_status_write_is_no_news(&fickle, &fickle));
        assert!(mistake.starts_with(expected), "{mistake}");
    }
}
