//! What happens to the cluster, step by step.

use crate::{
    behaviour::micros,
    plan::{Change, Children, Step},
    reconciler::new_child,
    record::Duty,
    sight::version,
    world::{INTERVAL, PAUSED, World, name},
};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use requeue_policy::Phase;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;
use verify::{Micros, Thing, observe_panics};

impl World {
    pub(crate) async fn take(self: &Arc<Self>, step: Step) {
        let now = self.now();
        self.model().trace.note(now, "", format_args!("{step:?}"));
        match step {
            Step::Quiet => {}
            Step::Request(object) => self.request(&name(object)),
            Step::RequestAll => self.request_all(),
            Step::SetPolicy(policy) => self.set_policy(*policy),
            Step::Change(object, change) => self.change(object, change).await,
            Step::Burst(object, changes) => {
                let kinds = [Change::Spec, Change::Label, Change::Message, Change::Child];
                for (n, change) in (0..changes).zip(kinds.into_iter().cycle()) {
                    self.change(object, change).await;
                    sleep(Duration::from_millis(1 + n * 7 % 50)).await;
                }
            }
            Step::Delete(object) => self.delete(object, false).await,
            Step::Recreate(object) => {
                self.delete(object, true).await;
                sleep(Duration::from_millis(1)).await;
                self.create(object).await;
            }
            Step::RepeatEvent(object) => self.repeat(&name(object)),
            Step::CloseWatches => self.break_watches(now, now, || self.server.close_watches()),
            Step::Expire { close } => {
                // A watch that stays open finds out when it is opened anew, after five minutes at most.
                let lasts = Duration::from_secs(if close { 0 } else { 300 });
                self.break_watches(now, now + micros(lasts), || {
                    self.server.expire();
                    if close {
                        self.server.close_watches();
                    }
                });
            }
            Step::DelayWatches(lasts) => {
                self.model().faults.delay(now, now + micros(lasts));
                self.server.hold_watches(lasts);
            }
            Step::FailWrites { one_in, lasts } => self.fail_writes(one_in, now + micros(lasts)),
            Step::Unreachable(lasts) => {
                self.break_watches(now, now + micros(lasts), || self.server.set_reachable(false));
                sleep(lasts).await;
                self.server.set_reachable(true);
            }
            Step::Restart { after, remembers } => {
                for memory in self.active() {
                    self.stop_controller(memory).await;
                    sleep(after).await;
                    let next = if remembers { memory } else { self.new_memory() };
                    self.start_controller(next);
                }
            }
            Step::LeaderChange { overlap } => {
                let before = self.active();
                let next = self.new_memory();
                self.start_controller(next);
                sleep(overlap).await;
                for memory in self.active() {
                    if before.contains(&memory) {
                        self.stop_controller(memory).await;
                    }
                }
                if self.active().is_empty() {
                    let next = self.new_memory();
                    self.start_controller(next);
                }
            }
            Step::ClockJump(span) => self.jump_clock(span),
            Step::ObservePanics(object) => {
                if !self.model().is_running(&name(object)) {
                    observe_panics(Some((name(object), 0)));
                    self.repeat(&name(object));
                    sleep(Duration::from_millis(1)).await;
                    observe_panics(None);
                }
            }
        }
    }

    fn break_watches(&self, from: Micros, until: Micros, how: impl FnOnce()) {
        self.model().faults.break_watches(from, until);
        how();
    }

    /// With `force`, whatever finalizers it has.
    async fn delete(&self, object: usize, force: bool) {
        let name = name(object);
        let Some(uid) = self.uid_of(&name) else { return };
        if force {
            let patch = json!({ "metadata": { "finalizers": null } });
            if let Ok(written) = self.things.patch(&name, patch).await {
                self.model().written(&written, None, self.now());
            }
        }
        if let Ok(Some(marked)) = self.things.delete(&name).await {
            self.model().written(&marked, None, self.now());
            self.owe(&marked, "deletion mark");
        }
        self.look_whether_gone(&name, &uid);
    }

