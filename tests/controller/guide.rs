//! The guide's examples, played: each example is a test with the name of its rule.

use crate::{
    timeline::{Child, Crd, Row, StatusWrites, Timeline, of_section},
    world::{Oops, Thing, World, change_child, patch_status, policy, requeuer, things, wall_clock},
};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use humantime_serde::re::humantime::parse_duration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
    runtime::watcher,
};
use requeue_policy::{
    Observe, Outcome, Phase, Requeue, RequeueConfig, Retry,
    kube::{Overrides, Requeuer},
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::sleep};
use tracing::Level;

/// How far a run may be from where the guide has it: timers have milliseconds, and requests take some.
pub(crate) const TOLERANCE: f64 = 0.05;

async fn play(name: &str) {
    for timeline in of_section(name) {
        Stage::new(timeline).play().await;
    }
}

/// The rest of such an event is YAML.
pub(crate) const NEW_POLICY: &str = "the policy becomes ";

/// With which annotations an object of the guide is overridden.
pub(crate) fn overrides() -> Overrides {
    Overrides::new()
        .interval("example.com/poll-interval")
        .paused("example.com/paused")
}

/// The key and the new value of an event as `kubectl annotate` has it: `annotated example.com/paused=true`, and
/// `annotated example.com/paused-`, which removes it.
pub(crate) fn annotated(event: &str) -> Option<(&str, Option<&str>)> {
    let change = event.strip_prefix("annotated ")?;
    match change.split_once('=') {
        Some((key, value)) => Some((key, Some(value))),
        None => change.strip_suffix('-').map(|key| (key, None)),
    }
}

/// The world of one example.
pub(crate) struct Stage {
    world: World,
    timeline: Timeline,
    has_child: bool,
    requeue: Requeuer,
    /// Triggers all objects at once.
    all: Vec<UnboundedSender<()>>,
    controllers: Vec<JoinHandle<()>>,
}

impl Stage {
    pub(crate) fn new(timeline: Timeline) -> Self {
        let script: VecDeque<_> = timeline.rows.iter().filter_map(|row| row.run.clone()).collect();
        let script = Arc::new(Mutex::new(script));
        let setting = &timeline.setting;
        let (takes, writes, child, crd) = (setting.takes, setting.status, setting.child, setting.crd);
        let outside = Arc::new(Mutex::new(None::<Api<ConfigMap>>));
        let of_runs = outside.clone();
        let reconcile = move |thing: Arc<Thing>, things: Api<Thing>| {
            let next = script.lock().expect("no run panics").pop_front();
            let answer = answer(next.as_deref().unwrap_or("()"));
            let outside = of_runs.lock().expect("no run panics").clone();
            let children = match child {
                Child::RewrittenOutside => outside.expect("set before any run"),
                _ => Api::default_namespaced(things.clone().into_client()),
            };
            async move {
                sleep(takes).await;
                if matches!(child, Child::Rewritten | Child::RewrittenOutside) {
                    change_child(&children, &unlike_any_other()).await;
                }
                if let Some(status) = status(&thing, writes, &answer) {
                    write_status(&thing, &things, crd, status).await;
                }
                answer
            }
        };
        let resource = match setting.crd {
            Crd::WithSubresource => things(),
            Crd::WithoutSubresource => things().without_status_subresource(),
            Crd::WithoutGeneration => things().without_generation(),
        };
        let world = World::with(resource, reconcile).classify(classify);
        *outside.lock().expect("no run panics") = Some(world.children.clone());
        world.server.set_watch_lag(timeline.setting.lag);
        Self {
            requeue: fresh(timeline.policy),
            world,
            all: vec![],
            has_child: timeline.setting.child != Child::Unchanged
                || timeline
                    .rows
                    .iter()
                    .any(|row| row.events.iter().any(|event| event.contains("child"))),
            timeline,
            controllers: vec![],
        }
    }

    async fn play(self) {
        self.play_with(Self::check).await;
    }

