//! What a log line becomes when names hold line breaks and what a terminal obeys.
//!
//! The error goes to the subscriber as it is, with its sources; tracing-subscriber escapes what a terminal obeys in it, but
//! not its line breaks.

use crate::cases;
use proptest::prelude::*;
use requeue_policy::{Phase, RateLimit, RequeueConfig, Retry, kube::Requeuer};
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing::Level;
use verify::{Caller, Thing};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the first failure, its repeat, the last one, the starts of two reconciles and postponed triggers log, in the usual format of tracing-subscriber.
fn logged(name: &str, namespace: &str) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let config = RequeueConfig::default().with_rate_limit(RateLimit::new(2, Duration::from_secs(3600)));
    let requeuer = Requeuer::new(config).expect("it is valid");
    let ends = [
        (1, Retry::Backoff),
        (1, Retry::Never),
        (2, Retry::Never),
        (2, Retry::Never),
    ];
    for (version, retry) in ends {
        let mut thing = Thing::stored(0, version, 1);
        (thing.metadata.name, thing.metadata.namespace) = (Some(name.to_owned()), Some(namespace.to_owned()));
        let fail = |_: &Thing| Err::<Phase, _>(io::Error::other("oops"));
        let caller = Caller::classifying(&requeuer, move |_| retry, fail);
        caller.trigger(&Arc::new(thing));
    }
    drop(guard);
    let bytes = buffer.0.lock().expect("nobody panics").clone();
    String::from_utf8(bytes).expect("lines are text")
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_name_never_breaks_a_line(name in "([a-c\n\r\t\\x1b\\x07\u{85}\u{9b}]{0,6}|\\PC{0,6})", namespace in any::<String>()) {
        let logged = logged(&name, &namespace);
        prop_assert_eq!(logged.lines().count(), 6, "{:?}", logged);
        prop_assert!(!logged.replace('\n', "").contains(char::is_control), "{:?}", logged);
    }
}

/// It found something.
#[test]
fn a_name_that_is_a_tab_does_not_break_a_line() {
    assert_eq!(logged("\t", "").lines().count(), 6);
    assert!(!logged("\t", "").contains('\t'));
}
