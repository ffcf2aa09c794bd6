//! The example `reload`, checked.

#[path = "../examples/events/app.rs"]
mod app;
#[path = "../examples/reload/config_map.rs"]
mod config_map;
#[path = "../examples/reload/file.rs"]
mod file;
#[path = "../examples/reload/policy.rs"]
mod policy;
#[path = "../examples/events/stage.rs"]
mod stage;
mod support;

use stage::Stage;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing::subscriber::DefaultGuard;

const REFUSED: &str = " WARN the new policy cannot be read, the old one stays error=default: \"soon\" is not allowed, it \
                       must be a duration with its unit, such as 30s, 5m or 1h 30m at line 1, column 10";

/// What an operator sees of the log, INFO and above.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let (lines, writer) = (log.clone(), log.clone());
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("no writer panics");
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn replaced(default: &str) -> String {
    format!(
        " INFO the policy was replaced default=\"{default}\" error=\"10s\" initialization=\"5s\" rate_limit=\"10 within 10s\""
    )
}

#[tokio::test(start_paused = true)]
async fn a_policy_in_a_configmap_is_followed() {
    let (log, _guard) = Log::capture();
    let stage = Stage::new();
    config_map::play(&stage).await.expect("it is played");
    // A run takes 0.3 s. At 60 s and at 200 s all are tried; at 250 s the policy is written as it is, at 300 s its ConfigMap is
    // deleted.
    let times = [0.0, 60.0, 90.3, 120.6, 150.9, 181.2, 200.0, 260.3, 320.6];
    assert_eq!(stage.times()["app"], times);
    assert_eq!(log.lines(), [replaced("30s"), REFUSED.to_owned(), replaced("1m")]);
}

#[tokio::test(start_paused = true)]
async fn a_sighup_reads_the_policys_file_again() {
    let (log, _guard) = Log::capture();
    let stage = Stage::new();
    file::play(&stage).await.expect("it is played");
    // Not at 60 s, when the file was written, but at the SIGHUP; and on by the same at the second one.
    assert_eq!(stage.times()["app"], [0.0, 70.0, 100.3, 130.6, 160.9]);
    assert_eq!(log.lines(), [replaced("30s"), REFUSED.to_owned()]);
}
