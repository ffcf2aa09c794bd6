//! Why an object is reconciled.

use std::{fmt, sync::Arc};

/// Why an object is reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The controller sees the object for the first time: it was created, or the controller was started.
    New,
    /// The object changed.
    Changed(Changes),
    /// A child changed, or is gone.
    Child(Source),
    /// Another object that is watched changed, or is gone.
    Related(Source),
    /// The application asked for it: [`Requeuer::nudge`](crate::kube::Requeuer::nudge) or
    /// [`Controller::reconcile_on`](crate::kube::Controller::reconcile_on).
    Requested,
    /// The application asked for all objects: [`Controller::reconcile_all_on`](crate::kube::Controller::reconcile_all_on).
    RequestedForAll,
    /// An annotation no longer pauses the object.
    Resumed,
    /// The reconcile before this one was cut off.
    CutOff,
    /// The object is due.
    Due,
    /// Something else triggered it; only in a `kube::runtime::Controller` of your own, which does not say what.
    Unknown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Changed(changes) => write!(f, "changed: {changes}"),
            Self::Child(source) => write!(f, "child {source}"),
            Self::Related(source) => write!(f, "related {source}"),
            Self::Requested => f.write_str("requested"),
            Self::RequestedForAll => f.write_str("requested for all"),
            Self::Resumed => f.write_str("resumed"),
            Self::CutOff => f.write_str("cut off"),
            Self::Due => f.write_str("due"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Another object that triggered a reconcile; `Display` writes `ConfigMap default/a`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source(Arc<Name>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl Source {
    pub(crate) fn new(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self(Arc::new(Name {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }))
    }

    /// Returns the object's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Returns the object's namespace; `None` if its kind is cluster-scoped.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.namespace.as_deref()
    }

    /// Returns the object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.0.kind.escape_debug())?;
        if let Some(namespace) = &self.0.namespace {
            write!(f, "{}/", namespace.escape_debug())?;
        }
        write!(f, "{}", self.0.name.escape_debug())
    }
}

/// What of an object changed; `Display` lists it: `generation, labels`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changes(u16);

const NAMES: [&str; 9] = [
    "generation",
    "labels",
    "annotations",
    "finalizers",
    "owner references",
    "deletion timestamp",
    "phase",
    "fingerprint",
    "version",
];

impl Changes {
    pub(crate) const GENERATION: Self = Self(1);
    pub(crate) const LABELS: Self = Self(2);
    pub(crate) const ANNOTATIONS: Self = Self(4);
    pub(crate) const FINALIZERS: Self = Self(8);
    pub(crate) const OWNERS: Self = Self(16);
    pub(crate) const DELETION: Self = Self(32);
    pub(crate) const PHASE: Self = Self(64);
    pub(crate) const FINGERPRINT: Self = Self(128);
    /// Anything at all: of an object without a generation, or one that only a relist shows.
    pub(crate) const VERSION: Self = Self(256);

    /// What an echo of the controller's own write shows and is no change.
    pub(crate) const SOFT: Self = Self(2 | 4 | 64 | 128 | 256);
    /// The same for a write of the status.
    pub(crate) const STATUS: Self = Self(64 | 128 | 256);

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn when(self, is_so: bool) -> Self {
        if is_so { self } else { Self(0) }
    }

    /// Returns whether the generation changed: the spec, for most kinds.
    #[must_use]
    pub const fn generation(self) -> bool {
        self.0 & Self::GENERATION.0 != 0
    }

    /// Returns whether the phase or the fingerprint changed: another controller wrote the status.
    #[must_use]
    pub const fn observed(self) -> bool {
        self.0 & (Self::PHASE.0 | Self::FINGERPRINT.0) != 0
    }

    /// Returns whether labels, annotations, finalizers, owner references or the deletion timestamp changed.
    #[must_use]
    pub const fn metadata(self) -> bool {
        self.0 & (2 | 4 | 8 | 16 | 32) != 0
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1);
        for (n, (_, name)) in changed.enumerate() {
            write!(f, "{}{name}", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// How many reasons are kept; what comes after them changes nothing.
const MOST: usize = 16;

/// The reasons of one reconcile, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reasons(Vec<Reason>);

impl Reasons {
    pub(crate) fn add(&mut self, reason: Reason) {
        if let Reason::Changed(changes) = reason {
            let known = self.0.iter_mut().find_map(|known| match known {
                Reason::Changed(known) => Some(known),
                _ => None,
            });
            if let Some(known) = known {
                *known = known.and(changes);
                return;
            }
        }
        if self.0.len() < MOST && !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing but the fleet's own pace is behind them, so that they wait for their place in `max_rate`.
    pub(crate) fn are_for_all(&self) -> bool {
        self.0.iter().all(|reason| *reason == Reason::RequestedForAll)
    }

    pub(crate) fn as_slice(&self) -> &[Reason] {
        &self.0
    }
}

impl From<&[Reason]> for Reasons {
    fn from(reasons: &[Reason]) -> Self {
        Self(reasons.to_vec())
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, reason) in self.0.iter().enumerate() {
            write!(f, "{}{reason}", if n > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_kept_once_and_read_as_an_operator_would_say_them() {
        let mut reasons = Reasons::default();
        let child = Reason::Child(Source::new("ConfigMap", Some("default"), "a"));
        for reason in [
            Reason::Changed(Changes::GENERATION),
            child.clone(),
            child,
            Reason::Changed(Changes::LABELS),
            Reason::Related(Source::new("Node", None, "n")),
        ] {
            reasons.add(reason);
        }
        assert_eq!(
            reasons.to_string(),
            "changed: generation, labels; child ConfigMap default/a; related Node n"
        );
        for n in 0..100 {
            reasons.add(Reason::Child(Source::new("Pod", None, &n.to_string())));
        }
        assert_eq!(reasons.as_slice().len(), MOST);
    }

    #[test]
    fn every_change_has_its_name() {
        let all = [
            Changes::GENERATION,
            Changes::LABELS,
            Changes::ANNOTATIONS,
            Changes::FINALIZERS,
            Changes::OWNERS,
            Changes::DELETION,
            Changes::PHASE,
            Changes::FINGERPRINT,
            Changes::VERSION,
        ];
        assert_eq!(all.map(|change| change.to_string()), NAMES);
        let metadata = all.into_iter().filter(|change| change.metadata()).count();
        assert_eq!(
            (metadata, all.iter().filter(|change| change.observed()).count()),
            (5, 2)
        );
    }
}
