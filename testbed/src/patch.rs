//! Patches.

use json_patch::PatchOperation;
use serde_json::Value;

use crate::call::Call;
use crate::object::{normal, parse};
use crate::refusal::Refusal;
use crate::store::{Reply, Store};

impl Store {
    pub(crate) fn patch(&mut self, call: &Call, content_type: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let current = || self.stored(call).map(|stored| stored.value.clone());
        match content_type {
            "application/merge-patch+json" => {
                let mut proposed = current()?;
                json_patch::merge(&mut proposed, &parse(body)?);
                self.update(call, normal(proposed)?, None)
            }
            "application/json-patch+json" => {
                let proposed = patched(current()?, body)?;
                self.update(call, normal(proposed)?, None)
            }
            "application/apply-patch+yaml" => self.apply(call, parse(body)?),
            "application/strategic-merge-patch+json" if self.resources[call.table].built_in => {
                Err(Refusal::unsupported("strategic merge patches"))
            }
            other => {
                let message = format!("patches of type {other:?} are not accepted");
                Err(Refusal::new(415, "UnsupportedMediaType", message))
            }
        }
    }
}

fn patched(mut value: Value, patch: &[u8]) -> Result<Value, Refusal> {
    let patch = serde_json::from_slice(patch);
    let mut patch: Vec<PatchOperation> =
        patch.map_err(|error| Refusal::bad_request(format!("no JSON patch: {error}")))?;
    // To the real one what is not there is null; that is how a first finalizer is added.
    patch.retain(|operation| match operation {
        PatchOperation::Test(test) => !(test.value.is_null() && value.pointer(test.path.as_str()).is_none()),
        _ => true,
    });
    json_patch::patch(&mut value, &patch).map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(value)
}
