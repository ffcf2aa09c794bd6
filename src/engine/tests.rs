//! Events, own writes and triggers together, on one object.

use super::{
    echo,
    event::{Shown, Then, Why, related, release, shown, want},
    memory::{Event, Flags, Held, Key, Record, Tick},
    places::Places,
    rate::Limit,
    reason::Reason,
    sight::Sight,
    trigger::{Limits, Verdict, admit},
};
use crate::{
    MaxRate, Observed, Phase, RateLimit, Requeue,
    engine::{echo::Answer, reason::Source, sight::Content, version::Version},
};
use std::time::Duration;

const KEY: Key = 1;
const CHILD: Key = 2;
const SECOND: Tick = 1_000_000;

/// One object, as its controller sees it; every event is one delivery.
struct World {
    record: Record,
    deliveries: u64,
    limit: Option<RateLimit>,
    places: Places,
    rate: Option<MaxRate>,
}

fn seen(version: &str, phase: Phase) -> Sight {
    let content = Content {
        generation: Some(1),
        ..Content::default()
    };
    Sight::new(Version::of(version), content, &Observed::new(phase))
}

impl World {
    /// An object that was reconciled at zero, in version "1", and is due at 100 s.
    fn new() -> Self {
        let mut world = Self {
            record: Record::default(),
            deliveries: 0,
            limit: None,
            places: Places::default(),
            rate: None,
        };
        let first = seen("1", Phase::Ready);
        let then = shown(&mut world.record, KEY, &first, Shown::Watched, 1, true);
        assert_eq!(then, Then::Trigger);
        assert!(matches!(world.admit(&first, 0), Verdict::Run { .. }));
        world.ends(100 * SECOND);
        world
    }

    fn ends(&mut self, due: Tick) -> Then {
        let flags = &mut self.record.state.flags;
        flags.set(Flags::RUNNING | Flags::AWAITS_CHANGE, false);
        self.record.state.due = due;
        release(&mut self.record, KEY)
    }

    fn admit(&mut self, sight: &Sight, now: Tick) -> Verdict {
        let limits = Limits {
            of_object: self.limit.map(|limit| Limit { limit, number: 0 }),
            of_fleet: self.rate.map(|rate| (rate, &self.places)),
        };
        admit(&mut self.record, KEY, sight, limits, now)
    }

    fn watched(&mut self, sight: &Sight) -> Then {
        self.deliveries += 1;
        shown(&mut self.record, KEY, sight, Shown::Watched, self.deliveries, false)
    }

    fn child(&mut self, version: &str) -> Then {
        self.deliveries += 1;
        let held = Held {
            what: Event::Other {
                key: CHILD,
                reason: Reason::Child(Source::new("ConfigMap", None, "a")),
            },
            version: Version::of(version),
            delivered: self.deliveries,
        };
        related(&mut self.record, KEY, held, true)
    }

    /// The answer to a write that was sent after so many deliveries.
    fn wrote(&mut self, target: Key, version: &str, sent: u64) {
        let version = Version::of(version);
        let state = self.record.state;
        let answer = Answer {
            target,
            version,
            sent,
            watches: 1,
            of_status: false,
            latest: (target == KEY).then_some((state.version, state.delivered)),
        };
        echo::wrote(&mut self.record, &answer);
        if target == KEY {
            echo::await_write(&mut self.record, version, 0);
        }
    }

    fn reasons(&mut self, sight: &Sight, now: Tick) -> String {
        match self.admit(sight, now) {
            Verdict::Run { reasons, .. } => reasons.to_string(),
            verdict => format!("{verdict:?}"),
        }
    }
}

