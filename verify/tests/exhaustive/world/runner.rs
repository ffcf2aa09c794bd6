//! The watches and the runner.

use super::*;

impl World {
    pub(super) fn start_lists(&mut self, real: &Real) {
        self.listing = Some(self.object);
        self.objects.begin_list();
        self.list(real);
        self.start_child_list();
    }

    pub(super) fn start_child_list(&mut self) {
        self.child_listing = Some((self.child, self.versions));
        self.others.begin_list();
        if let Some(child) = self.child {
            self.others.list(child.key, look(&child));
        }
    }

    /// The first page, with all of its objects.
    pub(super) fn list(&mut self, real: &Real) {
        if let Some(object) = self.object {
            self.objects.list(&real.engine, || NAME, object.uid, sight(&object));
        }
        if self.cast.has_child {
            self.objects.list(&real.engine, || SECOND_NAME, SECOND_UID, second());
        }
    }

    pub(super) fn end_list(&mut self, real: &Real) {
        if let Some(listed) = self.listing.take() {
            self.checks.stored(listed.as_ref());
            self.store = listed;
            for name in self.objects.end_list(&real.engine, KIND, |name, _| id(name)) {
                self.trigger(name);
            }
        }
    }

    pub(super) fn end_child_list(&mut self, real: &Real) {
        if let Some((listed, at)) = self.child_listing.take() {
            self.known_child = listed;
            self.child_seen = at;
            for concern in self.others.end_list(&real.engine, &generation) {
                self.concern(&concern, real);
            }
        }
    }

    pub(super) fn deliver(&mut self, real: &Real) {
        match self.watch.pop_front() {
            Some(Event::Applied(object)) => {
                self.checks.stored(Some(&object));
                self.store = Some(object);
                if self.objects.apply(&real.engine, id(NAME), object.uid, &sight(&object)) {
                    self.trigger(NAME);
                }
            }
            Some(Event::Deleted(object)) => {
                self.checks.stored(None);
                self.store = None;
                self.objects.delete(&real.engine, KIND, object.uid);
            }
            None => {}
        }
    }

    pub(super) fn deliver_child(&mut self, real: &Real) {
        let concern = match self.child_watch.pop_front() {
            Some(Event::Applied(child)) => {
                self.known_child = Some(child);
                self.child_seen = child.version;
                self.others.apply(&real.engine, child.key, look(&child), &generation)
            }
            Some(Event::Deleted(child)) => {
                self.known_child = None;
                self.child_seen = child.version;
                Some(self.others.delete(&real.engine, child.key, look(&child)))
            }
            None => None,
        };
        if let Some(concern) = concern {
            self.concern(&concern, real);
        }
    }

    pub(super) fn concern(&mut self, concern: &Concern<&'static str>, real: &Real) {
        let (store, is_first) = (self.store, self.objects.is_first());
        let key_of = |name: &str| match name == NAME {
            true => store.map(|object| object.uid),
            false => (!is_first).then_some(SECOND_UID),
        };
        for name in real.concern(concern, key_of) {
            self.trigger(name);
        }
    }

    pub(super) fn trigger(&mut self, name: &str) {
        self.schedule(usize::from(name == SECOND_NAME), self.now);
    }

    /// Of two timers of one object the earlier counts.
    pub(super) fn schedule(&mut self, which: usize, at: Tick) {
        self.queue[which] = Some(self.queue[which].map_or(at, |before| before.min(at)));
    }

    pub(super) fn requeue(&mut self, which: usize, requeue: Requeue) {
        if let Requeue::After(after) = requeue {
            self.schedule(which, self.now + after.as_nanos().div_ceil(1000) as Tick);
        }
    }

    /// Does what the engine asked for beside its answers.
    pub(super) fn follow(&mut self, real: &mut Real) -> Result<(), String> {
        let asked = real.asked();
        for object in asked.triggers {
            // What is gone is not triggered.
            if object.name() == SECOND_NAME || self.store.is_some() {
                self.trigger(object.name());
            }
        }
        if asked.throttled {
            if self.store.is_some_and(|object| real.engine.is_throttled(object.uid)) {
                self.trigger(NAME);
            }
            if self.cast.has_child && real.engine.is_throttled(SECOND_UID) {
                self.trigger(SECOND_NAME);
            }
        }
        let policy = &self.cast.policies[self.remembered.policy()];
        self.checks.transitions(&asked.transitions, policy, self.now)
    }

    pub(super) fn dispatch(&mut self, real: &mut Real) -> Result<(), String> {
        self.queue[0] = None;
        let Some(object) = self.store else { return Ok(()) };
        let before = self.remembered.record(object.uid).cloned();
        match real
            .engine
            .admit(id(NAME), Some(object.uid), &sight(&object), None, false)
        {
            Admission::Run(mut reconcile) => {
                reconcile.has_ended = true;
                let reasons = reconcile.scope.take().map(|scope| scope.reasons).unwrap_or_default();
                let policy = &self.cast.policies[self.remembered.policy()];
                let delivered = self.delivered();
                let is_follow_up = reasons.contains(&Reason::Due)
                    && before
                        .as_ref()
                        .is_some_and(|record| record.state.flags.has(Flags::FOLLOW_UP));
                self.checks
                    .start(&object, &reasons, policy, self.now, delivered, is_follow_up)?;
                self.run = Some(Run {
                    read: object,
                    reasons,
                    writes: 0,
                });
            }
            Admission::Decline(requeue) => {
                let flags = real.engine.memory.get(object.uid).unwrap_or_default().flags;
                self.checks.declined(
                    flags,
                    before.is_some_and(|record| record.state.flags.has(Flags::LOOPING)),
                );
                self.requeue(0, requeue);
            }
        }
        Ok(())
    }

    pub(super) fn delivered(&self) -> Delivered {
        let all_of_children = self.child_watch.is_empty() && self.child_listing.is_none();
        Delivered {
            all_of_object: self.watch.is_empty() && self.listing.is_none(),
            all_of_children,
            child: if all_of_children {
                self.versions
            } else {
                self.child_seen
            },
        }
    }

    pub(super) fn dispatch_second(&mut self, real: &mut Real) -> Result<(), String> {
        self.queue[1] = None;
        match real
            .engine
            .admit(id(SECOND_NAME), Some(SECOND_UID), &second(), None, false)
        {
            Admission::Run(reconcile) => {
                let delivered = self.delivered();
                let holds = self.checks.start_second(reconcile.reasons(), delivered);
                let requeue = real
                    .engine
                    .succeeded(id(SECOND_NAME), reconcile, Phase::Ready.await_change());
                // A follow-up would be a bug: it writes nothing.
                self.requeue(1, requeue);
                real.asked();
                holds
            }
            Admission::Decline(requeue) => {
                self.requeue(1, requeue);
                Ok(())
            }
        }
    }
}
