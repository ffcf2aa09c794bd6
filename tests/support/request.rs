//! What a request asks for: its path, its method, its query.

use http::{Method, Uri};
use serde_json::Value;

use super::refusal::Refusal;
use super::resource::Resource;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Reads an object, or its status.
    Get,
    /// Makes an object.
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
}

/// A request that the server understands.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) verb: Verb,
    /// The index of the resource among those served.
    pub(super) table: usize,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) query: Query,
}

/// The part of a collection that a list or a watch asks for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) table: usize,
    pub(super) namespace: Option<String>,
    fields: Vec<Term>,
    labels: Vec<Term>,
}

/// One `key=value` of a selector, or one `key!=value`.
#[derive(Debug)]
struct Term {
    key: String,
    value: String,
    equal: bool,
}

/// The query parameters that change the answer.
#[derive(Debug, Default)]
pub(super) struct Query {
    watch: bool,
    pub(super) resource_version: u64,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) bookmarks: bool,
    pub(super) initial_events: bool,
    pub(super) field_manager: Option<String>,
    fields: Vec<Term>,
    labels: Vec<Term>,
}

impl Call {
    /// Reads a request line.
    pub(super) fn parse(resources: &[Resource], method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let path = Path::parse(resources, uri.path())
            .ok_or_else(|| Refusal::not_found(format_args!("the path {}", uri.path())))?;
        let query = Query::parse(uri.query().unwrap_or_default())?;
        let verb = path
            .verb(method, query.watch)
            .ok_or_else(|| Refusal::unsupported(format_args!("{method} {}", uri.path())))?;
        if path.name.is_some() && query.selects() {
            return Err(Refusal::unsupported("a selector on a single object"));
        }
        let resource = &resources[path.table];
        let collection = matches!(verb, Verb::List | Verb::Watch);
        if resource.namespaced && path.namespace.is_none() && !collection {
            return Err(Refusal::not_found(format_args!("without a namespace, {}", uri.path())));
        }
        Ok(Self {
            verb,
            table: path.table,
            namespace: path.namespace.map(str::to_owned),
            name: path.name.map(str::to_owned),
            query,
        })
    }

    /// The part of the collection that this request asks for.
    pub(super) fn filter(&mut self) -> Filter {
        Filter {
            table: self.table,
            namespace: self.namespace.clone(),
            fields: std::mem::take(&mut self.query.fields),
            labels: std::mem::take(&mut self.query.labels),
        }
    }
}

impl Filter {
    /// Whether an object is in the part asked for.
    pub(super) fn selects(&self, table: usize, key: &(String, String), labels: &Value) -> bool {
        let (namespace, name) = key;
        table == self.table
            && self.namespace.as_ref().is_none_or(|only| only == namespace)
            && self.fields.iter().all(|term| {
                let field = match term.key.as_str() {
                    "metadata.name" => name,
                    _ => namespace,
                };
                term.holds(Some(field))
            })
            && self.labels.iter().all(|term| term.holds(labels[&term.key].as_str()))
    }
}

impl Term {
    fn holds(&self, actual: Option<&str>) -> bool {
        (actual == Some(self.value.as_str())) == self.equal
    }

    /// Reads a selector; whatever is not of the equality kind is refused.
    fn parse_all(selector: &str) -> Result<Vec<Self>, Refusal> {
        let terms = selector.split(',').filter(|term| !term.is_empty());
        terms.map(Self::parse).collect()
    }

    fn parse(term: &str) -> Result<Self, Refusal> {
        let refusal = || Refusal::unsupported(format_args!("the selector {term:?}"));
        let (key, value) = term.split_once('=').ok_or_else(refusal)?;
        let (key, equal) = match key.strip_suffix('!') {
            Some(key) => (key, false),
            None => (key, true),
        };
        let (key, value) = (key.trim(), value.strip_prefix('=').unwrap_or(value).trim());
        if key.contains([' ', '(', '!']) || value.contains([' ', ')', '=']) {
            return Err(refusal());
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
            equal,
        })
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parsed.set(&decode(key)?, decode(value)?)?;
        }
        Ok(parsed)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Refusal> {
        let refusal = || Refusal::unsupported(format_args!("the query parameter {key}={value}"));
        match key {
            "watch" => self.watch = boolean(&value).ok_or_else(refusal)?,
            "allowWatchBookmarks" => self.bookmarks = boolean(&value).ok_or_else(refusal)?,
            "sendInitialEvents" => self.initial_events = boolean(&value).ok_or_else(refusal)?,
            "resourceVersion" if value.is_empty() => {}
            "resourceVersion" => self.resource_version = value.parse().map_err(|_| refusal())?,
            "resourceVersionMatch" if value == "NotOlderThan" => {}
            "timeoutSeconds" => self.timeout_seconds = Some(value.parse().map_err(|_| refusal())?),
            "fieldManager" => self.field_manager = Some(value),
            "labelSelector" => self.labels = Term::parse_all(&value)?,
            "fieldSelector" => {
                self.fields = Term::parse_all(&value)?;
                let known = ["metadata.name", "metadata.namespace"];
                if self.fields.iter().any(|term| !known.contains(&term.key.as_str())) {
                    return Err(refusal());
                }
            }
            // A list is always one page: a server may answer with more than the limit.
            "limit" => {}
            // There is no schema, no owner of fields and no garbage collector, so these change nothing.
            "force" | "pretty" | "fieldValidation" | "propagationPolicy" | "gracePeriodSeconds" => {}
            _ => return Err(refusal()),
        }
        Ok(())
    }

    fn selects(&self) -> bool {
        !(self.fields.is_empty() && self.labels.is_empty())
    }
}

/// A path, taken apart.
struct Path<'a> {
    table: usize,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    status: bool,
}

impl<'a> Path<'a> {
    fn parse(resources: &[Resource], path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let table = |plural: &str, namespaced: bool| {
            resources.iter().position(|resource| {
                resource.group == group
                    && resource.version == version
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
            (None, [plural, rest @ ..]) => (table(plural, false)?, None, rest),
            (None, []) => return None,
        };
        let (name, status) = match rest {
            [] => (None, false),
            [name] => (Some(*name), false),
            [name, "status"] if resources[table].status_subresource => (Some(*name), true),
            _ => return None,
        };
        Some(Self {
            table,
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
            _ => return None,
        };
        Some(verb)
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Undoes the encoding of a form field.
fn decode(text: &str) -> Result<String, Refusal> {
    let refusal = || Refusal::bad_request(format!("the query holds {text:?}, which is no UTF-8"));
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (*first, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, tail @ ..]) => {
                let hex = [*high, *low];
                let hex = str::from_utf8(&hex).map_err(|_| refusal())?;
                decoded.push(u8::from_str_radix(hex, 16).map_err(|_| refusal())?);
                rest = tail;
            }
            (byte, _) => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| refusal())
}
