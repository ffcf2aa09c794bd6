//! Delays that the reconciler asks for, and those that the policy has none for, each on a timeline.

use kube::{CustomResource, ResourceExt};
use requeue_policy::{Interval, Observe, Observed, Outcome, Phase, RateLimit, RequeueConfig, Retry, testing::Timeline};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(CustomResource, Clone, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    status = "AppStatus",
    schema = "disabled"
)]
struct AppSpec {
    interval: Duration,
    retry_interval: Duration,
    is_valid: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct AppStatus {
    message: String,
}

impl Observe for App {
    fn observe(&self) -> Observed {
        Observed::new(Phase::Ready)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("oops")]
struct Oops;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn app(uid: &str) -> App {
    let mut app = App::new("a", AppSpec::default());
    app.metadata.uid = Some(uid.to_owned());
    app
}

/// When an object with this uid is reconciled until then, if each reconcile ends like this.
fn reconciled(
    policy: RequeueConfig,
    uid: &str,
    until: Duration,
    end: impl Fn() -> Result<Outcome, Retry> + 'static,
) -> Vec<Duration> {
    let retry = end().err().unwrap_or(Retry::Backoff);
    let timeline = Timeline::new(policy, move |_: &mut App, _| end().map_err(|_| Oops));
    let mut timeline = timeline.expect("it is valid").classify(move |_, _| retry);
    timeline.created(app(uid)).at(until);
    timeline.reconciles().iter().map(|reconcile| reconcile.at).collect()
}

#[test]
fn an_explicit_delay_may_be_jittered() {
    let spread = Interval::constant(seconds(100)).with_jitter(0.5);
    let hour = seconds(3600);
    let mut second = vec![];
    for uid in ["a", "b", "c", "d"] {
        let expected = reconciled(RequeueConfig::default().with_default(spread), uid, hour, || {
            Ok(Phase::Ready.into())
        });
        let by_outcome = reconciled(RequeueConfig::default(), uid, hour, move || {
            Ok(Phase::Ready.after(spread))
        });
        assert_eq!(by_outcome, expected, "{uid}");
        // After an error, whether it is a failure or not.
        for phase in [Phase::Failed, Phase::Initializing] {
            let by_retry = reconciled(RequeueConfig::default(), uid, hour, move || {
                Err(phase.after(spread).into())
            });
            assert_eq!(by_retry, expected, "{uid} {phase}");
        }
        second.push(expected[1]);
    }
    second.dedup();
    assert_eq!(second.len(), 4, "{second:?}");
    assert!(
        second.iter().all(|at| *at > seconds(50) && *at <= seconds(100)),
        "{second:?}"
    );
}

#[test]
fn jitter_makes_no_explicit_delay_shorter_than_the_rate_limit() {
    let policy = RequeueConfig::default().with_rate_limit(RateLimit::new(1, seconds(10)));
    let times = reconciled(policy, "a", seconds(100), || {
        Ok(Phase::Ready.after(Interval::constant(seconds(11)).with_jitter(0.5)))
    });
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= seconds(10)), "{gaps:?}");
}

#[test]
fn an_error_may_report_a_phase() {
    // Two failures, then one that waits for something else, then a failure again.
    let retries = [
        Retry::Backoff,
        Retry::Backoff,
        Retry::As(Phase::Initializing.after(seconds(40))),
        Retry::As(Phase::Initializing.into()),
        Retry::As(Phase::Failed.after(seconds(7))),
        Retry::Backoff,
    ];
    let error = Interval::constant(seconds(10)).with_factor(2.0).with_max(seconds(300));
    let timeline = Timeline::new(
        RequeueConfig::default().with_error(error),
        |app: &mut App, reconcile| {
            app.status = Some(AppStatus {
                message: reconcile.number.to_string(),
            });
            Err::<Phase, _>(Oops)
        },
    );
    let timeline = timeline.expect("it is valid").classify(move |_, app: &App| {
        let before = app
            .status
            .as_ref()
            .map_or(0, |status| 1 + status.message.parse::<usize>().expect("a number"));
        retries[before.min(retries.len() - 1)]
    });
    let mut timeline = timeline;
    timeline.created(app("a")).at(seconds(90));
    let outages: Vec<_> = timeline
        .reconciles()
        .iter()
        .map(|reconcile| reconcile.outage.elapsed.as_secs())
        .collect();
    assert_eq!(outages, [0, 10, 30, 0, 0, 7], "{timeline}");
    let text = timeline.to_string();
    let ends: Vec<_> = text
        .lines()
        .filter_map(|line| line.split("→ ").nth(1))
        .filter_map(|end| end.split("  ").next())
        .collect();
    assert_eq!(
        ends,
        [
            "Err",
            "Err",
            "Err, as Initializing, after 40s",
            "Err, as Initializing",
            "Err, as Failed, after 7s",
            "Err"
        ]
    );
    timeline.assert_reconciled_at([0, 10, 30, 70, 75, 82].map(seconds));
}

