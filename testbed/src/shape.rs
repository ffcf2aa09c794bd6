//! Answers in another shape than that in which objects are stored: the metadata only, as `Controller::owns` asks for,
//! or another version of the type.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::object::to_json;

#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) metadata_only: bool,
    /// What objects carry as `apiVersion`, if it is not what they are stored with.
    pub(crate) api_version: Option<String>,
}

impl Shape {
    /// Shapes an object or a list of them; an error stays what it is.
    pub(crate) fn of_answer(&self, body: Bytes) -> Bytes {
        if self.is_stored() {
            return body;
        }
        let mut answer: Value = serde_json::from_slice(&body).expect("the server writes JSON");
        if let Some(items) = answer["items"].as_array_mut() {
            items.iter_mut().for_each(|item| *item = self.of_object(item.take()));
            if self.metadata_only {
                answer["apiVersion"] = "meta.k8s.io/v1".into();
                answer["kind"] = "PartialObjectMetadataList".into();
            } else if let Some(version) = &self.api_version {
                answer["apiVersion"] = version.as_str().into();
            }
            return to_json(&answer);
        }
        if let Some(fields) = answer.as_object_mut() {
            // Indexing has left a null.
            fields.retain(|_, field| !field.is_null());
        }
        to_json(&self.of_object(answer))
    }

    /// The same for the object in a line of a watch.
    pub(crate) fn of_line(&self, line: Bytes) -> Bytes {
        if self.is_stored() {
            return line;
        }
        let mut line: Value = serde_json::from_slice(&line).expect("the server writes JSON");
        line["object"] = self.of_object(line["object"].take());
        [&*to_json(&line), b"\n"].concat().into()
    }

    fn of_object(&self, mut object: Value) -> Value {
        if object["kind"] == "Status" {
            return object;
        }
        if self.metadata_only {
            return json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "PartialObjectMetadata",
                "metadata": object["metadata"],
            });
        }
        if let Some(version) = &self.api_version {
            object["apiVersion"] = version.as_str().into();
        }
        object
    }

    fn is_stored(&self) -> bool {
        !self.metadata_only && self.api_version.is_none()
    }
}
