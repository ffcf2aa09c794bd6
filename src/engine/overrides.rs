//! What an operator overrides for one object, by annotation.

use crate::{
    ConfigError, RateLimit,
    digest::Digest,
    policy::{
        config::duration,
        interval::{LONGEST, SHORTEST, humantime},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Tells apart what is refused of an object; 0 for nothing.
pub(super) fn digest(refused: &[ConfigError]) -> u64 {
    let text: String = refused.iter().map(ToString::to_string).collect();
    if text.is_empty() { 0 } else { Digest::of(&text) }
}

/// The annotations with which an operator overrides the policy for one object: at 3 a.m., with `kubectl annotate`.
///
/// The application chooses the keys. Without any, nothing can be overridden. A value that is not allowed is logged once, and
/// the policy applies.
///
#[cfg_attr(feature = "kube-runtime", doc = "```")]
#[cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
/// # use requeue_policy::kube::Overrides;
/// let overrides = Overrides::new().interval("example.com/poll-interval").paused("example.com/paused");
/// # assert_ne!(overrides, Overrides::new());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    interval: Option<String>,
    paused: Option<String>,
}

impl Overrides {
    /// Returns overrides without a key.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            interval: None,
            paused: None,
        }
    }

    /// Sets the key of the annotation that holds an object's own default interval, such as `30s`. It replaces the policy's
    /// while the object is ready, exactly and without jitter.
    ///
    /// From the `every` of the policy's rate limit, 1 s by default, to 180 days. A failed object and one that is not
    /// initialized keep the policy's intervals, and an explicit delay of the reconciler takes precedence.
    #[must_use]
    pub fn interval(mut self, key: impl Into<String>) -> Self {
        self.interval = Some(key.into());
        self
    }

    /// Sets the key of the annotation that pauses the object: while it is `true` nothing starts a reconcile, not even
    /// a deletion. `false` is the same as none. An object that is resumed is reconciled at once.
    #[must_use]
    pub fn paused(mut self, key: impl Into<String>) -> Self {
        self.paused = Some(key.into());
        self
    }

    /// Whether these annotations pause the object.
    pub(crate) fn is_paused(&self, annotations: Option<&BTreeMap<String, String>>) -> Result<bool, ConfigError> {
        match value(&self.paused, annotations) {
            None => Ok(false),
            Some((key, text)) => text
                .parse()
                .map_err(|_| ConfigError::new(key, format!("{text:?}"), "must be true or false")),
        }
    }

    /// The interval that these annotations give the object.
    pub(crate) fn own_interval(
        &self,
        annotations: Option<&BTreeMap<String, String>>,
        limit: impl FnOnce() -> Option<RateLimit>,
    ) -> Result<Option<Duration>, ConfigError> {
        let Some((key, text)) = value(&self.interval, annotations) else {
            return Ok(None);
        };
        let shortest = limit().map_or(Duration::from_nanos(SHORTEST), |limit| limit.every());
        let longest = Duration::from_nanos(LONGEST);
        match duration::parse(text) {
            Some(interval) if (shortest..=longest).contains(&interval) => Ok(Some(interval)),
            _ => Err(ConfigError::new(
                key,
                format!("{text:?}"),
                format!("must be a duration from {} to 180days", humantime(shortest)),
            )),
        }
    }
}

fn value<'a>(key: &'a Option<String>, annotations: Option<&'a BTreeMap<String, String>>) -> Option<(&'a str, &'a str)> {
    let key = key.as_deref()?;
    annotations?.get(key).map(|text| (key, text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<bool, String>, Result<Option<Duration>, String>) {
        let annotations = BTreeMap::from([
            ("a/paused".to_owned(), text.to_owned()),
            ("a/every".to_owned(), text.to_owned()),
        ]);
        let overrides = Overrides::new().interval("a/every").paused("a/paused");
        let limit = Some(RateLimit::new(30, Duration::from_secs(1)));
        (
            overrides
                .is_paused(Some(&annotations))
                .map_err(|error| error.to_string()),
            overrides
                .own_interval(Some(&annotations), || limit)
                .map_err(|error| error.to_string()),
        )
    }

    #[test]
    fn values_are_read_or_refused_by_name() {
        assert_eq!(read("true").0, Ok(true));
        assert_eq!(read("false").0, Ok(false));
        for text in ["", "yes", "True", "1"] {
            let message = format!("a/paused: {text:?} is not allowed, it must be true or false");
            assert_eq!(read(text).0, Err(message));
        }
        assert_eq!(read("1s").1, Ok(Some(Duration::from_secs(1))));
        assert_eq!(read("1h 30m").1, Ok(Some(Duration::from_secs(5400))));
        for text in ["", "30", "999ms", "181days", "-1s"] {
            let message = format!("a/every: {text:?} is not allowed, it must be a duration from 1s to 180days");
            assert_eq!(read(text).1, Err(message), "{text}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_overridden() {
        let annotations = BTreeMap::from([("paused".to_owned(), "true".to_owned())]);
        assert_eq!(Overrides::new().is_paused(Some(&annotations)), Ok(false));
        assert_eq!(Overrides::new().own_interval(Some(&annotations), || None), Ok(None));
        assert_eq!(Overrides::new().paused("paused").is_paused(None), Ok(false));
    }
}
