//! Objects as JSON: what all types have in common.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::call::{Call, Verb};
use crate::change::Key;
use crate::refusal::Refusal;
use crate::resource::Resource;

pub(crate) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("the body is no JSON: {error}")))
}

pub(crate) fn to_json(value: &Value) -> Bytes {
    let json = serde_json::to_vec(value).expect("a JSON value has string keys only");
    json.into()
}

/// Brings what a client sent into the form in which objects are stored, in which absent, null and, in the metadata,
/// empty are the same.
pub(crate) fn normal(mut value: Value) -> Result<Value, Refusal> {
    let refusal = || Refusal::bad_request("the body is no Kubernetes object");
    let fields = value.as_object_mut().ok_or_else(refusal)?;
    fields.retain(|_, field| !field.is_null());
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    let metadata = metadata.as_object_mut().ok_or_else(refusal)?;
    // Field managers are not shown here, and `selfLink` is history.
    metadata.retain(|name, field| !is_empty(field) && name != "managedFields" && name != "selfLink");
    Ok(value)
}

pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Makes one field of `to` what it is in `from`.
pub(crate) fn copy(from: &Value, to: &mut Value, field: &str) {
    let to = to.as_object_mut().expect("objects and their metadata are JSON objects");
    match from.get(field) {
        Some(value) => to.insert(field.to_owned(), value.clone()),
        None => to.remove(field),
    };
}

/// Checks that an object is the one that the path names, and fills in what it leaves out.
pub(crate) fn identify(resource: &Resource, call: &Call, value: &mut Value) -> Result<Key, Refusal> {
    let agree = |value: &mut Value, field: &str, expected: &str| {
        if value[field].is_null() {
            value[field] = expected.into();
        }
        if value[field] == expected {
            return Ok(());
        }
        let message = format!("{field} is {}, the path says {expected:?}", value[field]);
        let is_patch = matches!(call.verb, Verb::Patch | Verb::PatchStatus);
        if field == "kind" || (field == "apiVersion" && is_patch) {
            return Err(Refusal::invalid(message));
        }
        Err(Refusal::bad_request(message))
    };
    let stored = resource.api_version();
    if value["apiVersion"] == resource.api_version_of(&call.version) {
        value["apiVersion"] = stored.as_str().into();
    }
    agree(value, "apiVersion", &stored)?;
    agree(value, "kind", &resource.kind)?;
    let metadata = &mut value["metadata"];
    if let Some(namespace) = &call.namespace {
        agree(metadata, "namespace", namespace)?;
    } else if !metadata["namespace"].is_null() {
        return Err(Refusal::bad_request("this type has no namespaces"));
    }
    if let Some(name) = &call.name {
        agree(metadata, "name", name)?;
    }
    // Indexing has left a null where there was nothing.
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    let name = metadata["name"].as_str().map(str::to_owned);
    let name = name.ok_or_else(|| Refusal::invalid("a name or generateName is required"))?;
    Ok((call.namespace.clone().unwrap_or_default(), name))
}

/// Refuses a write that was meant for another state, or another object, than the one stored.
pub(crate) fn check_basis(
    resource: &Resource,
    name: &str,
    verb: Verb,
    current: &Value,
    proposed: &Value,
) -> Result<(), Refusal> {
    let differs = |field: &str| {
        let sent = &proposed["metadata"][field];
        !sent.is_null() && *sent != current["metadata"][field]
    };
    let object = resource.describe(name);
    if differs("resourceVersion") {
        return Err(Refusal::conflict(format!(
            "{object}: the object has been modified; please apply your changes to the latest version"
        )));
    }
    match verb {
        _ if !differs("uid") => Ok(()),
        Verb::Replace | Verb::ReplaceStatus => Err(Refusal::conflict(format!("{object} has another uid"))),
        _ => Err(Refusal::invalid(format!("the uid of {object} is immutable"))),
    }
}

pub(crate) fn labels(value: &Value) -> &Value {
    &value["metadata"]["labels"]
}

pub(crate) fn uid(value: &Value) -> &str {
    value["metadata"]["uid"].as_str().unwrap_or_default()
}

pub(crate) fn is_deleting(value: &Value) -> bool {
    !value["metadata"]["deletionTimestamp"].is_null()
}

pub(crate) fn finalizers(value: &Value) -> &[Value] {
    list(&value["metadata"]["finalizers"])
}

pub(crate) fn owner_references(value: &Value) -> &[Value] {
    list(&value["metadata"]["ownerReferences"])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Replaces a list of the metadata; an empty one is left out.
pub(crate) fn set_list(value: &mut Value, field: &str, items: Vec<Value>) {
    let metadata = value["metadata"].as_object_mut();
    let metadata = metadata.expect("the metadata of an object is a JSON object");
    if items.is_empty() {
        metadata.remove(field);
    } else {
        metadata.insert(field.to_owned(), items.into());
    }
}

/// Whether two states of an object differ in what the generation counts.
pub(crate) fn content_differs(resource: &Resource, one: &Value, other: &Value) -> bool {
    let counts = |field: &str| field != "metadata" && !(field == "status" && resource.status_subresource);
    let lacks = |from: &Map<String, Value>, to: &Map<String, Value>| {
        from.iter()
            .any(|(field, value)| counts(field) && to.get(field) != Some(value))
    };
    match (one.as_object(), other.as_object()) {
        (Some(one), Some(other)) => lacks(one, other) || lacks(other, one),
        _ => one != other,
    }
}

pub(crate) fn next_generation(value: &mut Value) {
    let generation = value["metadata"]["generation"].as_u64().unwrap_or(0);
    value["metadata"]["generation"] = (generation + 1).into();
}
