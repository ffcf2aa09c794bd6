//! The query parameters that change an answer.

use crate::refusal::Refusal;
use crate::selector::Selector;

#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) watch: bool,
    /// Zero and none are not the same: with zero any state will do.
    pub(crate) resource_version: Option<u64>,
    pub(crate) exact: bool,
    pub(crate) limit: usize,
    pub(crate) continues: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) initial_events: bool,
    pub(crate) field_manager: Option<String>,
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    pub(crate) propagation: Option<String>,
    pub(crate) selector: Selector,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
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
            "resourceVersion" | "limit" | "continue" | "propagationPolicy" if value.is_empty() => {}
            "resourceVersion" => self.resource_version = Some(value.parse().map_err(|_| refusal())?),
            "resourceVersionMatch" if value == "NotOlderThan" => {}
            "resourceVersionMatch" if value == "Exact" => self.exact = true,
            "limit" => self.limit = value.parse().map_err(|_| refusal())?,
            "continue" => self.continues = Some(value),
            "timeoutSeconds" => self.timeout_seconds = Some(value.parse().map_err(|_| refusal())?),
            "fieldManager" => self.field_manager = Some(value),
            "force" => self.force = boolean(&value).ok_or_else(refusal)?,
            "dryRun" if value == "All" => self.dry_run = true,
            "dryRun" => return Err(Refusal::invalid(format!("dryRun is {value:?}"))),
            "propagationPolicy" => self.propagation = Some(value),
            "labelSelector" => self.selector.set_labels(&value)?,
            "fieldSelector" => self.selector.set_fields(&value)?,
            // There is no schema, and no object takes time to end, so these change nothing.
            "pretty" | "fieldValidation" | "gracePeriodSeconds" => {}
            _ => return Err(refusal()),
        }
        Ok(())
    }

    pub(crate) fn selects(&self) -> bool {
        !self.selector.is_empty()
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
                let hex = std::str::from_utf8(&hex).map_err(|_| refusal())?;
                decoded.push(u8::from_str_radix(hex, 16).map_err(|_| refusal())?);
                rest = tail;
            }
            (byte, _) => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| refusal())
}
