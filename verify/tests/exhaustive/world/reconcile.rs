//! What a reconcile writes, and its end.

use super::*;

impl World {
    pub(super) fn write(&mut self, write: Write, real: &mut Real) {
        let Some(run) = &mut self.run else { return };
        run.writes += 1;
        let (read, reasons) = (run.read, run.reasons.clone());
        let request = request(write);
        let Some((_, plural, of_status)) = crate::kube::client::written(&request) else {
            return;
        };
        let sent = Sent {
            deliveries: self.remembered.deliveries(),
            watches: real.engine.watches_of("", plural),
            of_status,
        };
        real.engine.sends(read.uid);
        let mut may_be_unchanged = true;
        let stored = if write == Write::Dry {
            // A server that only tries answers with the version that is there.
            self.object.map(|object| (object.uid, object.version))
        } else if write == Write::Child {
            may_be_unchanged = self.child.is_some();
            Some(self.write_child())
        } else {
            self.write_object(write, &read)
        };
        let is_delivered = |(key, version)| {
            self.store
                .is_some_and(|object| object.uid == key && object.version >= version)
        };
        self.answer = Some(Answer {
            writer: read.uid,
            stored,
            sent,
            is_unsure: may_be_unchanged && stored.is_some_and(|stored| !is_delivered(stored)),
            may_be_unchanged,
            reasons,
        });
    }

    pub(super) fn write_child(&mut self) -> (Key, u64) {
        self.versions += 1;
        let child = match self.child {
            Some(child) => Child {
                version: self.versions,
                generation: child.generation + 1,
                ..child
            },
            None => {
                self.children += 1;
                Child {
                    key: self.children,
                    version: self.versions,
                    generation: 1,
                    is_owned: true,
                }
            }
        };
        self.child = Some(child);
        self.child_watch.push_back(Event::Applied(child));
        self.checks.second_child(self.versions);
        (child.key, child.version)
    }

    pub(super) fn write_object(&mut self, write: Write, read: &Object) -> Option<(Key, u64)> {
        let object = self.object.as_mut()?;
        let phase = match write {
            Write::Status(phase) => phase,
            _ => read.phase,
        };
        let is_another = object.uid != read.uid;
        if write == Write::Same && object.phase == phase {
            let latest = self.watch.is_empty() && self.listing.is_none();
            if !latest {
                self.checks.patched_nothing(object.version);
            }
            return Some((object.uid, object.version));
        }
        self.versions += 1;
        object.version = self.versions;
        let mut is_other_phase = false;
        if write == Write::Spec {
            object.generation += 1;
        } else if write == Write::Label {
            object.labels += 1;
        } else {
            is_other_phase = object.phase != phase;
            if is_other_phase {
                object.since = self.cast.has_since.then_some(self.now);
            }
            object.phase = phase;
        }
        let object = *object;
        self.watch.push_back(Event::Applied(object));
        if write == Write::Spec {
            self.checks.spec(self.versions, Cause::SPEC);
        } else if is_another && is_other_phase {
            // The name is another object's now, and a patch by name changes it.
            self.checks.phase(self.versions);
        } else if is_another {
            self.checks.cause(Cause::PHASE);
        } else if write != Write::Label {
            self.checks.overwrote_phase();
        }
        Some((object.uid, object.version))
    }

    pub(super) fn answer(&mut self, real: &Real) {
        let Some(answer) = self.answer.take() else { return };
        if let Some((target, version)) = answer.stored {
            // Of a child that is its own no more nothing would be told anyway.
            let is_owned = target < CHILDREN || self.known_child.is_some_and(|child| child.is_owned);
            if answer.is_unsure && self.store.is_some_and(|object| object.uid == answer.writer) {
                let is_late = self
                    .run
                    .as_ref()
                    .is_none_or(|run| !Arc::ptr_eq(&run.reasons, &answer.reasons));
                self.checks.is_unsure(is_owned && !is_late);
            }
            let version_then = Version::Number(version);
            let follows_up = real.engine.wrote(
                answer.writer,
                target,
                version_then,
                answer.sent,
                answer.may_be_unchanged,
            );
            if follows_up {
                self.trigger(NAME);
            }
            if self.store.is_some_and(|object| object.uid == target) {
                self.checks.wrote(target, version, self.now);
            }
        }
        real.engine.sent(&real.scope(answer.writer, &answer.reasons));
    }

    pub(super) fn end(&mut self, end: End, real: &Real) {
        let Some(run) = self.run.take() else { return };
        let reconcile = real.reconcile(run.read.uid, status(&run.read), &run.reasons);
        let requeue = match end.outcome() {
            Ok(outcome) => real.engine.succeeded(id(NAME), reconcile, outcome),
            Err(retry) => {
                real.engine.erred(reconcile);
                let observed = Observed::new(run.read.phase).since(run.read.since.map(time));
                let error = std::io::Error::other("no quota");
                let key = Some(run.read.uid);
                real.engine.error_policy(id(NAME), key, &observed, retry, &error, false)
            }
        };
        self.requeue(0, requeue);
        if self.store.is_some_and(|object| object.uid == run.read.uid) {
            let policy = &self.cast.policies[self.remembered.policy()];
            self.checks
                .end(end, *run.reasons == [Reason::Due], requeue, policy, self.now);
        }
    }
}

/// The request of a write, as the client sees it.
fn request(write: Write) -> http::Request<()> {
    let path = match write {
        Write::Child => "/api/v1/namespaces/default/children/c",
        Write::Spec | Write::Label => "/api/v1/things/a",
        Write::Status(_) | Write::Same => "/api/v1/things/a/status",
        Write::Dry => "/api/v1/things/a/status?dryRun=All",
    };
    http::Request::patch(path).body(()).expect("a request")
}
