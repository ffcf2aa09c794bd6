//! The part of a collection that a request is about.

use serde_json::Value;

use crate::refusal::Refusal;

/// The fields that can be selected by.
const FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// The selectors of a query.
#[derive(Debug, Default)]
pub(crate) struct Selector {
    fields: Vec<Term>,
    labels: Vec<Term>,
}

/// The part of a collection that a list, a watch or a deletion asks for.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) table: usize,
    pub(crate) namespace: Option<String>,
    selector: Selector,
}

/// One `key=value` of a selector, or one `key!=value`.
#[derive(Debug)]
struct Term {
    key: String,
    value: String,
    equal: bool,
}

impl Selector {
    pub(crate) fn set_labels(&mut self, selector: &str) -> Result<(), Refusal> {
        self.labels = Term::parse_all(selector)?;
        Ok(())
    }

    pub(crate) fn set_fields(&mut self, selector: &str) -> Result<(), Refusal> {
        self.fields = Term::parse_all(selector)?;
        match self.fields.iter().find(|term| !FIELDS.contains(&term.key.as_str())) {
            Some(term) => Err(Refusal::unsupported(format_args!("the field selector {:?}", term.key))),
            None => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Leaves an empty selector behind.
    pub(crate) fn take(&mut self, table: usize, namespace: Option<String>) -> Filter {
        Filter {
            table,
            namespace,
            selector: std::mem::take(self),
        }
    }
}

impl Filter {
    /// Whether an object is in the part asked for.
    pub(crate) fn selects(&self, table: usize, key: &(String, String), labels: &Value) -> bool {
        let (namespace, name) = key;
        table == self.table
            && self.namespace.as_ref().is_none_or(|only| only == namespace)
            && self.selector.fields.iter().all(|term| {
                let field = match term.key.as_str() {
                    "metadata.name" => name,
                    _ => namespace,
                };
                term.holds(Some(field))
            })
            && self
                .selector
                .labels
                .iter()
                .all(|term| term.holds(labels[&term.key].as_str()))
    }

    /// Whether it selects by labels or fields.
    pub(crate) fn is_selective(&self) -> bool {
        !self.selector.is_empty()
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
