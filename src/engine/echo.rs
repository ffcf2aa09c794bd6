//! Whether an event is the echo of what the object's own reconcile wrote. Pure: a record in, an answer out.

use super::{
    memory::{Event, Held, Key, Record, Tick, Write},
    version::Version,
};
use std::time::Duration;

/// How long a reconcile waits at most for the cache to contain the object's last own write, from the answer on.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How many writes of one object are remembered, and how many events are held for it. Beyond that the oldest counts as
/// someone else's, which costs a reconcile.
const MOST: usize = 256;

/// The answer to a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) target: Key,
    pub(crate) version: Version,
    /// How many deliveries there had been when the request was sent.
    pub(crate) sent: u64,
    /// How many watches are to deliver it.
    pub(crate) watches: u32,
    /// Whether it can have changed the status only.
    pub(crate) of_status: bool,
    /// The latest version of the target that a watch delivered, and the number of that delivery.
    pub(crate) latest: Option<(Version, u64)>,
}

/// Remembers a write of a reconcile of this object; returns whether it may come back as an event, or has while it was under
/// way.
pub(crate) fn wrote(record: &mut Record, answer: &Answer) -> bool {
    let is_held = |held: &Held| {
        let target = match &held.what {
            Event::Itself(_) => None,
            Event::Other { key, .. } => Some(*key),
        };
        held.version == answer.version
            && held.delivered > answer.sent
            && target.is_none_or(|target| target == answer.target)
    };
    let is_held = record.pending().held.iter().any(is_held);
    let was_delivered = answer
        .latest
        .is_some_and(|(latest, at)| match latest == answer.version {
            // A write that changed nothing returns the version that was there before.
            true => at <= answer.sent,
            false => answer.version.is_before(latest) && !is_held,
        });
    if was_delivered || answer.watches == 0 {
        return false;
    }
    let writes = &mut record.pending().writes;
    if writes.len() >= MOST {
        writes.remove(0);
    }
    writes.push(Write {
        target: answer.target,
        version: answer.version,
        sent: answer.sent,
        watches: answer.watches,
        of_status: answer.of_status,
    });
    true
}

/// Makes the next reconcile of this object wait until the cache contains a write to it.
pub(crate) fn await_write(record: &mut Record, version: Version, now: Tick) {
    let is_held = |held: &Held| matches!(held.what, Event::Itself(_)) && held.version == version;
    let contained = record.state.version.contains(version);
    let pending = record.pending();
    let is_older = pending.awaited.is_some_and(|(awaited, _)| version.is_before(awaited));
    if !contained && !is_older && !pending.held.iter().any(is_held) {
        pending.awaited = Some((version, now));
    }
}

/// Takes the object's own write that an event shows out of memory and returns it.
pub(crate) fn take(record: &mut Record, target: Key, version: Version, delivered: u64) -> Option<Write> {
    let pending = record.pending_mut()?;
    let found = pending
        .writes
        .iter_mut()
        .find(|write| write.target == target && write.version == version && write.sent < delivered);
    let own = found.map(|write| {
        write.watches = write.watches.saturating_sub(1);
        *write
    });
    pending.writes.retain(|write| write.watches > 0);
    own
}

/// Forgets the object's own writes to a target that no event will show any more, because a later version is there; after a
/// list none of them will.
pub(crate) fn skip(record: &mut Record, target: Key, version: Version, relisted: bool) {
    if let Some(pending) = record.pending_mut() {
        pending
            .writes
            .retain(|write| write.target != target || !(relisted || write.version.is_before(version)));
    }
}

/// Holds an event until it can be told whether it is an echo; returns one that there is no room for.
pub(crate) fn hold(record: &mut Record, held: Held) -> Option<Held> {
    let all = &mut record.pending().held;
    let oldest = (all.len() >= MOST).then(|| all.remove(0));
    all.push(held);
    oldest
}
