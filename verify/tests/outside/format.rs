//! The formats of a config file.

use requeue_policy::RequeueConfig;
use serde::Serialize;
use serde_json::Value;
use std::{
    thread,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Toml,
}

use Format::{Json, Toml, Yaml};

impl Format {
    pub(crate) const ALL: [Self; 3] = [Json, Yaml, Toml];

    /// Writes a document; `None` where the format cannot: TOML has no null.
    pub(crate) fn write(self, document: &impl Serialize) -> Option<String> {
        match self {
            Json => serde_json::to_string(document).ok(),
            Yaml => serde_saphyr::to_string(document).ok(),
            Toml => toml::to_string(document).ok(),
        }
    }

    /// Reads a config file; fails where that takes longer than it may on a slow machine in a debug build.
    pub(crate) fn read(self, text: &str) -> Result<RequeueConfig, String> {
        let start = Instant::now();
        let read = match self {
            Json => serde_json::from_str(text).map_err(|error| error.to_string()),
            Yaml => serde_saphyr::from_str(text).map_err(|error| error.to_string()),
            Toml => toml::from_str(text).map_err(|error| error.to_string()),
        };
        let most = Duration::from_secs(if text.len() < 10_000 { 2 } else { 30 });
        assert!(
            start.elapsed() < most,
            "{self:?}, {} bytes: {:?}",
            text.len(),
            start.elapsed()
        );
        read
    }

    /// The same with the little stack of a thread.
    pub(crate) fn read_in_thread(self, text: String) -> Result<RequeueConfig, String> {
        let reader = thread::spawn(move || self.read(&text));
        reader.join().expect("no text makes it panic")
    }

    /// Whether the text is a document of this format with texts as keys, whatever it says.
    pub(crate) fn is_document(self, text: &str) -> bool {
        match self {
            Json => serde_json::from_str::<Value>(text).is_ok(),
            Yaml => serde_saphyr::from_str::<Value>(text).is_ok(),
            Toml => toml::from_str::<toml::Table>(text).is_ok(),
        }
    }
}