#[test]
fn an_echo_is_none_whether_it_comes_before_or_after_the_answer() {
    for before in [true, false] {
        for numbers in [["1", "2", "3"], ["a", "b", "c"]] {
            let mut world = World::new();
            world.record.state.version = Version::of(numbers[0]);
            world.record.state.flags.set(Flags::RUNNING, true);
            let sent = world.deliveries;
            let echo = seen(numbers[1], Phase::Failed);
            if before {
                assert_eq!(world.watched(&echo), Then::Nothing(Why::Kept));
                world.child("x7");
            }
            world.wrote(KEY, numbers[1], sent);
            world.wrote(CHILD, "x7", sent);
            let then = world.ends(100 * SECOND);
            assert!(matches!(then, Then::Nothing(_)), "{then:?}");
            assert!(!world.record.has_reasons(), "{:?}", world.record);
            if !before {
                assert_eq!(world.watched(&echo), Then::Nothing(Why::Echo));
                assert_eq!(world.child("x7"), Then::Nothing(Why::Echo));
            }
            // The same versions are no more than that: what someone else writes next is a change.
            assert_eq!(world.watched(&seen(numbers[2], Phase::Ready)), Then::Trigger);
            assert_eq!(world.reasons(&seen(numbers[2], Phase::Ready), SECOND), "changed: phase");
            assert_eq!(world.child("x8"), Then::Nothing(Why::Kept));
        }
    }
}

#[test]
fn a_version_that_was_there_before_the_request_is_not_its_write() {
    let mut world = World::new();
    world.watched(&seen("2", Phase::Ready));
    let sent = world.deliveries;
    world.record.state.flags.set(Flags::RUNNING, true);
    world.wrote(KEY, "2", sent);
    assert!(
        world
            .record
            .pending_mut()
            .is_none_or(|pending| pending.writes.is_empty())
    );
    assert!(
        world
            .record
            .pending_mut()
            .is_none_or(|pending| pending.awaited.is_none())
    );
}

#[test]
fn a_version_that_was_there_before_the_request_is_not_its_write_though_a_later_one_came_before_the_answer() {
    let mut world = World::new();
    world.record.state.flags.set(Flags::RUNNING, true);
    world.watched(&seen("2", Phase::Failed));
    let sent = world.deliveries;
    world.watched(&seen("3", Phase::Failed));
    world.wrote(KEY, "2", sent);
    world.ends(100 * SECOND);
    assert_eq!(world.reasons(&seen("3", Phase::Failed), SECOND), "changed: phase");
}

#[test]
fn a_reconcile_waits_for_the_cache_and_at_most_five_seconds() {
    for (own, other) in [("5", "4"), ("own", "other")] {
        let mut world = World::new();
        world.record.state.flags.set(Flags::RUNNING, true);
        world.wrote(KEY, own, 0);
        world.ends(100 * SECOND);
        want(&mut world.record, Reason::Requested);
        let stale = seen(other, Phase::Ready);
        let after = Duration::from_secs(4);
        assert_eq!(world.admit(&stale, SECOND), Verdict::Await { after });
        // It has its timer, so nothing else dispatches it meanwhile.
        assert_eq!(want(&mut world.record, Reason::Requested), Then::Nothing(Why::Kept));
        let mut late = world.record.clone();
        assert_eq!(world.watched(&stale), Then::Nothing(Why::Status));
        assert_eq!(world.watched(&seen(own, Phase::Ready)), Then::Trigger);
        assert_eq!(world.reasons(&seen(own, Phase::Ready), 2 * SECOND), "requested");
        std::mem::swap(&mut world.record, &mut late);
        let verdict = world.admit(&stale, 5 * SECOND);
        assert!(matches!(verdict, Verdict::Run { is_stale: true, .. }), "{verdict:?}");
    }
}

#[test]
fn of_more_events_than_are_held_none_is_lost() {
    let mut world = World::new();
    world.record.state.flags.set(Flags::RUNNING, true);
    for n in 0..1000 {
        assert!(matches!(world.child(&format!("{n}")), Then::Nothing(_)));
        if n != 300 {
            world.wrote(CHILD, &format!("{n}"), 0);
        }
    }
    let pending = world.record.pending();
    assert!(pending.held.len() <= 256 && pending.writes.len() <= 256);
    world.ends(100 * SECOND);
    assert_eq!(world.reasons(&seen("1", Phase::Ready), SECOND), "child ConfigMap a");
}

