//! An object as the API server keeps it: the fields of its metadata that the server sets.

use super::kube_core::Resource;
use serde::Serialize;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Stored<K> {
    object: K,
    /// What was written last, without what the server adds.
    written: Value,
    version: u64,
}

impl<K: Resource + Clone + Serialize> Stored<K> {
    /// Stores a new object, the `number`th of a timeline.
    pub(super) fn new(mut object: K, number: usize) -> Self {
        let meta = object.meta_mut();
        meta.name.get_or_insert_with(|| "a".to_owned());
        // One that is created anew is another, whatever it was made from.
        let uid = meta.uid.take().filter(|_| number == 1);
        meta.uid = uid.or_else(|| Some(format!("00000000-0000-4000-8000-{number:012}")));
        meta.generation = Some(1);
        meta.resource_version = Some("1".to_owned());
        Self {
            written: written(&object),
            object,
            version: 1,
        }
    }

    pub(super) fn object(&self) -> &K {
        &self.object
    }

    /// Writes what is then another object, and returns whether it is.
    pub(super) fn write(&mut self, mut next: K) -> bool {
        let written = written(&next);
        if written == self.written {
            return false;
        }
        let (was, is) = (self.object.meta(), next.meta());
        let is_marked = was.deletion_timestamp.is_none() && is.deletion_timestamp.is_some();
        let counts = is_marked || counts(&self.written, &written);
        let generation = was.generation.unwrap_or_default() + i64::from(counts);
        let uid = was.uid.clone();
        self.version += 1;
        let meta = next.meta_mut();
        meta.uid = uid;
        meta.generation = Some(generation);
        meta.resource_version = Some(self.version.to_string());
        (self.object, self.written) = (next, written);
        true
    }

    /// Whether it has a deletion mark and nothing holds it any more.
    pub(super) fn is_gone(&self) -> bool {
        let meta = self.object.meta();
        meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
    }
}

fn written<K: Serialize>(object: &K) -> Value {
    let mut value = serde_json::to_value(object).expect("an object of a Kubernetes API is JSON");
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for by_server in ["uid", "generation", "resourceVersion", "managedFields"] {
            metadata.remove(by_server);
        }
    }
    value
}

/// Whether two states differ in what the generation counts.
fn counts(before: &Value, after: &Value) -> bool {
    let content = |value: &Value| {
        let mut content = value.as_object().cloned().unwrap_or_default();
        content.retain(|field, _| field != "metadata" && field != "status");
        content
    };
    content(before) != content(after)
}
