//! A rate for the whole fleet: timers share it, and changes do not wait for it.

use crate::{
    overrides::{PAUSED, annotate, with_overrides},
    world::{World, policy, ready, requeuer, writes_status},
};
use kube::api::{Patch, PatchParams};
use requeue_policy::{MaxRate, RequeueConfig, RequeuePolicy};
use serde_json::{Value, json};
use std::time::Duration;

const WAITS: &str = "INFO timers wait: more objects are due than max_rate carries, and delays stretch";
const CARRIED: &str = "INFO no timer has waited for max_rate for a minute";

async fn create(world: &World, count: usize) {
    for n in 0..count {
        world.create(&format!("n{n}")).await;
    }
}

/// Creates one every tenth of a second, so that their timers fire in this order.
async fn create_in_order(world: &World, names: &[&str]) {
    for (n, name) in names.iter().enumerate() {
        world.until(n as f64 / 10.0).await;
        world.create(name).await;
    }
}

/// Changes so many objects from outside.
async fn patch(world: &World, names: impl IntoIterator<Item = String>, patch: Value) {
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    for name in names {
        let patched = world.things.patch(&name, &params, &patch).await;
        patched.expect("a thing is patched");
    }
}

/// When any object ran after this many seconds, in order.
fn times_after(world: &World, seconds: f64) -> Vec<f64> {
    let times = world.runs().into_iter().map(|run| run.at.as_secs_f64());
    times.filter(|at| *at > seconds).collect()
}