    /// Plays the example, and checks what has come about before each row and at the end.
    pub(crate) async fn play_with(mut self, check: fn(&Self, &[Row])) {
        let rows = std::mem::take(&mut self.timeline.rows);
        // What the first row says comes before the controller's start, so that it is one trigger.
        for event in &rows[0].events {
            self.happen(event).await;
        }
        self.start();
        for (n, row) in rows.iter().enumerate().skip(1) {
            if row.at.saturating_sub(rows[n - 1].at).as_secs_f64() > TOLERANCE {
                self.world.until(row.at.as_secs_f64() - TOLERANCE).await;
                check(&self, &rows[..n]);
            }
            self.world.until(row.at.as_secs_f64()).await;
            for event in &row.events {
                self.happen(event).await;
            }
        }
        let last = rows.last().map_or(Duration::ZERO, |row| row.at);
        self.world.until(last.as_secs_f64() + TOLERANCE).await;
        check(&self, &rows);
        // Their spans must close while the world's log is there.
        for controller in self.controllers.drain(..) {
            controller.abort();
            let _ = controller.await;
        }
        sleep(Duration::from_millis(1)).await;
    }

    fn start(&mut self) {
        let (all, triggered) = unbounded();
        self.all.push(all);
        let children = Api::<ConfigMap>::default_namespaced(self.world.client());
        let controller = self.world.controller(&self.requeue);
        let controller = controller
            .reconcile_all_on(triggered)
            .owns(children, watcher::Config::default());
        self.controllers.push(self.world.spawn(controller, &self.requeue));
    }

    pub(crate) fn check_times(&self, rows: &[Row]) {
        let expected: Vec<_> = rows
            .iter()
            .filter(|row| row.run.is_some())
            .map(|row| row.at.as_secs_f64())
            .collect();
        let runs = self.world.times();
        let agree = runs.len() == expected.len() && runs.iter().zip(&expected).all(|(a, b)| (a - b).abs() < TOLERANCE);
        assert!(agree, "ran at {runs:?}, and the guide says {expected:?}");
    }

    fn check(&self, rows: &[Row]) {
        self.check_times(rows);
        let lines: Vec<_> = rows
            .iter()
            .flat_map(|row| &row.lines)
            .map(|line| line.replacen("requeue_policy: ", "", 1))
            .collect();
        if !lines.is_empty() {
            let level = |line: &str| line.split(' ').next().and_then(|level| level.parse().ok());
            let lowest = lines
                .iter()
                .filter_map(|line| level(line))
                .fold(Level::INFO, Level::max);
            assert_eq!(self.world.lines.down_to(lowest), lines);
        } else {
            // What the runs return tells all others.
            let loops = self
                .world
                .lines
                .visible()
                .into_iter()
                .find(|line| line.contains("loop detected"));
            assert_eq!(loops, None, "the guide does not say so");
        }
    }

    async fn happen(&mut self, event: &str) {
        let world = &self.world;
        match event {
            "created" => {
                let thing = world.create("a").await;
                if self.has_child {
                    world.create_child(&thing).await;
                }
            }
            "the controller starts" => {}
            "the controller restarts" | "another replica takes over" => {
                self.controllers.drain(..).for_each(|controller| controller.abort());
                self.requeue = fresh(self.timeline.policy);
                self.start();
            }
            "a second replica starts" => {
                self.requeue = fresh(self.timeline.policy);
                self.start();
            }
            "the spec changes" => world.patch(json!({ "spec": { "value": another() } })).await,
            "a label changes" => {
                world
                    .patch(json!({ "metadata": { "labels": { "a": unlike_any_other() } } }))
                    .await
            }
            "an annotation changes" => {
                world
                    .patch(json!({ "metadata": { "annotations": { "a": unlike_any_other() } } }))
                    .await;
            }
            "a finalizer is added" => {
                world
                    .patch(json!({ "metadata": { "finalizers": ["example.com/finalizer"] } }))
                    .await;
            }
            "the finalizer is removed" => world.patch(json!({ "metadata": { "finalizers": null } })).await,
            "an owner is added" => world.add_owner().await,
            "its status is written" => world.patch_status(json!({ "message": unlike_any_other() })).await,
            "its fingerprint changes" => world.patch_status(json!({ "token": unlike_any_other() })).await,
            "its phase is written: Failed" => world.patch_status(json!({ "phase": "Failed" })).await,
            "its phase is written: Ready" => world.patch_status(json!({ "phase": "Ready" })).await,
            "its child changes" => world.change_child(&unlike_any_other()).await,
            "it is deleted" => {
                let deleted = world.things.delete("a", &Default::default()).await;
                deleted.expect("it is there");
            }
            "the watch breaks" => world.server.close_watches(),
            "the watch expires" => {
                world.server.expire();
                world.server.close_watches();
            }
            "all are requested" => {
                for all in &self.all {
                    // The controllers before a restart are gone.
                    let _ = all.unbounded_send(());
                }
            }
            _ => {
                if let Some(yaml) = event.strip_prefix(NEW_POLICY) {
                    self.requeue
                        .set_policy(policy(yaml))
                        .expect("the guide's policy is valid");
                } else if let Some((key, value)) = annotated(event) {
                    world
                        .patch(json!({ "metadata": { "annotations": { key: value } } }))
                        .await;
                } else {
                    panic!("the guide says \"{event}\", which is not known here");
                }
            }
        }
    }
}

