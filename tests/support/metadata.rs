//! Answers to clients that want the metadata of objects only, as `Controller::owns` does.

use bytes::Bytes;
use serde_json::{Value, json};

use super::store::to_json;

/// Makes a `PartialObjectMetadata` of an object, and a list of them of a list; an error stays what it is.
pub(super) fn of_answer(body: &[u8]) -> Value {
    let mut answer: Value = serde_json::from_slice(body).expect("the server writes JSON");
    match answer["items"].take() {
        Value::Array(items) => json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadataList",
            "metadata": answer["metadata"],
            "items": items.into_iter().map(of_object).collect::<Vec<_>>(),
        }),
        _ => of_object(answer),
    }
}

/// The same for the object in a line of a watch.
pub(super) fn of_line(line: Bytes) -> Bytes {
    let mut line: Value = serde_json::from_slice(&line).expect("the server writes JSON");
    line["object"] = of_object(line["object"].take());
    [&*to_json(&line), b"\n"].concat().into()
}

fn of_object(object: Value) -> Value {
    if object["kind"] == "Status" {
        return object;
    }
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}
