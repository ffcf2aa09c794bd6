//! How long kube's own errors are worth waiting.

use super::{kube_client::Error, status};
use crate::Retry;
use std::time::Duration;

/// After a conflict. The watch brings the other's write within milliseconds, and if it is a change, it runs at once; the
/// timer is for one that wrote only the status. A conflict that never ends costs what the default rate limit leaves a
/// loop: one run a second.
const CONFLICT: Duration = Duration::from_secs(1);

/// After an error that no retry cures, but something does that is no event of the object: a role, a quota, a webhook. It
/// is what kubelet waits at most before it starts a container that crashes again (`MaxContainerBackOff`, 300 s, in
/// Kubernetes' `pkg/kubelet/apis/config/v1beta1`).
const INCURABLE: Duration = Duration::from_secs(300);

/// What an error of kube says of the next run; the guide has [the
/// table](crate::guide::semantics#an-error-of-kube-says-itself-how-to-retry).
impl From<&Error> for Retry {
    fn from(error: &Error) -> Self {
        // Whatever else there is, no answer came, or none that can be read.
        let Error::Api(refusal) = error else {
            return Self::Backoff;
        };
        if let Some(delay) = status::retry_after(refusal) {
            return Self::After(delay);
        }
        // What stands between the client and the API server may know only one of them.
        let is = |code, reason| refusal.code == code || refusal.reason == reason;
        if is(401, "Unauthorized") || is(403, "Forbidden") || is(422, "Invalid") {
            Self::After(INCURABLE)
        } else if is(409, "Conflict") && refusal.reason != "AlreadyExists" {
            match status::is_apply_conflict(refusal) {
                true => Self::After(INCURABLE),
                false => Self::Later(CONFLICT),
            }
        } else {
            Self::Backoff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn retry(code: u16, reason: &str) -> Retry {
        let refusal = json!({ "status": "Failure", "code": code, "reason": reason, "message": "no" });
        (&Error::Api(from_value(refusal).expect("a status"))).into()
    }

    #[test]
    fn an_error_of_kube_says_itself_how_to_retry() {
        let (soon, late) = (
            Retry::Later(Duration::from_secs(1)),
            Retry::After(Duration::from_secs(300)),
        );
        let table = [
            (409, "Conflict", soon),
            (409, "AlreadyExists", Retry::Backoff),
            (401, "Unauthorized", late),
            (403, "Forbidden", late),
            (422, "Invalid", late),
            (429, "TooManyRequests", Retry::Backoff),
            (503, "ServiceUnavailable", Retry::Backoff),
            (504, "Timeout", Retry::Backoff),
            (500, "InternalError", Retry::Backoff),
            (404, "NotFound", Retry::Backoff),
            (410, "Expired", Retry::Backoff),
            (400, "BadRequest", Retry::Backoff),
            // An answer that is no `metav1.Status`, as kube reports it, and one without a code.
            (403, "Failed to parse error data", late),
            (409, "Failed to parse error data", soon),
            (503, "Failed to parse error data", Retry::Backoff),
            (0, "Forbidden", late),
            (0, "Conflict", soon),
        ];
        for (code, reason, expected) in table {
            assert_eq!(retry(code, reason), expected, "{code} {reason}");
        }
        assert_eq!(Retry::from(&Error::TlsRequired), Retry::Backoff);
        assert_eq!(Retry::from(&Error::Service("timed out".into())), Retry::Backoff);
    }

    #[test]
    fn an_apply_that_meets_another_field_manager_waits_for_it() {
        // The answer of a kube-apiserver 1.37: managedfields/internal/conflict.go.
        let refusal = json!({
            "status": "Failure",
            "message": "Apply failed with 1 conflict: conflict with \"kubectl\": .data.a",
            "reason": "Conflict",
            "details": { "causes": [
                { "reason": "FieldManagerConflict", "message": "conflict with \"kubectl\"", "field": ".data.a" },
            ] },
            "code": 409,
        });
        let error = Error::Api(from_value(refusal).expect("a status"));
        assert_eq!(Retry::from(&error), Retry::After(Duration::from_secs(300)));
    }
}