#[test]
fn a_due_reconcile_takes_a_token_and_waits_for_none() {
    let mut world = World::new();
    world.limit = Some(RateLimit::new(1, Duration::from_secs(10)));
    let sight = seen("1", Phase::Ready);
    for n in 1..4 {
        let due = n * SECOND;
        world.record.state.due = due;
        // kube-runtime's timers may fire a little early.
        assert_eq!(world.reasons(&sight, due - 500), "due");
        world.ends(due + SECOND);
    }
    want(&mut world.record, Reason::Requested);
    world.record.state.due = 100 * SECOND;
    let verdict = world.admit(&sight, 3 * SECOND);
    let Verdict::Throttle { after, loops: false } = verdict else {
        panic!("{verdict:?}");
    };
    // It owes nothing for the three.
    assert!((9.9..=10.0).contains(&after.as_secs_f64()), "{after:?}");
}

#[test]
fn a_short_explicit_delay_takes_its_turn_by_the_rate_limit() {
    let mut world = World::new();
    world.limit = Some(RateLimit::new(1, Duration::from_secs(10)));
    let sight = seen("1", Phase::Ready);
    world.record.state.due = SECOND;
    assert_eq!(world.reasons(&sight, SECOND), "due");
    world.ends(2 * SECOND);
    world.record.state.flags.set(Flags::FAST, true);
    let after = Duration::from_secs(9);
    assert_eq!(
        world.admit(&sight, 2 * SECOND),
        Verdict::Throttle { after, loops: false }
    );
    assert_eq!(world.reasons(&sight, 11 * SECOND), "due");
}

#[test]
fn a_loop_is_said_once_after_a_minute_of_throttling() {
    let mut world = World::new();
    world.limit = Some(RateLimit::new(1, Duration::from_secs(1)));
    let sight = seen("1", Phase::Ready);
    let (mut now, mut said) = (SECOND, vec![]);
    while now < 200 * SECOND {
        want(&mut world.record, Reason::Requested);
        match world.admit(&sight, now) {
            Verdict::Run { .. } => {
                world.ends(1000 * SECOND);
            }
            Verdict::Throttle { after, loops } => {
                if loops {
                    said.push(now / SECOND);
                }
                now += super::rate::micros(after);
            }
            verdict => panic!("{verdict:?}"),
        }
    }
    assert_eq!(said, [61]);
    // Once the bucket was full it is said again.
    let rested = 300 * SECOND;
    want(&mut world.record, Reason::Requested);
    assert!(matches!(world.admit(&sight, rested), Verdict::Run { .. }));
    assert!(!world.record.state.flags.has(Flags::LOOPING));
}

#[test]
fn what_the_whole_fleet_is_asked_for_takes_a_place_and_a_change_gives_it_back() {
    let mut world = World::new();
    world.rate = Some(MaxRate::new(0.1));
    let sight = seen("1", Phase::Ready);
    world.places.take(MaxRate::new(0.1), SECOND);
    world.record.state.flags.set(Flags::AWAITS_CHANGE, true);
    assert_eq!(want(&mut world.record, Reason::RequestedForAll), Then::Trigger);
    let after = Duration::from_secs(10);
    assert_eq!(world.admit(&sight, SECOND), Verdict::Place { after });
    let before = world.admit(&sight, 5 * SECOND);
    assert_eq!(before, Verdict::Postpone(Requeue::After(Duration::from_secs(6))));
    let mut changed = world.record.clone();
    assert_eq!(world.reasons(&sight, 11 * SECOND), "requested for all");
    std::mem::swap(&mut world.record, &mut changed);
    want(&mut world.record, Reason::Requested);
    assert_eq!(world.reasons(&sight, 6 * SECOND), "requested for all; requested");
    assert_eq!(world.places.take(MaxRate::new(0.1), 6 * SECOND), 11 * SECOND);
}

