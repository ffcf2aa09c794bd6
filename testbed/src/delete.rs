//! Deletions.

use serde_json::{Value, json};

use crate::apply::Managers;
use crate::call::Call;
use crate::change::Key;
use crate::object::{finalizers, is_deleting, next_generation, parse, set_list, to_json};
use crate::query::Query;
use crate::read::write_list;
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::selector::Filter;
use crate::store::{Reply, Store};

/// The finalizer of an owner whose dependents go first.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents stay.
pub(crate) const ORPHAN: &str = "orphan";

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after their owner.
    Background,
    /// They are deleted before their owner.
    Foreground,
    /// They stay.
    Orphan,
}

/// What a deletion asks for, in its body or in its query.
struct Options {
    propagation: Option<Propagation>,
    dry_run: bool,
    preconditions: Value,
}

impl Options {
    fn parse(query: &Query, body: &[u8]) -> Result<Self, Refusal> {
        let body = if body.is_empty() { json!({}) } else { parse(body)? };
        for field in ["orphanDependents", "ignoreStoreReadErrorWithClusterBreakingPotential"] {
            if !body[field].is_null() {
                return Err(Refusal::unsupported(format_args!("{field} of a deletion")));
            }
        }
        let propagation = body["propagationPolicy"].as_str().or(query.propagation.as_deref());
        let propagation = match propagation {
            None => None,
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => return Err(Refusal::invalid(format!("propagationPolicy is {other:?}"))),
        };
        let dry_run = &body["dryRun"];
        if !dry_run.is_null() && *dry_run != json!([]) && *dry_run != json!(["All"]) {
            return Err(Refusal::invalid(format!("dryRun is {dry_run}")));
        }
        Ok(Self {
            propagation,
            dry_run: query.dry_run || *dry_run == json!(["All"]),
            preconditions: body["preconditions"].clone(),
        })
    }
}

impl Store {
    pub(crate) fn delete(&mut self, call: &Call, body: &[u8]) -> Result<Reply, Refusal> {
        let options = Options::parse(&call.query, body)?;
        let resource = &self.resources[call.table];
        refuse_definition(resource)?;
        let current = &self.stored(call)?.value;
        for field in ["uid", "resourceVersion"] {
            let expected = &options.preconditions[field];
            if !expected.is_null() && *expected != current["metadata"][field] {
                let message = format!("the precondition on {field} does not hold");
                return Err(Refusal::conflict(message));
            }
        }
        let key = call.key();
        let success = json!({
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": key.1,
                "group": resource.group,
                "kind": resource.plural,
                "uid": current["metadata"]["uid"],
            },
        });
        let left = self.delete_object(call.table, key, options.propagation, options.dry_run);
        Ok(Reply::of(&to_json(&left.unwrap_or(success))))
    }

    /// Deletes the selected objects one after the other and answers with a list of them.
    pub(crate) fn delete_collection(&mut self, filter: &Filter, query: &Query, body: &[u8]) -> Result<Reply, Refusal> {
        let options = Options::parse(query, body)?;
        let resource = &self.resources[filter.table];
        refuse_definition(resource)?;
        if query.limit > 0 || query.continues.is_some() || !options.preconditions.is_null() {
            return Err(Refusal::unsupported(
                "pages and preconditions of the deletion of a collection",
            ));
        }
        let items: Vec<_> = self.selected(filter).collect();
        let metadata = json!({ "resourceVersion": self.version.to_string() });
        let list = write_list(&resource.api_version(), &resource.kind, &metadata, &items);
        let keys: Vec<Key> = items.into_iter().map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.delete_object(filter.table, key, options.propagation, options.dry_run);
        }
        Ok(Reply::of(&list))
    }

    /// Deletes an object if nothing keeps it, and else marks it; then it returns the object as it is now.
    pub(crate) fn delete_object(
        &mut self,
        table: usize,
        key: Key,
        propagation: Option<Propagation>,
        dry_run: bool,
    ) -> Option<Value> {
        let resource = &self.resources[table];
        let stored = self.tables[table].get(&key)?;
        let current = &stored.value;
        let had = finalizers(current);
        let propagation = propagation.unwrap_or_else(|| default_propagation(resource, had));
        let mut has: Vec<Value> = had.to_vec();
        has.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
        match propagation {
            Propagation::Background => {}
            Propagation::Foreground => has.push(FOREGROUND.into()),
            Propagation::Orphan => has.push(ORPHAN.into()),
        }
        if has.is_empty() {
            if !dry_run {
                self.remove(table, key);
            }
            return None;
        }
        if is_deleting(current) && has == had {
            return Some(current.clone());
        }
        let mut next = current.clone();
        set_list(&mut next, "finalizers", has);
        if !is_deleting(current) {
            next["metadata"]["deletionTimestamp"] = self.clock.timestamp().into();
            next["metadata"]["deletionGracePeriodSeconds"] = 0.into();
            if resource.generation {
                next_generation(&mut next);
            }
        }
        if dry_run {
            return Some(next);
        }
        let managers: Managers = stored.managers.clone();
        self.put(table, key.clone(), next, managers);
        self.tables[table].get(&key).map(|stored| stored.value.clone())
    }
}

/// What a deletion that names no propagation does: what an earlier one asked for, and else what the type is for.
fn default_propagation(resource: &Resource, finalizers: &[Value]) -> Propagation {
    if finalizers.iter().any(|finalizer| finalizer == ORPHAN) {
        Propagation::Orphan
    } else if finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
        Propagation::Foreground
    } else if resource.built_in && resource.plural == "jobs" {
        Propagation::Orphan
    } else {
        Propagation::Background
    }
}

fn refuse_definition(resource: &Resource) -> Result<(), Refusal> {
    if crate::definition::is_crd(resource) {
        return Err(Refusal::unsupported("the deletion of a CustomResourceDefinition"));
    }
    Ok(())
}