fn fresh(policy: RequeueConfig) -> Requeuer {
    requeuer(policy).overrides(overrides())
}

/// A number that was not there before.
pub(crate) fn another() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    1 + LAST.fetch_add(1, Ordering::Relaxed)
}

fn unlike_any_other() -> String {
    another().to_string()
}

/// What a run returns, as the guide writes it.
pub(crate) fn answer(text: &str) -> Result<Outcome, Oops> {
    let phase = |text: &str| Phase::ALL.into_iter().find(|phase| phase.to_string() == text);
    let delay = |text: &str| parse_duration(text).expect("a delay");
    let requeue = |text: &str| match text {
        "await change" => Some(Requeue::AwaitChange),
        "again" => Some(Requeue::After(Duration::ZERO)),
        _ => text.strip_prefix("after ").map(|text| Requeue::After(delay(text))),
    };
    let known = match text.split_once(", ") {
        Some(("Err", retry)) => return Err(Oops(String::from(retry).leak())),
        Some((first, second)) => match second.strip_prefix("within ") {
            Some(text) => phase(first).map(|phase| phase.within(delay(text))),
            None => phase(first).zip(requeue(second)).map(Outcome::from),
        },
        None => match text {
            "Err" => return Err(Oops("no quota")),
            "()" => Some(().into()),
            _ => phase(text).map(Outcome::from).or(requeue(text).map(Outcome::from)),
        },
    };
    Ok(known.unwrap_or_else(|| panic!("the guide says → {text}, which is not known here")))
}

pub(crate) fn classify(error: &Oops) -> Retry {
    let delay = |text| parse_duration(text).expect("a delay");
    if let Some(text) = error.0.strip_prefix("later, after ") {
        return Retry::Later(delay(text));
    }
    match error.0.strip_prefix("after ") {
        Some(text) => Retry::After(delay(text)),
        None if error.0 == "never" => Retry::Never,
        // What the error of kube becomes.
        None if error.0 == "conflict" => Retry::Later(Duration::from_secs(1)),
        None => Retry::Backoff,
    }
}

/// What a run writes into the status, if anything.
pub(crate) fn status(thing: &Thing, writes: StatusWrites, answer: &Result<Outcome, Oops>) -> Option<Value> {
    let phase = match answer {
        // The write itself is what failed.
        Err(Oops("conflict")) => return None,
        Err(Oops(error)) if !error.starts_with("later") => Phase::Failed,
        Ok(Outcome::Phase(phase) | Outcome::PhaseAndRequeue(phase, _) | Outcome::PhaseWithin(phase, _)) => *phase,
        // No failure, or left to the status.
        _ => thing.observe().phase(),
    };
    let mut status = json!({ "phase": phase, "message": unlike_any_other() });
    match writes {
        StatusWrites::Never => return None,
        StatusWrites::EveryRun => {}
        StatusWrites::InFingerprint => status["token"] = json!(unlike_any_other()),
        StatusWrites::WithLastTransition => {
            let was = thing.status.as_ref().and_then(|status| status.phase);
            if was != Some(phase) {
                status["since"] = json!(wall_clock());
            }
        }
    }
    Some(status)
}

async fn write_status(thing: &Thing, things: &Api<Thing>, crd: Crd, status: Value) {
    let name = thing.name_any();
    if crd != Crd::WithoutSubresource {
        return patch_status(things, &name, status).await;
    }
    let patch = Patch::Merge(json!({ "status": status }));
    let patched = things.patch(&name, &PatchParams::default(), &patch).await;
    patched.expect("a thing is patched");
}

/// One test for each rule that has an example to be played.
macro_rules! played {
    ($($name:ident)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            play(stringify!($name)).await;
        }
    )*};
}