#[test]
fn an_object_whose_interval_never_comes_waits_for_a_change() {
    let never = RequeueConfig::default().with_default(Interval::never());
    let mut timeline = Timeline::new(never, |_: &mut App, _| Ok::<_, Oops>(Phase::Ready)).expect("it is valid");
    timeline.created(app("a"));
    timeline
        .at(seconds(3600))
        .changed("the spec changes", |app| app.spec.is_valid = true);
    timeline.at(seconds(7200)).restarted();
    timeline.at(seconds(86_400));
    timeline.assert_reconciled_at([0, 3600, 7200].map(seconds));
    // Unless the reconciler knows better.
    let day = seconds(86_400);
    assert_eq!(
        reconciled(never, "a", day, || Ok(Phase::Ready.within(seconds(50_000)))),
        [0, 50_000].map(seconds)
    );
    assert_eq!(
        reconciled(never, "a", day, || Ok(Phase::Ready.after(seconds(50_000)))),
        [0, 50_000].map(seconds)
    );
}

#[test]
fn an_error_interval_that_never_comes_waits_for_a_change() {
    let never = RequeueConfig::default().with_error(Interval::never());
    assert_eq!(
        reconciled(never, "a", seconds(86_400), || Err(Retry::Backoff)),
        [seconds(0)]
    );
    // The error itself says when.
    let after = || Err(Retry::After(seconds(50_000)));
    assert_eq!(reconciled(never, "a", seconds(86_400), after), [0, 50_000].map(seconds));
}

#[test]
fn without_any_interval_one_more_reconcile_follows_after_thirty_seconds() {
    let policy = RequeueConfig::default()
        .with_default(Interval::never())
        .with_error(Interval::never())
        .with_initialization(Interval::never());
    let timeline = Timeline::new(policy, |app: &mut App, reconcile| {
        app.status = Some(AppStatus {
            message: reconcile.number.to_string(),
        });
        Ok::<_, Oops>(Phase::Ready)
    });
    let mut timeline = timeline.expect("it is valid");
    timeline.created(app("a")).at(seconds(86_400));
    timeline.assert_reconciled_at([0, 30].map(seconds));
    // Nor does a clean-up hang that waits for something outside.
    timeline.changed("a finalizer is added", |app| {
        app.finalizers_mut().push("example.com/a".to_owned())
    });
    timeline.at(seconds(90_000)).deleted();
    timeline.at(seconds(90_070));
    timeline.assert_reconciled_at([0, 30, 86_400, 86_430, 90_000, 90_030, 90_060].map(seconds));
}

#[test]
fn an_interval_from_the_objects_spec_counts_after_a_success_and_after_a_failure() {
    let timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, _| match app.spec.is_valid {
        true => Ok(Phase::Ready.after(Interval::constant(app.spec.interval).with_jitter(0.1))),
        false => Err(Oops),
    });
    let timeline = timeline.expect("it is valid");
    let mut timeline = timeline.classify(|_, app| Retry::After(app.spec.retry_interval));
    let mut app = app("a");
    (app.spec.interval, app.spec.retry_interval) = (seconds(600), seconds(20));
    timeline.created(app);
    timeline
        .at(seconds(50))
        .changed("it becomes valid", |app| app.spec.is_valid = true);
    timeline.at(seconds(2000));
    let times: Vec<_> = timeline.reconciles().iter().map(|reconcile| reconcile.at).collect();
    assert_eq!(times[..4], [0, 20, 40, 50].map(seconds), "{timeline}");
    let gap = times[4] - times[3];
    assert!(gap > seconds(540) && gap < seconds(600), "{timeline}");
}
