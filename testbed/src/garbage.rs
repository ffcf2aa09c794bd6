//! Owner references, and what becomes of an object when its owners go.
//!
//! The real garbage collector is a controller that follows the API server a moment later. This one is done with all
//! that follows from a write when the write is answered, breadth first and in the order of types, namespaces and names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::change::Key;
use crate::delete::{FOREGROUND, ORPHAN, Propagation};
use crate::object::{finalizers, is_deleting, owner_references, set_list, uid};
use crate::refusal::Refusal;
use crate::store::Store;

/// Where an object is.
type Location = (usize, Key);

#[derive(Default)]
pub(crate) struct Garbage {
    /// The objects that refer to a uid as their owner's.
    dependents: BTreeMap<String, BTreeSet<Location>>,
    /// The objects to look at.
    due: VecDeque<Location>,
}

/// An owner, as an owner reference finds it.
enum Owner {
    Present(Location),
    Absent,
    /// Its type is not known, or cannot be looked up from here: nobody can say that it is gone.
    Unknown,
}

/// Refuses owner references that name nothing, as those to an object that was never stored.
pub(crate) fn check_references(value: &Value) -> Result<(), Refusal> {
    let references = owner_references(value);
    for (index, reference) in references.iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if reference[field].as_str().is_none_or(str::is_empty) {
                let message = format!("metadata.ownerReferences[{index}].{field} must not be empty");
                return Err(Refusal::invalid(message));
            }
        }
    }
    let controllers = references.iter().filter(|reference| reference["controller"] == true);
    if controllers.count() > 1 {
        let message = "only one reference in metadata.ownerReferences can have controller set to true";
        return Err(Refusal::invalid(message));
    }
    Ok(())
}

fn owner_uids(value: Option<&Value>) -> Vec<&str> {
    let references = value.map(owner_references).unwrap_or_default();
    references
        .iter()
        .filter_map(|reference| reference["uid"].as_str())
        .collect()
}

fn has_finalizer(value: &Value, name: &str) -> bool {
    finalizers(value).iter().any(|finalizer| finalizer == name)
}

fn waits_for_dependents(value: &Value) -> bool {
    is_deleting(value) && has_finalizer(value, FOREGROUND)
}

impl Store {
    /// Keeps track of owners after a change, and remembers which objects it concerns.
    pub(crate) fn note_garbage(&mut self, table: usize, key: &Key, before: Option<&Value>) {
        let after = self.tables[table].get(key).map(|stored| &stored.value);
        let (had, has) = (owner_uids(before), owner_uids(after));
        let location = (table, key.clone());
        if had != has {
            for uid in &had {
                if let Some(dependents) = self.garbage.dependents.get_mut(*uid) {
                    dependents.remove(&location);
                    if dependents.is_empty() {
                        self.garbage.dependents.remove(*uid);
                    }
                }
            }
            for uid in &has {
                let dependents = self.garbage.dependents.entry((*uid).to_owned()).or_default();
                dependents.insert(location.clone());
            }
            if !has.is_empty() {
                self.garbage.due.push_back(location.clone());
            }
        }
        if after.is_some_and(|after| {
            is_deleting(after) && (has_finalizer(after, FOREGROUND) || has_finalizer(after, ORPHAN))
        }) {
            self.garbage.due.push_back(location);
        }
        // A deletion concerns the dependents; a dependent that goes or looks for another owner concerns its owners.
        let Some(before) = before else {
            return;
        };
        if after.is_none_or(|after| is_deleting(after) && !is_deleting(before)) {
            let dependents = self.garbage.dependents.get(uid(before));
            self.garbage.due.extend(dependents.into_iter().flatten().cloned());
        }
        if after.is_none_or(|after| owner_references(after) != owner_references(before)) {
            for reference in owner_references(before) {
                if let Owner::Present(owner) = self.owner(table, key, reference) {
                    self.garbage.due.push_back(owner);
                }
            }
        }
    }

    /// Does all that follows from the last write.
    pub(crate) fn collect_garbage(&mut self) {
        while let Some((table, key)) = self.garbage.due.pop_front() {
            self.tend(table, key);
        }
    }

