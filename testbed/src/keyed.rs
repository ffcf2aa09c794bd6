//! Lists whose items are known by a key, as objects: so they can be merged item by item.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use crate::resource::Resource;

/// A list of which each item is known by the values of these fields, or without fields by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyedList {
    /// Where it is, as a JSON pointer.
    pub(crate) path: String,
    pub(crate) keys: Vec<String>,
}

impl KeyedList {
    pub(crate) fn new(path: &str, keys: &[&str]) -> Self {
        Self {
            path: path.to_owned(),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
        }
    }

    /// Those of every type.
    pub(crate) fn of_metadata() -> Vec<Self> {
        vec![
            Self::new("/metadata/finalizers", &[]),
            Self::new("/metadata/ownerReferences", &["uid"]),
        ]
    }

    /// Those that a schema names, outside of other lists.
    pub(crate) fn of_schema(schema: &Value, path: &str, found: &mut Vec<Self>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            match field["x-kubernetes-list-type"].as_str() {
                Some("set") => found.push(Self::new(&path, &[])),
                Some("map") => {
                    let keys = field["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
                    let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
                    found.push(Self::new(&path, &keys));
                }
                _ => Self::of_schema(field, &path, found),
            }
        }
    }

    fn key_of(&self, item: &Value) -> String {
        match item {
            Value::String(text) if self.keys.is_empty() => text.clone(),
            _ if self.keys.is_empty() => item.to_string(),
            _ => {
                let parts: Vec<String> = self.keys.iter().map(|key| item[key].to_string()).collect();
                parts.join(",")
            }
        }
    }

    /// The keys of both: in the order of the second, and each of those that only the first has before the one that
    /// followed it there.
    fn merged_order(&self, both: [&Value; 2]) -> Vec<String> {
        let keys = |value| self.items(value).iter().map(|item| self.key_of(item));
        let mut second: VecDeque<String> = keys(both[1]).collect();
        let mut merged = Vec::new();
        for key in keys(both[0]) {
            if let Some(position) = second.iter().position(|other| *other == key) {
                merged.extend(second.drain(..=position));
            } else if !merged.contains(&key) {
                merged.push(key);
            }
        }
        merged.extend(second);
        merged
    }

    fn items<'a>(&self, value: &'a Value) -> &'a [Value] {
        let list = value.pointer(&self.path).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }
}

/// The object with its keyed lists as objects.
pub(crate) fn from(resource: &Resource, value: &Value) -> Value {
    let mut value = value.clone();
    for list in &resource.keyed_lists {
        let Some(field) = value.pointer_mut(&list.path) else {
            continue;
        };
        if let Value::Array(items) = field {
            let items = std::mem::take(items).into_iter();
            let fields: Map<String, Value> = items
                .map(|item| {
                    let key = list.key_of(&item);
                    // What is known by itself has no fields that could be merged.
                    (
                        key,
                        if list.keys.is_empty() {
                            Value::from(vec![item])
                        } else {
                            item
                        },
                    )
                })
                .collect();
            *field = Value::Object(fields);
        }
    }
    value
}

/// The object with lists again, of which the items are in the order of what was stored and what is applied.
pub(crate) fn to(resource: &Resource, mut value: Value, order: [&Value; 2]) -> Value {
    for list in &resource.keyed_lists {
        let Some(field) = value.pointer_mut(&list.path) else {
            continue;
        };
        if let Value::Object(fields) = field {
            let mut items = Vec::new();
            for key in list.merged_order(order) {
                match fields.remove(&key) {
                    Some(Value::Array(mut itself)) if list.keys.is_empty() => items.append(&mut itself),
                    Some(item) => items.push(item),
                    None => {}
                }
            }
            *field = items.into();
        }
    }
    value
}
