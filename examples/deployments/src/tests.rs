use crate::world::World;

#[tokio::test(start_paused = true)]
async fn reminders_become_rarer_over_a_restart_and_end() {
    let world = World::new().await.expect("a world");
    world.play().await.expect("it is played");
    let reminders = world.reminders();
    assert_eq!(reminders.keys().collect::<Vec<_>>(), ["app-07", "app-23"]);
    // At 20 min the second controller sees it for the first time, and goes on by the time that the status says.
    let both = [10, 11, 13, 17, 20, 31, 53, 97];
    assert_eq!(reminders["app-23"], both, "it is mended after 120 min");
    assert_eq!(reminders["app-07"][..both.len()], both);
    assert_eq!(reminders["app-07"][both.len()..], [157, 217, 277, 337, 397, 457, 517]);
    assert_eq!(world.stuck().await.expect("a list"), ["app-07"]);
    // The label, of each of both, and that it is gone again.
    assert_eq!(world.server.requests().patch, 3);
}
