//! What comes from watches.

use super::{
    Engine,
    conclusion::{self, Status},
    echo,
    event::{self, Shown, Then},
    log,
    memory::{Flags, Held, Key},
    reason::Reason,
    sight::Sight,
    version::Version,
    wakes::Id,
};
use crate::{
    policy::slot::Slot,
    sync::{Ordering, PoisonError},
};
use std::collections::HashSet;

impl Engine {
    /// Notes a watch of this resource.
    pub(crate) fn watch(&self, group: &str, plural: &str) {
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        *watches.entry((group.to_owned(), plural.to_owned())).or_default() += 1;
    }

    /// Notes that it has ended.
    pub(crate) fn unwatch(&self, group: &str, plural: &str) {
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(watches) = watches.get_mut(&(group.to_owned(), plural.to_owned())) {
            *watches = watches.saturating_sub(1);
        }
    }

    pub(crate) fn watches_of(&self, group: &str, plural: &str) -> u32 {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches
            .iter()
            .find(|((known, name), _)| known == group && name == plural)
            .map_or(0, |(_, watches)| *watches)
    }

    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::SeqCst)
    }

    pub(super) fn deliver(&self) -> u64 {
        self.deliveries.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A watch shows an object; returns whether to trigger it.
    pub(crate) fn shown(&self, id: Id<'_>, key: Key, sight: &Sight, how: Shown) -> bool {
        let (now, delivered) = (self.clock.now(), self.deliver());
        let then = self.memory.upsert(key, now, |record, is_new| {
            event::shown(record, key, sight, how, delivered, is_new)
        });
        if let Then::Nothing(why) = then {
            log::quiet(id, why);
            self.telemetry.quiet(id.kind, why);
        }
        self.follow(id, key, then)
    }

    /// Whether the object is known in this version.
    pub(crate) fn has_seen(&self, key: Key, version: Version) -> bool {
        self.memory.get(key).is_some_and(|state| state.version == version)
    }

    /// An object is gone.
    pub(crate) fn gone(&self, kind: &str, key: Key) {
        self.deliver();
        self.memory.forget(key);
        self.telemetry.gone(kind, self.memory.failing());
    }

    /// A controller of this kind ends, which knew these objects.
    pub(crate) fn leave(&self, kind: &str, known: HashSet<Key>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.entry(kind.to_owned()).or_default().extend(known);
    }

    /// Returns what controllers of this kind knew that have ended.
    pub(crate) fn take_left(&self, kind: &str) -> HashSet<Key> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.remove(kind).unwrap_or_default()
    }

    /// A watch shows another object; returns the number of the delivery.
    pub(crate) fn shown_other(&self, other: Key, version: Version) -> u64 {
        let delivered = self.deliver();
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.insert(other, (version, delivered));
        delivered
    }

    /// Another object is gone.
    pub(crate) fn gone_other(&self, other: Key) -> u64 {
        let delivered = self.deliver();
        self.others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&other);
        delivered
    }

    /// A watch of other objects ends, which knew these.
    pub(crate) fn forget_others<'a>(&self, known: impl Iterator<Item = &'a Key>) {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        for key in known {
            others.remove(key);
        }
    }

    /// A version of another object concerns this one; returns whether to trigger it.
    pub(crate) fn related(&self, id: Id<'_>, key: Key, held: Held, may_be_echo: bool) -> bool {
        let then = self
            .memory
            .modify(key, |record| event::related(record, key, held, may_be_echo));
        if let Some(Then::Nothing(why)) = then {
            log::quiet(id, why);
            self.telemetry.quiet(id.kind, why);
        }
        then.is_some_and(|then| self.follow(id, key, then))
    }

    /// A version of another object concerns this one, and the application does not want to hear of it.
    pub(crate) fn passed(&self, key: Key, other: Key, version: Version, delivered: u64) {
        self.memory.modify(key, |record| {
            // What is held before it is yet to be compared with the writes.
            if !record.is_busy() {
                echo::take(record, other, version, delivered);
                echo::skip(record, other, version, false);
            }
        });
    }

    /// The application asks for an object; returns whether to trigger it.
    pub(crate) fn requested(&self, key: Key, reason: Reason) -> bool {
        self.memory.modify(key, |record| event::want(record, reason)) == Some(Then::Trigger)
    }

    /// Whether the object waits for the rate limit that is no longer in force.
    pub(crate) fn is_throttled(&self, key: Key) -> bool {
        let is_throttled = self.memory.modify(key, |record| {
            let is_throttled = record.state.flags.has(Flags::THROTTLED);
            record.state.flags.set(Flags::THROTTLED, false);
            is_throttled
        });
        is_throttled == Some(true)
    }

    /// Does what follows from an event; returns whether to trigger the object.
    pub(super) fn follow(&self, id: Id<'_>, key: Key, then: Then) -> bool {
        match then {
            Then::Nothing(_) => false,
            Then::Trigger => true,
            Then::Move(phase, since) => {
                self.move_timer(id, key, Status { phase, since });
                true
            }
        }
    }

    pub(super) fn move_timer(&self, id: Id<'_>, key: Key, status: Status) {
        let Some(state) = self.memory.get(key) else { return };
        // It counts from the end of the reconcile that left the phase open.
        let now = state.ended;
        let (policy, number) = self.in_force();
        let present = self.clock.wall(self.clock.now());
        let mut terms = self.terms(&policy, number, now);
        terms.wall.time = present.at(now);
        let conclusion = conclusion::by_echo(&state, status, Slot::from_bits(key), terms);
        let kept = self.memory.modify(key, |record| {
            let is_running = record.state.flags.has(Flags::RUNNING);
            if !is_running {
                conclusion::keep(record, key, &conclusion, now);
            }
            !is_running
        });
        if kept == Some(true) {
            self.tell(id, &conclusion, state.phases.reported(), None, &policy, &[]);
        }
    }
}
