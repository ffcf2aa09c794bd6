//! What a log line becomes when names hold line breaks and what a terminal obeys.
//!
//! The error is handed to the subscriber as it is, with its sources; tracing-subscriber escapes what a terminal obeys in it,
//! but not its line breaks.

use crate::{
    cases,
    cluster::{Oops, Thing, thing},
};
use futures::FutureExt;
use kube::core::ObjectMeta;
use proptest::prelude::*;
use requeue_policy::{
    Phase, RequeueConfig,
    kube::{Requeuer, Retry},
};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tracing::Level;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that one failure, its repeat, its end for good and a postponed trigger print, in the usual format of
/// tracing-subscriber.
fn printed(name: &str, namespace: &str, error: &str) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let config = serde_saphyr::from_str::<RequeueConfig>("rate_limit: { max: 2, within: 1h }").expect("it is valid");
    let requeuer = Requeuer::new(config).expect("it is valid");
    for (version, retry) in [
        (1, Retry::Backoff),
        (1, Retry::Never),
        (2, Retry::Never),
        (2, Retry::Never),
    ] {
        let object = thing(
            ObjectMeta {
                uid: Some("uid".to_owned()),
                name: Some(name.to_owned()),
                namespace: Some(namespace.to_owned()),
                generation: Some(1),
                resource_version: Some(version.to_string()),
                ..ObjectMeta::default()
            },
            None,
        );
        let text = error.to_owned();
        let reconcile = requeuer.reconciler(move |_: Arc<Thing>, _: Arc<()>| {
            let text = text.clone();
            async { Err::<Phase, _>(Oops(text)) }
        });
        let answer = reconcile(object.clone(), Arc::new(())).now_or_never();
        if let Err(error) = answer.expect("it waits for nothing") {
            requeuer.clone().on_error(move |_: &Oops| retry).error_policy()(object, &error, Arc::new(()));
        }
    }
    drop(guard);
    let bytes = buffer.0.lock().expect("nobody panics").clone();
    String::from_utf8(bytes).expect("lines are text")
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_name_never_breaks_a_line(name in "([a-c\n\r\t\\x1b\\x07\u{85}\u{9b}]{0,6}|\\PC{0,6})", namespace in any::<String>()) {
        let printed = printed(&name, &namespace, "oops");
        prop_assert_eq!(printed.lines().count(), 4, "{:?}", printed);
        prop_assert!(!printed.replace('\n', "").contains(char::is_control), "{:?}", printed);
    }
}