    /// A change from outside.
    pub(crate) async fn change(&self, object: usize, change: Change) {
        let name = name(object);
        let fresh = self.fresh(&name);
        if self.uid_of(&name).is_none() {
            return;
        }
        self.model().coverage.change(&change);
        match change {
            Change::Spec => self.write(&name, json!({ "spec": { "value": fresh } }), "spec").await,
            Change::Label => {
                let patch = json!({ "metadata": { "labels": { "a": fresh.to_string() } } });
                self.write(&name, patch, "label").await;
            }
            Change::Annotation => {
                let patch = json!({ "metadata": { "annotations": { "a": fresh.to_string() } } });
                self.write(&name, patch, "annotation").await;
            }
            Change::Finalizer => {
                let patch = json!({ "metadata": { "finalizers": [format!("example.com/f{fresh}")] } });
                self.write(&name, patch, "finalizer").await;
            }
            Change::Fingerprint => {
                if let Some(written) = self.write_status(&name, json!({ "token": fresh })).await {
                    self.owe(&written, "fingerprint");
                }
            }
            Change::Message => {
                self.write_status(&name, json!({ "message": fresh.to_string() })).await;
            }
            Change::Phase(phase) => self.change_phase(&name, phase, fresh).await,
            Change::Child => self.change_child(&name, fresh).await,
            Change::Pause => self.annotate(&name, json!({ PAUSED: "true" })).await,
            Change::Resume => self.annotate(&name, json!({ PAUSED: null })).await,
            Change::Interval(interval) => {
                let text = interval.map(|interval| format!("{}ms", interval.as_millis()));
                self.annotate(&name, json!({ INTERVAL: text })).await;
            }
            Change::BadOverrides => {
                let text = format!("{fresh} moons");
                self.annotate(&name, json!({ PAUSED: text, INTERVAL: text })).await;
            }
        }
    }

    async fn write(&self, name: &str, patch: Value, what: &'static str) {
        // A finalizer cannot be added to what is being deleted.
        let written = self.things.patch(name, patch).await.ok();
        // What was so already is no change.
        if let Some(written) = written.filter(|written| !self.model().knows(written)) {
            let event = format_args!("the {what} changes");
            self.model().trace.note(self.now(), name, event);
            self.model().written(&written, None, self.now());
            self.owe(&written, what);
        }
    }

    async fn annotate(&self, name: &str, annotations: Value) {
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.write(name, patch, "annotation").await;
        self.model().overridden(name);
    }

    async fn write_status(&self, name: &str, status: Value) -> Option<Thing> {
        let patch = json!({ "status": status });
        let written = self.patch_status(&self.things, name, patch).await.ok()?;
        let event = format_args!("somebody writes its status: {status}");
        self.model().trace.note(self.now(), name, event);
        self.status_written(&written, None);
        Some(written)
    }

    async fn change_phase(&self, name: &str, phase: Phase, fresh: u64) {
        let uid = self.uid_of(name).unwrap_or_default();
        let before = self.model().objects.get(&uid).map(|object| object.phase);
        let since = (fresh % 2 == 0).then(|| self.now() + self.clock_is_ahead_by());
        let Some(written) = self.write_status(name, json!({ "phase": phase, "since": since })).await else {
            return;
        };
        let duty = Duty {
            at: self.now(),
            version: version(&written),
            what: "phase",
        };
        self.model().owe(&uid, duty, |record| {
            let is_known = record.seen == phase || record.reported == Some(phase) || before == Some(phase);
            record.ended && !record.running && !is_known
        });
    }

    async fn change_child(&self, name: &str, fresh: u64) {
        let Ok(parent) = self.things.get(name).await else {
            return;
        };
        let patch = Patch::Merge(json!({ "data": { "value": fresh.to_string() } }));
        let new = new_child(&parent, self.plan.features.kinds);
        let changed = match self.children.create(&PostParams::default(), &new).await {
            Ok(created) => Ok(created),
            Err(_) => self.children.patch(name, &PatchParams::default(), &patch).await,
        };
        let Ok(changed) = changed else { return };
        self.child_changed(name, None);
        if changed.metadata.owner_references != new.metadata.owner_references {
            return;
        }
        let (children, now) = (self.plan.children, self.now());
        let mut model = self.model();
        model.trace.note(now, name, "its child changes");
        let duty = Duty {
            at: now,
            version: 0,
            what: "child",
        };
        model.owe(&parent.uid().unwrap_or_default(), duty, |_| {
            children != Children::Unwatched
        });
    }
}
