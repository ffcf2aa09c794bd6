//! What someone else does, and what goes wrong.

use super::*;

impl World {
    pub(super) fn disturb(&mut self, disturbance: Disturbance, real: &mut Real) {
        match disturbance {
            Disturbance::Spec => {
                self.change(|object, _| object.generation += 1);
                self.checks.spec(self.versions, Cause::SPEC);
            }
            Disturbance::OtherPhase => {
                let has_since = self.cast.has_since;
                self.change(|object, now| {
                    object.phase = if object.phase == Phase::Failed {
                        Phase::Ready
                    } else {
                        Phase::Failed
                    };
                    object.since = has_since.then_some(now);
                });
                self.checks.phase(self.versions);
            }
            Disturbance::OtherStatus => self.change(|_, _| {}),
            Disturbance::Pause => {
                self.change(|object, _| object.is_paused = !object.is_paused);
                self.checks.spec(self.versions, Cause::ANNOTATION);
            }
            Disturbance::OtherChild => self.change_child(|child| child.generation += 1),
            Disturbance::ChildStatus => self.change_child(|_| {}),
            Disturbance::Disown => self.change_child(|child| child.is_owned = !child.is_owned),
            Disturbance::DeleteChild => {
                if let Some(child) = self.child.take() {
                    self.versions += 1;
                    let last = Child {
                        version: self.versions,
                        ..child
                    };
                    self.child_watch.push_back(Event::Deleted(last));
                    self.checks.child(self.versions, child.is_owned);
                }
            }
            Disturbance::Delete => {
                if let Some(object) = self.object.take() {
                    self.versions += 1;
                    let last = Object {
                        version: self.versions,
                        ..object
                    };
                    self.watch.push_back(Event::Deleted(last));
                }
            }
            Disturbance::Nudge => self.request(Reason::Requested, real),
            Disturbance::NudgeAll => {
                self.request(Reason::RequestedForAll, real);
                if self.cast.has_child && real.engine.requested(SECOND_UID, Reason::RequestedForAll) {
                    self.trigger(SECOND_NAME);
                }
            }
            Disturbance::Policy => {
                real.replace_policy(&mut self.remembered);
                self.checks.another_policy();
            }
            Disturbance::Relist => {
                self.watch.clear();
                self.listing = Some(self.object);
                self.objects.begin_list();
                self.list(real);
                if self.object != self.store {
                    self.checks.cause(Cause::LIST);
                }
            }
            Disturbance::RelistChild => {
                self.child_watch.clear();
                self.start_child_list();
                // What only a list shows is a change, one's own as well.
                let what = |child: Child| (child.key, child.generation, child.is_owned);
                if self.known_child.map(what) != self.child.map(what) {
                    let is_owned = [self.child, self.known_child]
                        .into_iter()
                        .flatten()
                        .any(|child| child.is_owned);
                    self.checks.child(self.versions, is_owned);
                }
            }
            Disturbance::Lose => {
                if let Some(answer) = self.answer.take() {
                    real.engine.sent(&real.scope(answer.writer, &answer.reasons));
                    // Its echo counts as someone else's.
                    self.checks.cause(Cause::PHASE.and(Cause::ANNOTATION));
                    if answer.stored.is_some_and(|(key, _)| key >= CHILDREN) {
                        self.checks.cause(Cause::CHILD);
                    }
                }
            }
            Disturbance::Leave(end) => {
                self.end(end, real);
                self.checks.left_a_task();
            }
            Disturbance::CutOff => {
                if let Some(run) = self.run.take() {
                    drop(real.reconcile(run.read.uid, status(&run.read), &run.reasons));
                    self.checks.cut_off();
                }
                // The request is cut off with it.
                if let Some(answer) = self.answer.take() {
                    real.engine.sent(&real.scope(answer.writer, &answer.reasons));
                    self.checks.cause(Cause::PHASE.and(Cause::ANNOTATION).and(Cause::CHILD));
                }
            }
            Disturbance::Restart => {
                self.objects.leave(&real.engine, KIND);
                self.others.leave(&real.engine);
                self.begin_again(real);
            }
            Disturbance::Crash => {
                let policy = self.remembered.policy();
                self.remembered = Remembered::with_policy(policy);
                real.load(&self.remembered, self.now);
                self.answer = None;
                self.run = None;
                self.checks.crash();
                self.begin_again(real);
            }
        }
    }

    pub(super) fn begin_again(&mut self, real: &mut Real) {
        self.objects = Objects::new();
        self.others = Others::new();
        self.store = None;
        self.known_child = None;
        self.queue = [None; 2];
        self.watch.clear();
        self.child_watch.clear();
        self.checks.begin_again();
        self.start_lists(real);
        // The first reconciles wait for it.
        self.end_child_list(real);
    }

    /// Someone else writes the object.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Object, Tick)) {
        if let Some(object) = &mut self.object {
            self.versions += 1;
            object.version = self.versions;
            change(object, self.now);
            self.watch.push_back(Event::Applied(*object));
        }
    }

    pub(super) fn change_child(&mut self, change: impl FnOnce(&mut Child)) {
        if let Some(child) = &mut self.child {
            let before = *child;
            self.versions += 1;
            child.version = self.versions;
            change(child);
            self.child_watch.push_back(Event::Applied(*child));
            if child.generation != before.generation || child.is_owned != before.is_owned {
                self.checks.child(self.versions, before.is_owned || child.is_owned);
            }
        }
    }

    pub(super) fn request(&mut self, reason: Reason, real: &Real) {
        if let Some(object) = self.store {
            self.checks.request();
            if real.engine.requested(object.uid, reason) {
                self.trigger(NAME);
            }
        }
    }
}
