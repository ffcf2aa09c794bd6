//! A policy that changes while the controller runs.

use crate::world::{Oops, World, policy, ready, requeuer};
use requeue_policy::{Interval, MaxRate, Phase, RequeuePolicy};
use std::time::Duration;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_new_policy_counts_from_the_next_end_of_a_run_and_what_is_due_stays_due() {
    let world = World::new(ready);
    world.create("a").await;
    let requeue = requeuer(policy("{ default: 30s }"));
    world.start_with(&requeue.clone());
    world.until(5.0).await;
    requeue.set_policy(policy("{ default: 10m }")).expect("it is valid");
    let in_force = requeue.clone().policy().interval(Phase::Ready);
    assert_eq!(in_force, Interval::constant(Duration::from_secs(600)));
    world.until(1300.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 630.0, 1230.0]);
    assert_eq!(requeue.tracked(), 1);
    assert_eq!(
        world.lines.visible(),
        [
            "INFO the policy was replaced default=\"10m\" error=\"10s\" initialization=\"5s\" rate_limit=\"30, then one every 1s\""
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_policy_is_refused_with_one_line_and_the_old_one_stays() {
    let world = World::new(ready);
    world.create("a").await;
    let requeue = requeuer(policy("{ default: 30s }"));
    world.start_with(&requeue);
    world.until(5.0).await;
    let bad = Interval::constant(Duration::from_secs(10)).with_jitter(0.7);
    let error = requeue
        .set_policy(policy("{}").with_default(bad))
        .expect_err("it is not valid")
        .to_string();
    assert_eq!(
        error,
        "default.jitter: 0.7 is not allowed, it must be a number from 0 to 0.5"
    );
    world.until(70.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0]);
    let line = format!("WARN a new policy is refused, the old one stays refused={error}");
    assert_eq!(world.lines.visible(), [line]);
}

#[tokio::test(start_paused = true)]
async fn the_backoff_survives_a_new_policy() {
    let world = World::new(|_, _| async { Err::<Phase, _>(Oops("no quota")) });
    world.create("a").await;
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 5m } }"));
    world.start_with(&requeue);
    world.until(35.0).await;
    requeue
        .set_policy(policy("{ error: { initial: 20s, factor: 2, max: 5m } }"))
        .expect("it is valid");
    world.until(165.0).await;
    // 70 s into the outage: 20 s + 70 s.
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 160.0]);
}

#[tokio::test(start_paused = true)]
async fn the_tokens_that_are_used_survive_a_new_policy_with_the_same_rate_limit() {
    let world = World::new(ready);
    world.create("a").await;
    let requeue = requeuer(policy("{ default: 10m, rate_limit: { burst: 2, every: 20s } }"));
    world.start_with(&requeue);
    world.until(1.0).await;
    world.set_value(1).await;
    world.until(2.0).await;
    let same_limit = policy("{ default: 20m, rate_limit: { burst: 2, every: 20s } }");
    requeue.set_policy(same_limit).expect("it is valid");
    world.set_value(2).await;
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 1.0, 20.0]);
}

#[tokio::test(start_paused = true)]
async fn max_rate_can_be_turned_on_and_off() {
    let world = World::new(ready);
    for name in ["a", "b", "c", "d"] {
        world.create(name).await;
    }
    let requeue = requeuer(policy("{ default: 30s }"));
    world.start_with(&requeue);
    world.until(5.0).await;
    let slow = policy("{ default: 30s }").with_max_rate(MaxRate::new(0.5));
    requeue.set_policy(slow).expect("it is valid");
    world.until(30.5).await;
    assert!(world.runs().len() < 8, "{:?}", world.runs());
    assert!(requeue.max_rate_wait() > Duration::ZERO);
    world.until(40.0).await;
    assert_eq!(world.runs().len(), 8);
    requeue.set_policy(policy("{ default: 30s }")).expect("it is valid");
    world.until(75.0).await;
    let second = world.runs().len();
    assert_eq!(second, 12);
}

#[tokio::test(start_paused = true)]
async fn a_new_policy_continues_the_outage_and_logs_it_no_second_time() {
    let world = World::new(|_, _| async { Err::<Phase, _>(Oops("no quota")) });
    world.create("a").await;
    let requeue = requeuer(policy("{ error: { initial: 10s, factor: 2, max: 1h } }"));
    world.start_with(&requeue);
    world.until(75.0).await;
    // The next delay is by the new factor, from the outage's start: 10 s and half of the 150 s.
    requeue
        .set_policy(policy("{ error: { initial: 10s, factor: 1.5, max: 10h } }"))
        .expect("it is valid");
    world.until(240.0).await;
    assert_eq!(world.times(), [0.0, 10.0, 30.0, 70.0, 150.0, 235.0]);
    assert_eq!(requeue.failing(), 1);
    assert_eq!(world.lines.of(Level::WARN).len(), 1, "{:?}", world.lines.visible());
}

#[tokio::test(start_paused = true)]
async fn the_log_has_each_rate_by_itself() {
    let world = World::new(ready);
    for name in ["a", "b", "c"] {
        world.create(name).await;
    }
    let requeue = requeuer(policy("{ default: 10s, max_rate: 0.01 }"));
    world.start_with(&requeue);
    world.until(25.0).await;
    requeue.set_policy(policy("{ default: 10s }")).expect("it is valid");
    world.until(500.0).await;
    requeue
        .set_policy(policy("{ default: 10s, max_rate: 0.1 }"))
        .expect("it is valid");
    world.until(600.0).await;
    requeue.set_policy(policy("{ default: 10s }")).expect("it is valid");
    world.until(1000.0).await;
    let lines = world.lines.visible();
    let starts: Vec<_> = lines
        .iter()
        .map(|line| line.split([':', '=']).next().unwrap_or_default())
        .collect();
    let (wait, replaced) = ("INFO timers wait", "INFO the policy was replaced default");
    // No line says that timers no longer wait: that of the new policy says it.
    assert_eq!(starts, [wait, replaced, replaced, wait, replaced], "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_new_policy_has_all_of_it() {
    let world = World::new(ready);
    let requeue = requeuer(policy("{}"));
    world.start_with(&requeue);
    let all = "{ default: { initial: 90s, jitter: 0.2 }, error: { initial: 10s, factor: 2, max: 5m, deadline: 6h }, \
               rate_limit: { burst: 5, every: 1m }, max_rate: 0.5 }";
    requeue.set_policy(policy(all)).expect("it is valid");
    requeue
        .set_policy(policy("{}").with_rate_limit(None))
        .expect("it is valid");
    let lines = [
        "INFO the policy was replaced default=\"1m30s:jitter=0.2\" error=\"10s..5m:deadline=6h\" \
         initialization=\"5s\" rate_limit=\"5, then one every 1m\" max_rate=0.5",
        "INFO the policy was replaced default=\"30s\" error=\"10s\" initialization=\"5s\"",
    ];
    assert_eq!(world.lines.visible(), lines);
}
