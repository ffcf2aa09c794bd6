//! The rules, each broken by an edit of a line or two.

/// A broken rule.
pub(crate) struct Break {
    pub(crate) name: &'static str,
    /// A file below `src`, what stands there once, and what stands there instead.
    pub(crate) edits: &'static [(&'static str, &'static str, &'static str)],
}

const ECHO: &str = "engine/echo.rs";
const EVENT: &str = "engine/event.rs";
const TRIGGER: &str = "engine/trigger.rs";
const CONCLUSION: &str = "engine/conclusion.rs";

const fn rule(name: &'static str, edits: &'static [(&'static str, &'static str, &'static str)]) -> Break {
    Break { name, edits }
}

pub(crate) const BREAKS: &[Break] = &[
    // What the first edition did, and a prototype.
    rule(
        "two status writes that disagree: an echo counts as someone else's",
        &[(
            ECHO,
            ".find(|write| write.target == target",
            ".find(|write| false && write.target == target",
        )],
    ),
    rule(
        "a child that changes during a reconcile is lost: a trigger in it is dropped",
        &[(
            EVENT,
            "    record.pending().reasons.add(reason);",
            "    if !record.state.flags.has(Flags::RUNNING) {\n        record.pending().reasons.add(reason);\n    }",
        )],
    ),
    rule(
        "the cache lags behind the own write: a reconcile does not wait",
        &[(TRIGGER, "if until > now {", "if false && until > now {")],
    ),
    rule(
        "the cache lags behind the own write: the write is not remembered",
        &[(
            "engine/written.rs",
            "if of_own_kind.is_some() {",
            "if false && of_own_kind.is_some() {",
        )],
    ),
    rule(
        "the cache brings an outage back that a success has ended",
        &[(
            CONCLUSION,
            ".filter(|told| ended.is_none_or(|ended| *told > ended))",
            "",
        )],
    ),
    rule(
        "what is deleted is remembered",
        &[("engine/watched.rs", "        self.memory.forget(key);\n", "")],
    ),
    rule(
        "what is missing from a list is remembered",
        &[(
            "engine/objects.rs",
            ".for_each(|key| engine.gone(kind, *key));",
            ".for_each(drop);",
        )],
    ),
    rule(
        "a late end brings a record back",
        &[(
            "engine/end.rs",
            "let known = key.and_then(|key| self.memory.modify(key, event::peek));",
            "let known = key.map(|key| self.memory.upsert(key, now, |record, _| event::peek(record)));",
        )],
    ),
    rule(
        "after a list every object is reconciled",
        &[
            (EVENT, "sight.version == state.version || is_older", "is_older"),
            (
                "engine/watched.rs",
                "is_some_and(|state| state.version == version)",
                "is_some_and(|_| false)",
            ),
        ],
    ),
    rule(
        "an echo reaches the second owner of a child as one of its own",
        &[(
            "engine/written.rs",
            "        let follows_up = self.memory.modify(writer",
            "        self.memory.modify(1, |record| echo::wrote(record, &answer));\n        let follows_up = self.memory.modify(writer",
        )],
    ),
    rule(
        "gave up is said again",
        &[(CONCLUSION, "had_given_up && before == phase;", "false;")],
    ),
    // The rules of an event.
    rule(
        "events are not held",
        &[(
            EVENT,
            "if record.is_busy() && !relisted {",
            "if false && record.is_busy() && !relisted {",
        )],
    ),
    rule(
        "events about children are not held",
        &[(
            EVENT,
            "if may_be_echo && record.is_busy() {",
            "if false && may_be_echo && record.is_busy() {",
        )],
    ),
    rule(
        "what a list shows may be an echo",
        &[(
            EVENT,
            "            let own = if relisted {\n                None\n            } else {\n                echo::take(record, key,",
            "            let own = if false {\n                None\n            } else {\n                echo::take(record, key,",
        )],
    ),
    rule(
        "a child's deletion, and what a list shows of one, may be an echo",
        &[(
            EVENT,
            "judge(record, key, held, !may_be_echo)",
            "judge(record, key, held, false)",
        )],
    ),
    rule(
        "what a list shows is no change",
        &[(EVENT, "let anything = relisted || sight", "let anything = sight")],
    ),
    rule(
        "an echo of a status write is a change",
        &[(EVENT, "changes = changes.without(", "let _ = changes.without(")],
    ),
    rule(
        "the labels of an echo are not taken over",
        &[(
            EVENT,
            "        state.content.take_echo(&sight.content, own.of_status);\n",
            "",
        )],
    ),
    rule(
        "a phase of someone else is no change",
        &[(
            EVENT,
            ".and(Changes::PHASE.when(is_other_phase));\n    state.phases.see",
            ".and(Changes::PHASE.when(false && is_other_phase));\n    state.phases.see",
        )],
    ),
    rule(
        "the echo does not wake who waits for it",
        &[(
            EVENT,
            "if is_there && record.state.flags.has(Flags::WAITING)",
            "if false && is_there && record.state.flags.has(Flags::WAITING)",
        )],
    ),
    rule(
        "a controller that starts again reconciles nothing",
        &[(
            EVENT,
            "        state.delivered = delivered;\n        return want(record, Reason::New);",
            "        state.delivered = delivered;\n        return Then::Nothing(Why::Seen);",
        )],
    ),
    rule(
        "nothing happens when a pause ends",
        &[
            (EVENT, "    if resumed {", "    if false && resumed {"),
            (
                EVENT,
                "    let mut changes = sight\n        .content\n        .changes(&state.content)",
                "    let mut changes = sight\n        .content\n        .changes(&state.content)\n        .without(Changes::ANNOTATIONS)",
            ),
        ],
    ),
    // The rules of a write.
    rule(
        "a version that was delivered before the request counts as its echo",
        &[
            (ECHO, "true => at <= answer.sent,", "true => false,"),
            (ECHO, "&& write.sent < delivered", ""),
        ],
    ),
    rule(
        "a patch that may have changed nothing is not followed up",
        &[(
            CONCLUSION,
            "let follow_up = due.is_none()",
            "let follow_up = false && due.is_none()",
        )],
    ),
    rule(
        "a follow-up is followed up",
        &[(CONCLUSION, " && !state.flags.has(Flags::FOLLOW_UP);", ";")],
    ),
    rule(
        "an echo takes the follow-up away",
        &[(
            CONCLUSION,
            "conclusion.due.is_none() && state",
            "false && conclusion.due.is_none() && state",
        )],
    ),
    rule(
        "a dry run counts",
        &[(
            "kube/client.rs",
            "if request.uri().query().is_some_and(is_dry) {",
            "if false && request.uri().query().is_some_and(is_dry) {",
        )],
    ),
    rule(
        "the answer to a lost write is awaited for ever",
        &[(
            "engine/written.rs",
            "pending.in_flight = pending.in_flight.saturating_sub(1);",
            "",
        )],
    ),
    rule(
        "the former owners of a child do not hear of it",
        &[(
            "engine/others.rs",
            "before: before.map(|before| before.concerns),",
            "before: before.map(|before| before.concerns).filter(|_| false),",
        )],
    ),
    rule(
        "a child that is missing from a list is not noticed",
        &[(
            "engine/others.rs",
            "for (key, gone) in before {",
            "for (key, gone) in before.into_iter().take(0) {",
        )],
    ),
    // The rules of a dispatch and of an end.
    rule(
        "a paused object is reconciled",
        &[(TRIGGER, "    if sight.is_paused {", "    if false && sight.is_paused {")],
    ),
    rule(
        "a reconcile takes no token",
        &[(TRIGGER, "        state.bucket = state.bucket.take(limit, now);\n", "")],
    ),
    rule(
        "the bucket fills twice as fast",
        &[(
            "engine/rate.rs",
            "full_at: self.full_at(limit, now).saturating_add(every)",
            "full_at: self.full_at(limit, now).saturating_add(every / 2)",
        )],
    ),
    rule(
        "a short delay of its own goes before the rate limit",
        &[(
            TRIGGER,
            "let goes_first = is_due && !state.flags.has(Flags::FAST);",
            "let goes_first = is_due;",
        )],
    ),
    rule(
        "what is throttled has no timer",
        &[(
            "engine/dispatch.rs",
            "Verdict::Throttle { after, .. } | Verdict::Await { after } => Admission::Decline(Requeue::After(after)),",
            "Verdict::Throttle { .. } => Admission::Decline(Requeue::AwaitChange),\n            Verdict::Await { after } => Admission::Decline(Requeue::After(after)),",
        )],
    ),
    rule(
        "a trigger that is declined takes the timer away",
        &[(
            TRIGGER,
            "        false => Requeue::After(until_tick(record.state.due, now)),",
            "        false => Requeue::AwaitChange,",
        )],
    ),
    rule(
        "a reason that came during a reconcile waits until the object is due",
        &[(
            "engine/end.rs",
            "(Some(_), Some((_, true, _))) => Requeue::After(trigger::AT_ONCE),",
            "",
        )],
    ),
    rule(
        "the backoff starts anew at each failure",
        &[(
            CONCLUSION,
            "        policy.requeue(&observed(began), wall.time)\n    };",
            "        policy.requeue(&observed(wall.time), wall.time)\n    };",
        )],
    ),
    rule(
        "a reconcile starts without a reason",
        &[(
            TRIGGER,
            "    if !record.has_reasons() && !is_due {",
            "    if false && !record.has_reasons() && !is_due {",
        )],
    ),
    rule(
        "the policy before throttles on",
        &[("engine/mod.rs", "            self.wake(None, &Wake::Throttled);", "")],
    ),
];
