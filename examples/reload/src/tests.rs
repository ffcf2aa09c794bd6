use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::subscriber::DefaultGuard;

use crate::{app::World, config_map, file};

const REFUSED: &str = " WARN the new policy cannot be read, the old one stays error=default: \"soon\" is not allowed, it \
                       must be a duration with its unit, such as 30s, 5m or 1h 30m, or never at line 1, column 10";

/// What an operator sees of the log, INFO and above.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
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
        " INFO the policy was replaced default=\"{default}\" error=\"10s\" initialization=\"5s\" rate_limit=\"30, then one every 1s\""
    )
}

#[tokio::test(start_paused = true)]
async fn a_policy_in_a_configmap_is_followed() {
    let (log, _guard) = Log::capture();
    let world = World::new().await.expect("a world");
    config_map::play(&world).await.expect("it is played");
    // At 60 s and at 200 s all are reconciled. Nothing happens at 130 s, when the policy is refused, at 250 s, when it is
    // written again, and at 300 s, when its ConfigMap is deleted.
    let times = [0.0, 60.0, 90.0, 120.0, 150.0, 180.0, 200.0, 260.0, 320.0];
    assert_eq!(world.times(), times);
    assert_eq!(log.lines(), [replaced("30s"), REFUSED.to_owned(), replaced("1m")]);
}

#[tokio::test(start_paused = true)]
async fn a_sighup_reads_the_policys_file_again() {
    let (log, _guard) = Log::capture();
    let world = World::new().await.expect("a world");
    file::play(&world).await.expect("it is played");
    // Not at 60 s, when the file was written, but at the SIGHUP; the second one changes nothing.
    assert_eq!(world.times(), [0.0, 70.0, 100.0, 130.0, 160.0]);
    assert_eq!(log.lines(), [replaced("30s"), REFUSED.to_owned()]);
}
