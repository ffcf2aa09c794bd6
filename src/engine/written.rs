//! What comes from the application's client.

use super::{
    Engine,
    echo::{self, Answer},
    event::{self, Then, Why},
    longest,
    memory::{Flags, Key},
    rate::micros,
    reason::Reason,
    scope::Scope,
    version::Version,
};
use crate::sync::PoisonError;

/// A write when it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// How many deliveries there had been.
    pub(crate) deliveries: u64,
    /// How many watches are to deliver it.
    pub(crate) watches: u32,
    /// Whether it can change the status only.
    pub(crate) of_status: bool,
}

impl Engine {
    pub(crate) fn sends(&self, writer: Key) {
        self.memory.modify(writer, |record| record.pending().in_flight += 1);
    }

    /// A write was answered; returns whether to trigger the writer, so that its timer is set.
    pub(crate) fn wrote(&self, writer: Key, target: Key, version: Version, sent: Sent, may_be_unchanged: bool) -> bool {
        let now = self.clock.now();
        let of_own_kind = self.memory.get(target).map(|state| (state.version, state.delivered));
        let of_another = || {
            let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            others.get(&target).copied()
        };
        let answer = Answer {
            target,
            version,
            sent: sent.deliveries,
            watches: sent.watches,
            of_status: sent.of_status,
            latest: of_own_kind.or_else(of_another),
        };
        let longest = longest(&*self.policy());
        let follows_up = self.memory.modify(writer, |record| {
            let is_awaited = echo::wrote(record, &answer);
            if !is_awaited || !may_be_unchanged {
                return false;
            }
            let flags = &mut record.state.flags;
            flags.set(Flags::UNSURE, true);
            // A task that the reconcile left behind, after whose end only a change would start another.
            let is_late = flags.has(Flags::AWAITS_CHANGE) && !flags.has(Flags::RUNNING);
            if is_late {
                flags.set(Flags::AWAITS_CHANGE, false);
                flags.set(Flags::FOLLOW_UP, true);
                record.state.due = now.saturating_add(micros(longest));
            }
            is_late
        });
        if of_own_kind.is_some() {
            self.memory
                .modify(target, |record| echo::await_write(record, version, now));
        }
        follows_up == Some(true)
    }

    /// A patch of this object by its own reconcile is sent and answered.
    #[cfg(feature = "testing")]
    pub(crate) fn wrote_now(&self, key: Key, version: Version) {
        let sent = Sent {
            deliveries: self.deliveries(),
            watches: 1,
            of_status: false,
        };
        self.wrote(key, key, version, sent, true);
    }

    pub(crate) fn sent(&self, scope: &Scope) {
        let key = scope.key;
        let then = self.memory.modify(key, |record| {
            let pending = record.pending();
            pending.in_flight = pending.in_flight.saturating_sub(1);
            event::release(record, key)
        });
        if then.is_some_and(|then| self.follow(scope.object.id(), key, then)) {
            self.trigger(&scope.object);
        }
    }

    pub(crate) fn cut_off(&self, scope: &Scope) {
        let key = scope.key;
        let then = self.memory.modify(key, |record| {
            // An error that its error policy is yet to see.
            if record.state.flags.has(Flags::ERRED) {
                return Then::Nothing(Why::Kept);
            }
            record.state.flags.set(Flags::RUNNING, false);
            // What is cut off again and again waits for the rate limit, also where it was due.
            record.state.flags.set(Flags::FAST, true);
            event::release(record, key);
            event::want(record, Reason::CutOff)
        });
        if then.is_some_and(|then| self.follow(scope.object.id(), key, then)) {
            self.trigger(&scope.object);
        }
    }
}
