//! What a request asks for: its method and its path.

use http::{Method, Uri};

use crate::query::Query;
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::selector::Filter;

/// What real API servers have below objects of built-in types.
const SUBRESOURCES: [&str; 13] = [
    "approval",
    "attach",
    "binding",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "log",
    "portforward",
    "proxy",
    "resize",
    "scale",
    "token",
];

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Reads a collection, or a page of it.
    List,
    /// Follows a collection.
    Watch,
    /// Reads an object, or its status.
    Get,
    /// Creates an object. A patch that applies is a [`Patch`](Self::Patch), also when it creates.
    Create,
    /// Replaces an object, without its status where that is a subresource.
    Replace,
    /// Replaces the status.
    ReplaceStatus,
    /// Patches an object, without its status where that is a subresource.
    Patch,
    /// Patches the status.
    PatchStatus,
    /// Deletes an object.
    Delete,
    /// Deletes the objects of a collection.
    DeleteCollection,
}

/// A request that the server understands.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// The index of the resource among those served.
    pub(crate) table: usize,
    /// The version that the path names; any that is served.
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) query: Query,
}

impl Call {
    /// Reads a request line.
    pub(crate) fn parse(resources: &[Resource], method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let path = Path::parse(resources, uri.path())?;
        let query = Query::parse(uri.query().unwrap_or_default())?;
        let verb = path
            .verb(method, query.watch)
            .ok_or_else(|| Refusal::unsupported(format_args!("{method} {}", uri.path())))?;
        if path.name.is_some() && query.selects() {
            return Err(Refusal::unsupported("a selector on a single object"));
        }
        let whole = matches!(verb, Verb::List | Verb::Watch);
        if resources[path.table].namespaced && path.namespace.is_none() && !whole {
            return Err(Refusal::not_found(format_args!("without a namespace, {}", uri.path())));
        }
        Ok(Self {
            verb,
            table: path.table,
            version: path.version.to_owned(),
            namespace: path.namespace.map(str::to_owned),
            name: path.name.map(str::to_owned),
            query,
        })
    }

    /// The part of the collection that this request asks for.
    pub(crate) fn filter(&mut self) -> Filter {
        self.query.selector.take(self.table, self.namespace.clone())
    }

    /// The key of the object that the path names.
    pub(crate) fn key(&self) -> (String, String) {
        let namespace = self.namespace.clone().unwrap_or_default();
        (namespace, self.name.clone().unwrap_or_default())
    }

    pub(crate) fn is_of_status(&self) -> bool {
        matches!(self.verb, Verb::PatchStatus | Verb::ReplaceStatus)
    }
}

/// A path, taken apart.
struct Path<'a> {
    table: usize,
    version: &'a str,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    status: bool,
}

impl<'a> Path<'a> {
    fn parse(resources: &[Resource], path: &'a str) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found(format_args!("the path {path}"));
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(unknown()),
        };
        if ["authentication.k8s.io", "authorization.k8s.io"].contains(&group) {
            return Err(Refusal::unsupported(format_args!("the group {group}")));
        }
        let table = |plural: &str, namespaced: bool| {
            resources.iter().position(|resource| {
                resource.group == group
                    && resource.serves(version)
                    && resource.plural == plural
                    && (resource.namespaced || !namespaced)
            })
        };
        let in_namespace = match rest {
            ["namespaces", namespace, plural, rest @ ..] => {
                table(plural, true).map(|table| (table, Some(*namespace), rest))
            }
            _ => None,
        };
        let (table, namespace, rest) = match (in_namespace, rest) {
            (Some(found), _) => found,
            (None, [plural, rest @ ..]) => (table(plural, false).ok_or_else(unknown)?, None, rest),
            (None, []) => return Err(unknown()),
        };
        let resource = &resources[table];
        let (name, status) = match rest {
            [] => (None, false),
            [name] => (Some(*name), false),
            [name, "status"] if resource.status_subresource => (Some(*name), true),
            [_, subresource, ..] if resource.built_in && SUBRESOURCES.contains(subresource) => {
                return Err(Refusal::unsupported(format_args!("{}/{subresource}", resource.plural)));
            }
            _ => return Err(unknown()),
        };
        Ok(Self {
            table,
            version,
            namespace,
            name,
            status,
        })
    }

    fn verb(&self, method: &Method, watch: bool) -> Option<Verb> {
        let named = self.name.is_some();
        let verb = match (method.as_str(), named, self.status) {
            ("GET", false, _) if watch => Verb::Watch,
            ("GET", false, _) => Verb::List,
            ("GET", true, _) if !watch => Verb::Get,
            ("POST", false, _) => Verb::Create,
            ("PUT", true, false) => Verb::Replace,
            ("PUT", true, true) => Verb::ReplaceStatus,
            ("PATCH", true, false) => Verb::Patch,
            ("PATCH", true, true) => Verb::PatchStatus,
            ("DELETE", true, false) => Verb::Delete,
            ("DELETE", false, _) => Verb::DeleteCollection,
            _ => return None,
        };
        Some(verb)
    }
}
