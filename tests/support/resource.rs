//! The types that a server serves.

use std::any::TypeId;

use k8s_openapi::NamespaceResourceScope;

/// A type that the server serves.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// The API group, empty for the core group.
    pub(crate) group: String,
    /// The version in the group.
    pub(crate) version: String,
    /// The name in URLs.
    pub(crate) plural: String,
    /// The kind of its objects.
    pub(crate) kind: String,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Whether the status is written through `/status`, and only there.
    pub(crate) status_subresource: bool,
    /// Whether the server counts `metadata.generation`.
    pub(crate) generation: bool,
}

impl Resource {
    /// The type `K` as a custom resource with a status subresource.
    pub(crate) fn of<K>() -> Self
    where
        K: kube::Resource<DynamicType = ()>,
        K::Scope: 'static,
    {
        Self {
            group: K::group(&()).into_owned(),
            version: K::version(&()).into_owned(),
            plural: K::plural(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            namespaced: TypeId::of::<K::Scope>() == TypeId::of::<NamespaceResourceScope>(),
            status_subresource: true,
            generation: true,
        }
    }

    /// The same type, with its status as an ordinary part of the object.
    pub(crate) fn without_status_subresource(self) -> Self {
        Self {
            status_subresource: false,
            ..self
        }
    }

    /// The same type, without a generation, as a `ConfigMap` is.
    pub(crate) fn without_generation(self) -> Self {
        Self {
            generation: false,
            ..self
        }
    }

    /// What its objects carry as `apiVersion`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
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
