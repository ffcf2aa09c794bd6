//! Why an object is triggered in a controller that does not say so: a guess. Pure.

use super::{
    memory::{Flags, Record, Tick},
    reason::{Changes, Reason},
    sight::Sight,
    trigger::is_due,
};

/// Finds reasons for a trigger of a controller that does not say what it is for. Returns whether another one may have been
/// merged into it and is lost.
pub(crate) fn infer(record: &mut Record, sight: &Sight, requested: bool, is_new: bool, now: Tick) -> bool {
    let state = &mut record.state;
    if state.flags.has(Flags::RUNNING) {
        // It would still run.
        state.flags.set(Flags::RUNNING, false);
        record.pending().reasons.add(Reason::CutOff);
    }
    let state = &mut record.state;
    if is_new {
        state.flags.set(Flags::AWAITS_CHANGE, true);
        state.content = sight.content;
    }
    let is_same = sight.version == state.version;
    let is_due = is_due(record, now);
    let state = &mut record.state;
    let reason = if is_new {
        Some(Reason::New)
    } else {
        let is_other_phase = state.phases.seen() != Some(sight.phase) && state.phases.reported() != Some(sight.phase);
        let changes = sight
            .content
            .changes(&state.content)
            .and(Changes::VERSION.when(sight.content.generation.is_none() && !is_same))
            .and(Changes::PHASE.when(is_other_phase));
        if !changes.is_empty() {
            Some(Reason::Changed(changes))
        } else if state.flags.has(Flags::PAUSED) && !sight.is_paused {
            Some(Reason::Resumed)
        } else {
            None
        }
    };
    state.version = sight.version;
    state.phases.see(sight.phase);
    state.told = sight.since;
    state.interval = sight.interval;
    state.deleted = sight.deleted;
    let has_reasons = record.has_reasons();
    let is_unknown = reason.is_none() && !requested && !is_due && is_same && !has_reasons;
    for reason in reason
        .into_iter()
        .chain(requested.then_some(Reason::Requested))
        .chain(is_unknown.then_some(Reason::Unknown))
    {
        record.pending().reasons.add(reason);
    }
    !record.has_reasons() && !is_due
}
