//! Where the policy comes from.

use std::{fmt, fs, io, path::Path};

use anyhow::Context as _;
use requeue_policy::RequeueConfig;

// There is one of it.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Source<'a> {
    Defaults,
    Option(RequeueConfig),
    Stdin,
    File(&'a Path),
}

impl<'a> Source<'a> {
    pub(crate) fn of(file: Option<&'a Path>, policy: Option<RequeueConfig>) -> Self {
        match (file, policy) {
            (None, None) => Self::Defaults,
            (None, Some(policy)) => Self::Option(policy),
            (Some(file), _) if file == Path::new("-") => Self::Stdin,
            (Some(file), _) => Self::File(file),
        }
    }

    /// Returns the policy, or the error that the operator would report.
    pub(crate) fn policy(&self) -> anyhow::Result<RequeueConfig> {
        let text = match self {
            Self::Defaults => return Ok(RequeueConfig::default()),
            Self::Option(policy) => return Ok(*policy),
            Self::Stdin => io::read_to_string(io::stdin().lock()),
            Self::File(file) => fs::read_to_string(file),
        };
        let text = text.with_context(|| format!("cannot read {self}"))?;
        let extension = match self {
            Self::File(file) => file.extension().and_then(|extension| extension.to_str()),
            _ => None,
        };
        let policy: anyhow::Result<_> = match extension {
            Some("toml") => toml::from_str(&text).map_err(Into::into),
            Some("json") => serde_json::from_str(&text).map_err(Into::into),
            _ => serde_saphyr::from_str(&text).map_err(Into::into),
        };
        policy.with_context(|| self.to_string())
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the defaults, as no file was given"),
            Self::Option(_) => f.write_str("--policy"),
            Self::Stdin => f.write_str("stdin"),
            Self::File(file) => file.display().fmt(f),
        }
    }
}
