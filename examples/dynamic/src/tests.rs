use crate::world::{World, minutes};

#[tokio::test(start_paused = true)]
async fn each_object_of_both_kinds_is_deleted_when_its_time_is_over() {
    let world = World::new().await.expect("a world");
    let kinds = ["example.com/v1/Preview", "example.com/v1/Sandbox"].map(str::to_owned);
    let watch = async {
        // A minute before and after each end.
        for number in 0..30 {
            let (preview, sandbox) = (format!("preview-{number:02}"), format!("sandbox-{number:02}"));
            let Some(end) = minutes(number) else { continue };
            let is_changed = [5, 7].contains(&number);
            world.until(end - 1).await;
            assert!(
                world.exists("previews", &preview) && world.exists("sandboxes", &sandbox),
                "{number}"
            );
            world.until(end + 1).await;
            assert_eq!(world.exists("previews", &preview), is_changed, "{number}");
            assert!(!world.exists("sandboxes", &sandbox), "{number}");
            // Kept for 3 h.
            assert_eq!(world.exists("previews", "preview-05"), end < 180, "{end}");
        }
    };
    let (played, ()) = tokio::join!(world.play(&kinds), watch);
    played.expect("it is played");
    for (name, reconciles) in world.reconciles() {
        let (kind, number) = name.split_once('-').expect("a number");
        let expected = match (kind, number.parse().ok().and_then(minutes)) {
            (_, None) => 1,
            // Changed once: as it is seen first, after the change, and at its end.
            ("preview", Some(50)) => 3,
            // The annotation of "preview-07" is refused after the change.
            (_, Some(_)) => 2,
        };
        assert_eq!(reconciles, expected, "{name}");
        assert_eq!(
            world.exists("previews", &name),
            name == "preview-07" || kind == "preview" && expected == 1,
            "{name}"
        );
    }
    assert_eq!(world.reconciles().len(), 60);
    assert_eq!(world.server.requests().delete, 22 - 1 + 22);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_the_server_does_not_have_is_an_error() {
    let world = World::new().await.expect("a world");
    for kind in ["example.com/v1/Unknown", "Preview"] {
        assert!(world.play(&[kind.to_owned()]).await.is_err(), "{kind}");
    }
}