    fn tend(&mut self, table: usize, key: Key) {
        let Some(stored) = self.tables[table].get(&key) else {
            return;
        };
        let value = &stored.value;
        if is_deleting(value) {
            if has_finalizer(value, ORPHAN) {
                let owner = uid(value).to_owned();
                self.release_dependents(&owner);
                self.remove_finalizer(table, key, ORPHAN);
            } else if has_finalizer(value, FOREGROUND) && !self.is_blocked(uid(value)) {
                self.remove_finalizer(table, key, FOREGROUND);
            }
            return;
        }
        let mut waiting = false;
        let (mut kept, mut gone) = (Vec::new(), 0);
        for reference in owner_references(value) {
            match self.owner(table, &key, reference) {
                Owner::Absent => gone += 1,
                Owner::Present((table, key)) if waits_for_dependents(&self.tables[table][&key].value) => {
                    waiting = true;
                    gone += 1;
                }
                Owner::Present(_) | Owner::Unknown => kept.push(reference.clone()),
            }
        }
        if gone == 0 {
            return;
        }
        if !kept.is_empty() {
            self.set(table, key, "ownerReferences", kept);
            return;
        }
        // What an owner waits for goes in the same way, if others depend on it in turn.
        let has_dependents = self.garbage.dependents.contains_key(uid(value));
        let propagation = if waiting && has_dependents {
            Some(Propagation::Foreground)
        } else if has_finalizer(value, ORPHAN) || has_finalizer(value, FOREGROUND) {
            None
        } else {
            Some(Propagation::Background)
        };
        self.delete_object(table, key, propagation, false);
    }

    /// Whether a dependent stands that its owner has to wait for.
    fn is_blocked(&self, owner: &str) -> bool {
        let dependents = self.garbage.dependents.get(owner).into_iter().flatten();
        let mut dependents = dependents.filter_map(|(table, key)| self.tables[*table].get(key));
        dependents.any(|dependent| {
            owner_references(&dependent.value)
                .iter()
                .any(|reference| reference["uid"] == owner && reference["blockOwnerDeletion"] == true)
        })
    }

    /// Takes the references to an owner out of its dependents.
    fn release_dependents(&mut self, owner: &str) {
        let dependents = self.garbage.dependents.get(owner).cloned().unwrap_or_default();
        for (table, key) in dependents {
            let value = &self.tables[table][&key].value;
            let mut references = owner_references(value).to_vec();
            references.retain(|reference| reference["uid"] != owner);
            self.set(table, key, "ownerReferences", references);
        }
    }

    fn remove_finalizer(&mut self, table: usize, key: Key, name: &str) {
        let mut left = finalizers(&self.tables[table][&key].value).to_vec();
        left.retain(|finalizer| finalizer != name);
        if left.is_empty() {
            self.remove(table, key);
        } else {
            self.set(table, key, "finalizers", left);
        }
    }

    fn set(&mut self, table: usize, key: Key, field: &str, items: Vec<Value>) {
        let stored = &self.tables[table][&key];
        let (mut value, managers) = (stored.value.clone(), stored.managers.clone());
        set_list(&mut value, field, items);
        self.put(table, key, value, managers);
    }

    /// Looks up an owner: in the namespace of the dependent, or outside of namespaces.
    fn owner(&self, table: usize, key: &Key, reference: &Value) -> Owner {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        let owner = self
            .resources
            .iter()
            .position(|resource| resource.group == group && resource.kind == text("kind") && resource.serves(version));
        let Some(owner) = owner else {
            return Owner::Unknown;
        };
        let namespace = match (self.resources[owner].namespaced, self.resources[table].namespaced) {
            (true, false) => return Owner::Unknown,
            (true, true) => key.0.clone(),
            (false, _) => String::new(),
        };
        let key = (namespace, text("name").to_owned());
        match self.tables[owner].get(&key) {
            Some(stored) if uid(&stored.value) == text("uid") => Owner::Present((owner, key)),
            _ => Owner::Absent,
        }
    }
}
