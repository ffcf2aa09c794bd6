//! The types that a server serves.

use crate::keyed::KeyedList;

/// A type that an [`ApiServer`](crate::ApiServer) serves. Built-in types need none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub(crate) group: String,
    /// The version in which objects are stored.
    pub(crate) version: String,
    /// Every version that is served.
    pub(crate) served: Vec<String>,
    pub(crate) kind: String,
    /// The name in URLs.
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether the status is written through `/status`, and only there.
    pub(crate) status_subresource: bool,
    /// Whether the server counts `metadata.generation`.
    pub(crate) generation: bool,
    /// Whether every API server has it.
    pub(crate) built_in: bool,
    /// The lists that are applied item by item.
    pub(crate) keyed_lists: Vec<KeyedList>,
}

impl Resource {
    /// A type whose objects live in namespaces, with a status subresource and a generation. The group of the core types
    /// is `""`; the plural is the name in URLs, such as `widgets`.
    #[must_use]
    pub fn namespaced(
        group: impl Into<String>,
        version: impl Into<String>,
        kind: impl Into<String>,
        plural: impl Into<String>,
    ) -> Self {
        let version = version.into();
        Self {
            group: group.into(),
            served: vec![version.clone()],
            version,
            kind: kind.into(),
            plural: plural.into(),
            namespaced: true,
            status_subresource: true,
            generation: true,
            built_in: false,
            keyed_lists: KeyedList::of_metadata(),
        }
    }

    /// The same as [`namespaced`](Self::namespaced) for a type whose objects live outside of namespaces.
    #[must_use]
    pub fn cluster_scoped(
        group: impl Into<String>,
        version: impl Into<String>,
        kind: impl Into<String>,
        plural: impl Into<String>,
    ) -> Self {
        Self {
            namespaced: false,
            ..Self::namespaced(group, version, kind, plural)
        }
    }

    /// The same type, with its status as an ordinary part of the object.
    #[must_use]
    pub fn without_status_subresource(self) -> Self {
        Self {
            status_subresource: false,
            ..self
        }
    }

    /// The same type, without `metadata.generation`, as a `ConfigMap` is.
    #[must_use]
    pub fn without_generation(self) -> Self {
        Self {
            generation: false,
            ..self
        }
    }

    pub(crate) fn serves(&self, version: &str) -> bool {
        self.served.iter().any(|served| served == version)
    }

    /// Whether both are one type, perhaps in other versions.
    pub(crate) fn is_same_type(&self, other: &Self) -> bool {
        self.group == other.group && self.plural == other.plural
    }

    /// What its objects carry as `apiVersion` when they are stored.
    pub(crate) fn api_version(&self) -> String {
        self.api_version_of(&self.version)
    }

    /// What its objects carry as `apiVersion` in this version.
    pub(crate) fn api_version_of(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// How error messages name an object of this type.
    pub(crate) fn describe(&self, name: &str) -> String {
        if self.group.is_empty() {
            format!("{} \"{name}\"", self.plural)
        } else {
            format!("{}.{} \"{name}\"", self.plural, self.group)
        }
    }
}