#[test]
fn what_only_a_list_shows_is_no_echo() {
    let mut world = World::new();
    world.wrote(KEY, "2", world.deliveries);
    let listed = seen("2", Phase::Ready);
    assert_eq!(
        shown(&mut world.record, KEY, &listed, Shown::Relisted, 9, false),
        Then::Trigger
    );
    assert_eq!(world.reasons(&listed, SECOND), "changed: version");
    world.ends(100 * SECOND);
    world.wrote(CHILD, "x7", world.deliveries);
    let held = Held {
        what: Event::Other {
            key: CHILD,
            reason: Reason::Child(Source::new("ConfigMap", None, "a")),
        },
        version: Version::of("x7"),
        delivered: 10,
    };
    assert_eq!(related(&mut world.record, KEY, held, false), Then::Trigger);
    // It is shown, so nothing is left to wait for.
    world.record.tidy();
    assert!(
        world
            .record
            .pending_mut()
            .is_some_and(|pending| pending.writes.is_empty())
    );
}

#[test]
fn what_an_echo_shows_is_what_the_next_event_is_compared_with() {
    let mut world = World::new();
    let labelled = |version: &str| {
        let mut sight = seen(version, Phase::Ready);
        (
            sight.content.labels,
            sight.content.annotations,
            sight.content.fingerprint,
        ) = (7, 8, 9);
        sight
    };
    world.wrote(KEY, "2", world.deliveries);
    assert_eq!(world.watched(&labelled("2")), Then::Nothing(Why::Echo));
    assert_eq!(world.watched(&labelled("3")), Then::Nothing(Why::Status));
    assert_eq!(world.watched(&seen("4", Phase::Ready)), Then::Trigger);
    assert_eq!(
        world.reasons(&seen("4", Phase::Ready), SECOND),
        "changed: labels, annotations, fingerprint"
    );
}

#[test]
fn a_phase_that_the_reconcile_reported_is_no_change_whoever_wrote_it() {
    let mut world = World::new();
    world.record.state.phases = super::memory::Phases::new(Phase::Ready, Some(Phase::Failed));
    // Its own write, whose answer was lost.
    assert_eq!(world.watched(&seen("2", Phase::Failed)), Then::Nothing(Why::Status));
    assert_eq!(world.watched(&seen("3", Phase::Ready)), Then::Trigger);
}

#[test]
fn after_a_restore_from_a_backup_versions_go_on_from_what_the_list_shows() {
    let mut world = World::new();
    world.watched(&seen("1000", Phase::Ready));
    assert_eq!(world.watched(&seen("999", Phase::Failed)), Then::Nothing(Why::Seen));
    let listed = seen("10", Phase::Ready);
    let then = shown(&mut world.record, KEY, &listed, Shown::Relisted, 9, false);
    assert_eq!(then, Then::Trigger);
    assert_eq!(world.reasons(&listed, SECOND), "changed: version");
    world.ends(100 * SECOND);
    assert_eq!(world.watched(&seen("11", Phase::Failed)), Then::Trigger);
}

#[test]
fn without_a_generation_every_write_but_an_echo_is_a_change() {
    let mut world = World::new();
    let of = |version: &str| {
        let mut sight = seen(version, Phase::Ready);
        sight.content.generation = None;
        sight
    };
    world.record.state.content.generation = None;
    world.wrote(KEY, "2", world.deliveries);
    assert_eq!(world.watched(&of("2")), Then::Nothing(Why::Echo));
    assert_eq!(world.watched(&of("3")), Then::Trigger);
    assert_eq!(world.reasons(&of("3"), SECOND), "changed: version");
}