played! {
    an_example_is_played_as_it_stands
    an_object_that_waits_is_polled_less_and_less
    past_the_deadline_the_answer_is_await_change
    a_phase_change_starts_the_new_phases_clock_at_zero
    where_the_status_carries_no_last_transition_the_memory_keeps_the_clock
    an_object_that_is_due_is_reconciled
    a_new_object_is_reconciled_at_once
    a_deleted_and_recreated_object_starts_its_backoff_anew
    a_change_of_the_spec_is_reconciled_at_once
    so_is_a_change_of_labels_annotations_finalizers_owner_references_deletion_timestamp_phase_or_fingerprint
    a_status_write_that_changes_neither_phase_nor_fingerprint_is_postponed_until_due
    a_phase_that_someone_else_writes_is_a_change
    a_change_of_a_child_is_reconciled_at_once
    a_reason_is_kept_until_a_reconcile_starts_after_it
    changes_during_a_reconcile_start_one_more_when_it_has_ended
    of_an_object_without_a_generation_every_write_but_an_echo_is_a_change
    an_object_that_is_being_deleted_is_retried_by_the_initialization_interval
    a_reconcile_that_awaits_a_change_is_followed_by_one_and_not_by_more
    an_object_that_has_used_up_its_burst_waits_for_the_next_token
    one_warn_line_reports_a_loop
    a_reconcile_that_is_due_is_never_throttled
    a_delay_of_zero_takes_its_turn_by_the_rate_limit
    an_err_and_an_ok_of_failed_are_failures_alike
    the_first_err_starts_the_failing_clock
    a_success_stops_the_failing_clock
    a_failure_by_an_event_inside_the_backoff_adds_nothing_to_it
    a_change_of_the_spec_does_not_restart_the_backoff
    a_status_write_inside_the_backoff_does_not_trigger_early
    past_the_deadline_a_new_trigger_is_still_reconciled_at_once
    a_restart_tries_what_was_given_up_once_more
    retryafter_is_obeyed
    retrynever_awaits_a_change
    a_conflict_is_no_failure
    a_success_may_ask_for_a_delay
    a_success_may_be_due_earlier_than_its_interval
    a_success_may_await_a_change
    a_unit_leaves_the_phase_to_the_status
    a_timer_waits_for_its_place_in_the_fleets_rate
    a_change_is_never_delayed_by_the_fleets_rate
    nor_is_a_childs_change
    a_request_for_all_objects_takes_places_in_the_fleets_rate
    a_failing_objects_timer_waits_too
    so_does_one_that_has_an_interval_by_annotation
    losing_the_memory_costs_one_extra_reconcile_per_object
    a_restart_keeps_the_backoff_that_the_status_carries
    a_restart_without_a_last_transition_starts_the_backoff_anew
    a_leader_change_keeps_the_backoff_too
    two_replicas_at_once_each_keep_the_interval
    a_new_policy_counts_from_the_next_end_of_a_run_and_what_is_due_stays_due
    an_interval_by_annotation_holds_after_a_ready_run_until_it_is_removed
    nothing_starts_a_run_of_a_paused_object_and_a_resume_runs_at_once
    one_line_per_transition_not_per_reconcile
    giving_up_is_said_once_per_process
    a_restart_in_an_outage_does_not_say_again_what_the_status_knows
    what_had_given_up_and_is_tried_again_says_so
    an_outage_with_events_inside_it
    a_restart_in_the_middle_of_an_outage
    a_give_up_and_what_ends_it
    a_throttled_call_in_the_middle_of_a_backoff
    an_object_that_fails_every_other_time
    an_initialization_that_takes_long_and_then_fails
    a_certificate_that_is_renewed_in_time
    a_leader_change_while_an_object_awaits_its_renewal
    a_child_that_changes_while_its_owner_is_reconciled
    a_storm_of_edits
    a_deletion_that_has_to_wait_for_its_finalizer
    two_replicas_without_leader_election_and_an_edit
    it_runs_hot_by_its_own_status_writes
    it_runs_hot_by_an_object_that_it_owns
    the_log_floods_with_failed_and_recovered
    an_object_is_never_reconciled_again
    another_controllers_status_is_noticed_only_at_the_interval
    a_recovery_is_noticed_late
    the_backoff_starts_anew_with_every_restart
    a_policy_was_replaced_and_nothing_changes
    timers_fire_later_than_their_interval
    one_object_is_looked_at_too_seldom
    somebody_repairs_an_object_by_hand_and_the_controller_undoes_it
    a_deletion_hangs_because_the_object_is_paused
}
