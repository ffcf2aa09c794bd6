//! CustomResourceDefinitions that a client applies.

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::resource::Resource;

pub(crate) fn is_crd(resource: &Resource) -> bool {
    resource.built_in && resource.plural == "customresourcedefinitions"
}

/// Checks a definition and gives it the status of one that is served, if it has none.
pub(crate) fn establish(crd: &mut Value, now: &str) -> Result<(), Refusal> {
    let resource = Resource::from_crd_value(crd).map_err(|error| Refusal::invalid(error.to_string()))?;
    if crd.get("status").is_none() {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": now,
            })
        };
        crd["status"] = json!({
            "acceptedNames": crd["spec"]["names"],
            "storedVersions": [resource.version],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        });
    }
    Ok(())
}
