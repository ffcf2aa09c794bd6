//! Server-side apply: who applied which field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::call::Call;
use crate::keyed;
use crate::object::{is_empty, normal};
use crate::refusal::Refusal;
use crate::resource::Resource;
use crate::store::{Reply, Store};

/// The fields, as JSON pointers, by who applied them: a name, and whether through the status subresource. A field that
/// nobody applied belongs to the updates; without a name are those that they share with a manager.
pub(crate) type Managers = BTreeMap<(String, bool), BTreeSet<String>>;

/// What is nobody's field, because it names an object or the server sets it.
const NOBODYS: [&str; 10] = [
    "/apiVersion",
    "/kind",
    "/metadata/creationTimestamp",
    "/metadata/deletionGracePeriodSeconds",
    "/metadata/deletionTimestamp",
    "/metadata/generation",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/resourceVersion",
    "/metadata/uid",
];

impl Store {
    /// Merges the fields sent into the object, and removes those that the same manager applied before, leaves out now
    /// and shares with nobody. What another manager applied, or an update set, with another value is a conflict, unless
    /// forced.
    pub(crate) fn apply(&mut self, call: &Call, sent: Value) -> Result<Reply, Refusal> {
        let Some(name) = call.query.field_manager.clone() else {
            return Err(Refusal::invalid("fieldManager is required for apply patch"));
        };
        let resource = &self.resources[call.table];
        let (api_version, kind) = (&sent["apiVersion"], &sent["kind"]);
        if *api_version != resource.api_version_of(&call.version) || *kind != resource.kind {
            let message = format!("invalid object type: {api_version}, Kind={kind}");
            return Err(Refusal::bad_request(message));
        }
        if !sent["metadata"]["managedFields"].is_null() {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        // A null in an applied object is a field left out, while a merge patch would remove the field.
        let mut fields = json!({});
        json_patch::merge(&mut fields, &sent);
        let mut keyed_fields = keyed::from(resource, &fields);
        let mut applied = BTreeSet::new();
        leaves(&keyed_fields, String::new(), &mut applied);
        applied.retain(|path| {
            let of_status = path == "/status" || path.starts_with("/status/");
            !NOBODYS.contains(&path.as_str()) && (!resource.status_subresource || of_status == call.is_of_status())
        });
        let manager = (name, call.is_of_status());

        let Ok(stored) = self.stored(call) else {
            if call.is_of_status() {
                return Err(self.missing(call));
            }
            if fields["metadata"]["name"].is_null() {
                return Err(Refusal::bad_request("name must be provided"));
            }
            return self.create_managed(call, fields, Managers::from([(manager, applied)]));
        };
        let mut managers = stored.managers.clone();
        let before = managers.remove(&manager).unwrap_or_default();
        let mut object = keyed::from(resource, &stored.value);
        let mut conflicts = take_over(&mut managers, &applied, &object, &keyed_fields);
        for path in before.difference(&applied) {
            let is_shared = managers.values().any(|paths| paths.contains(path));
            // An object that was applied empty has fields of others by now.
            let has_fields = object
                .pointer(path)
                .is_some_and(|value| value.is_object() && !is_empty(value));
            if !is_shared && !has_fields {
                remove(&mut object, path);
            }
        }
        let new = applied.difference(&before);
        let new: Vec<_> = new
            .filter_map(|path| Some((path, keyed_fields.pointer(path)?)))
            .collect();
        conflicts.extend(share(&mut managers, call, &stored.managers, &object, &new));
        if !conflicts.is_empty() && !call.query.force {
            let plural = if conflicts.len() == 1 { "" } else { "s" };
            let list = conflicts.join(", ");
            let message = format!("Apply failed with {} conflict{plural}: {list}", conflicts.len());
            return Err(Refusal::conflict(message));
        }
        json_patch::merge(&mut object, &keyed_fields.take());
        let proposed = keyed::to(resource, object, [&stored.value, &fields]);
        if !applied.is_empty() {
            managers.insert(manager, applied);
        }
        self.update(call, normal(proposed)?, Some(managers))
    }
}

/// What is left to each manager after a write that applied nothing: a field belongs to who set its value last.
pub(crate) fn after_change(resource: &Resource, managers: &Managers, before: &Value, after: &Value) -> Managers {
    if managers.is_empty() {
        return Managers::new();
    }
    let (before, after) = (keyed::from(resource, before), keyed::from(resource, after));
    let mut managers = managers.clone();
    managers.retain(|_, paths| {
        paths.retain(|path| before.pointer(path) == after.pointer(path));
        !paths.is_empty()
    });
    managers
}

/// Takes fields from those who applied another value, and says so.
fn take_over(managers: &mut Managers, applied: &BTreeSet<String>, object: &Value, fields: &Value) -> Vec<String> {
    let is_inside = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    // Whoever applied an empty object shares it with those who apply fields in it.
    let differs = |path: &String| {
        applied.iter().any(|new| {
            (new == path
                && object.pointer(new) != fields.pointer(new)
                && !(is_object(object, new) && is_object(fields, new)))
                || (is_inside(new, path) && !is_object(object, path))
                || (is_inside(path, new) && !is_object(fields, new))
        })
    };
    let mut conflicts = Vec::new();
    managers.retain(|(manager, _), paths| {
        paths.retain(|path| {
            let keep = !differs(path);
            if !keep {
                conflicts.push(conflict(manager, path));
            }
            keep
        });
        !paths.is_empty()
    });
    conflicts
}

/// What nobody applied before is shared with the updates that set the same value, and a conflict with those that set
/// another one.
fn share(
    managers: &mut Managers,
    call: &Call,
    known: &Managers,
    object: &Value,
    applied: &[(&String, &Value)],
) -> Vec<String> {
    let mut conflicts = Vec::new();
    for &(path, value) in applied {
        let Some(set) = object.pointer(path) else {
            continue;
        };
        let mut fields = BTreeSet::new();
        leaves(set, path.clone(), &mut fields);
        let is_applied = |field: &String| known.values().any(|paths| paths.contains(field));
        if fields.iter().all(is_applied) {
            continue;
        }
        if value == set {
            let updates = managers.entry((String::new(), call.is_of_status())).or_default();
            updates.insert(path.clone());
        } else if !(value.is_object() && set.is_object()) {
            conflicts.push(conflict("", path));
        }
    }
    conflicts
}

fn conflict(manager: &str, path: &str) -> String {
    let manager = if manager.is_empty() {
        "an update".to_owned()
    } else {
        format!("{manager:?}")
    };
    format!("conflict with {manager}: {}", path.replace('/', "."))
}

fn is_object(value: &Value, path: &str) -> bool {
    value.pointer(path).is_some_and(Value::is_object)
}

/// Collects the paths of all that is no object with fields.
fn leaves(value: &Value, path: String, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|fields| !fields.is_empty()) {
        Some(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(field, format!("{path}/{name}"), found);
            }
        }
        None => drop(found.insert(path)),
    }
}

/// Removes a field, and the objects that are empty without it.
fn remove(value: &mut Value, path: &str) {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return;
    };
    let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return;
    };
    fields.remove(&name.replace("~1", "/").replace("~0", "~"));
    if value.pointer(parent).is_some_and(is_empty) {
        remove(value, parent);
    }
}