#[tokio::test(start_paused = true)]
async fn places_are_given_in_the_order_in_which_timers_fire() {
    let world = World::new(writes_status);
    let requeue = requeuer(policy("{ default: 10s, max_rate: 1 }"));
    world.start_with(&requeue);
    let names: Vec<_> = (0..20).map(|n| format!("n{n}")).collect();
    create_in_order(&world, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.until(15.0).await;
    let wait = requeue.max_rate_wait().as_secs_f64();
    assert!((wait - 15.0).abs() < 0.05, "{wait}");
    world.until(69.5).await;
    for (n, name) in names.iter().enumerate() {
        let n = n as f64;
        assert_eq!(world.times_of(name), [n / 10.0, 10.0 + n, 30.0 + n, 50.0 + n], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_a_change_made_needless_goes_to_the_next_timer() {
    let times = |changes: bool| async move {
        let world = World::new(writes_status);
        world.start(policy("{ default: 10s, max_rate: 1 }"));
        create_in_order(&world, &["n0", "n1", "n2", "n3", "n4", "a", "n6", "n7", "n8", "n9"]).await;
        world.until(3.0).await;
        world.create("b").await;
        world.until(12.5).await;
        if changes {
            world.set_value(1).await;
        }
        world.until(20.5).await;
        [world.times(), world.times_of("b")]
    };
    assert_eq!(times(false).await, [vec![0.5, 15.0], vec![3.0, 20.0]]);
    assert_eq!(times(true).await, [vec![0.5, 12.5], vec![3.0, 15.0]]);
}

#[tokio::test(start_paused = true)]
async fn client_gos_bucket_is_ten_per_second_and_a_burst_of_a_hundred() {
    let world = World::new(ready);
    create(&world, 150).await;
    world.start(policy("{ default: 5s, max_rate: { per_second: 10, burst: 100 } }"));
    world.until(9.95).await;
    let times = times_after(&world, 1.0);
    let expected = (0..150).map(|n| if n < 100 { 5.0 } else { 5.0 + f64::from(n - 99) / 10.0 });
    let expected: Vec<_> = expected.filter(|at| *at < 9.95).collect();
    let agree = times.len() == expected.len() && times.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 0.01);
    assert!(agree, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_runs_every_object_at_once_whatever_the_rate() {
    let world = World::new(ready);
    create(&world, 20).await;
    let policy = policy("{ default: 10s, max_rate: 0.1 }");
    let controller = world.start(policy);
    world.until(25.0).await;
    assert_eq!(times_after(&world, 1.0).len(), 2);
    controller.abort();
    world.start(policy);
    world.until(26.0).await;
    assert_eq!(times_after(&world, 24.9).len(), 20);
    // And then the rate again, from the first timer on.
    world.until(64.0).await;
    let times: Vec<_> = times_after(&world, 26.0).iter().map(|at| at.round()).collect();
    assert_eq!(times, [35.0, 45.0, 55.0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_no_timer_waits() {
    assert_eq!(RequeueConfig::default().max_rate(), None);
    let world = World::new(ready);
    create(&world, 200).await;
    let requeue = requeuer(RequeueConfig::default());
    world.start_with(&requeue);
    world.until(30.1).await;
    assert_eq!(times_after(&world, 29.9).len(), 200);
    assert_eq!(requeue.max_rate_wait(), Duration::ZERO);
    assert_eq!(world.lines.visible(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_info_line_says_that_timers_wait_and_one_that_they_no_longer_do() {
    let world = World::new(writes_status);
    world.create("a").await;
    create(&world, 9).await;
    world.start(policy("{ default: 10s, max_rate: 0.5 }"));
    world.until(9.0).await;
    assert_eq!(world.lines.visible(), [""; 0]);
    world.until(300.0).await;
    let waits = format!("{WAITS} max_rate=0.5 next=\"in 2s\"");
    assert_eq!(world.lines.visible(), [&*waits]);
    for n in 0..9 {
        let deleted = world.things.delete(&format!("n{n}"), &Default::default()).await;
        deleted.expect("it is there");
    }
    world.until(350.0).await;
    assert_eq!(world.lines.visible(), [&*waits]);
    world.until(1000.0).await;
    assert_eq!(world.lines.visible(), [&*waits, CARRIED]);
}

#[tokio::test(start_paused = true)]
async fn timers_that_still_wait_are_not_said_to_be_carried_though_no_other_joins_them() {
    let world = World::new(ready);
    create(&world, 100).await;
    world.start(policy("{ default: 10m, max_rate: 0.5 }"));
    // They fire together, and the last has its place 200 s later.
    world.until(1190.0).await;
    assert_eq!(world.lines.visible().len(), 1, "{:?}", world.lines.visible());
    world.until(1300.0).await;
    assert_eq!(world.lines.visible()[1..], [CARRIED]);
}

#[tokio::test(start_paused = true)]
async fn another_rate_counts_from_the_next_timer_on() {
    let world = World::new(ready);
    let slow = policy("{ default: 10s, max_rate: 0.01 }");
    let requeue = requeuer(slow);
    world.start_with(&requeue);
    create_in_order(&world, &["a", "b", "c", "d"]).await;
    world.until(15.0).await;
    assert!(requeue.max_rate_wait() > Duration::from_secs(390));
    let fast = slow.with_max_rate(MaxRate::new(10.0));
    requeue.set_policy(fast).expect("it is valid");
    assert_eq!(requeue.max_rate_wait(), Duration::ZERO);
    world.until(65.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
    // What has its place keeps it.
    world.until(125.0).await;
    let runs = world.times_of("b");
    assert_eq!(runs[..2], [0.1, 110.0]);
    // It is due together with "a", and one of the two waits for the next place.
    assert!(runs.len() == 3 && (120.0..=120.1).contains(&runs[2]), "{runs:?}");
    let off = slow.with_max_rate(None);
    requeue.set_policy(slow).expect("it is valid");
    world.until(145.0).await;
    assert!(requeue.max_rate_wait() > Duration::ZERO);
    requeue.set_policy(off).expect("it is valid");
    assert_eq!(requeue.max_rate_wait(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_rate_carries_as_many_objects_as_it_makes_runs_in_an_interval() {
    for (objects, interval) in [(1, 30.0), (20, 30.0), (60, 30.0), (120, 60.0), (600, 300.0)] {
        let world = World::new(ready);
        create(&world, objects).await;
        world.start(policy("{ max_rate: 2 }"));
        // They start together, and the first round spreads them.
        world.until(30.0 + 4.5 * interval).await;
        for n in 0..objects {
            let times = world.times_of(&format!("n{n}"));
            // Its first delay is in neither rhythm.
            for pair in times[1..].windows(2) {
                let gap = pair[1] - pair[0];
                assert!(
                    (gap - interval).abs() < 0.6,
                    "{gap} s between two runs, and not {interval}: {times:?}"
                );
            }
            assert!(times.len() >= 4, "{times:?}");
        }
    }
}

/// n0 to n8 and "a", due from 10 s on, with places at 10, 12, 14 and so on to 28 s; another policy comes at 15 s.
async fn changed_while_timers_wait(max_rate: Option<MaxRate>) -> (World, Vec<String>) {
    let world = World::new(ready);
    let slow = policy("{ default: 10s, max_rate: 0.5 }");
    let requeue = requeuer(slow);
    world.start_with(&requeue);
    let mut names: Vec<_> = (0..9).map(|n| format!("n{n}")).collect();
    names.push("a".to_owned());
    create_in_order(&world, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.until(15.0).await;
    requeue.set_policy(slow.with_max_rate(max_rate)).expect("it is valid");
    (world, names)
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_turned_off_while_timers_wait_loses_none_of_them() {
    let (world, names) = changed_while_timers_wait(None).await;
    world.until(17.0).await;
    world.set_value(1).await;
    world.until(59.0).await;
    for (n, name) in names.iter().enumerate() {
        let first = n as f64 / 10.0;
        // What has its place keeps it, but for a change; then its interval and nothing else.
        let second = if name == "a" { 17.0 } else { 10.0 + 2.0 * n as f64 };
        let rounds = (0..5).map(|round| second + 10.0 * f64::from(round));
        let expected: Vec<_> = [first].into_iter().chain(rounds).filter(|at| *at < 59.0).collect();
        assert_eq!(world.times_of(name), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_rate_while_timers_wait_starves_nobody_and_delays_no_change() {
    for (rate, longest) in [(0.2, 50.0), (0.05, 200.0), (5.0, 28.0)] {
        let (world, names) = changed_while_timers_wait(Some(MaxRate::new(rate))).await;
        for at in [17.0, 500.0] {
            world.until(at).await;
            world.set_value(at as i64).await;
        }
        world.until(1000.0).await;
        assert!(world.times().contains(&17.0) && world.times().contains(&500.0));
        for name in &names {
            let mut times = world.times_of(name);
            times.push(1000.0);
            let gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
            assert!(gap <= longest + 0.1, "{gap} s between two runs at {rate}: {times:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_the_old_rate_gave_serves_no_timer_of_another() {
    let world = World::new(ready);
    let fast = policy("{ default: 10s, max_rate: 1 }");
    let requeue = requeuer(fast);
    world.start_with(&requeue);
    let names: Vec<_> = (0..30).map(|n| format!("n{n}")).collect();
    create_in_order(&world, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.until(13.5).await;
    let slow = fast.with_max_rate(MaxRate::new(0.1));
    requeue.set_policy(slow).expect("it is valid");
    // All that wait run by a change, and none of their places, one in a second, is needed.
    patch(&world, names[4..].to_vec(), json!({ "spec": { "value": 1 } })).await;
    world.until(69.0).await;
    let times: Vec<_> = times_after(&world, 14.0).iter().map(|at| at.round()).collect();
    assert_eq!(times, [20.0, 30.0, 40.0, 50.0, 60.0]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_object_lets_its_place_pass_and_runs_at_once_when_it_is_resumed() {
    let names = ["n0", "n1", "n2", "n3", "n4", "a", "n6", "n7", "n8", "n9"];
    let world = World::new(writes_status);
    world.start_with(&with_overrides("{ default: 10s, max_rate: 1 }"));
    create_in_order(&world, &names).await;
    world.until(12.5).await;
    annotate(&world, PAUSED, "true").await;
    world.until(17.5).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(19.5).await;
    for (n, name) in names.iter().enumerate() {
        let place = if *name == "a" { 17.5 } else { 10.0 + n as f64 };
        assert_eq!(world.times_of(name), [n as f64 / 10.0, place], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_resumed_before_its_place_leaves_it_to_the_next() {
    let world = World::new(writes_status);
    world.start_with(&with_overrides("{ default: 10s, max_rate: 1 }"));
    create_in_order(&world, &["n0", "n1", "n2", "n3", "n4", "a", "n6", "n7", "n8", "n9"]).await;
    world.until(3.0).await;
    world.create("b").await;
    world.until(11.0).await;
    annotate(&world, PAUSED, "true").await;
    world.until(12.5).await;
    annotate(&world, PAUSED, Value::Null).await;
    world.until(19.5).await;
    assert_eq!([world.times(), world.times_of("b")], [vec![0.5, 12.5], vec![3.0, 15.0]]);
}

#[tokio::test(start_paused = true)]
async fn paused_objects_take_no_places() {
    let world = World::new(writes_status);
    create(&world, 20).await;
    world.start_with(&with_overrides("{ default: 10s, max_rate: 1 }"));
    world.until(5.0).await;
    let pause = json!({ "metadata": { "annotations": { PAUSED: "true" } } });
    patch(&world, (10..20).map(|n| format!("n{n}")), pause).await;
    world.until(109.5).await;
    for n in 0..20 {
        let times = world.times_of(&format!("n{n}"));
        // All others are carried: one round is ten seconds, where twenty objects need twenty.
        let rounds = if n < 10 { 10 } else { 0 };
        assert_eq!(times.len(), 1 + rounds, "n{n}: {times:?}");
    }
}
