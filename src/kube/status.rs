//! The details of a refusal, which kube keeps since 3.

use std::time::Duration;

pub(super) use super::kube_core::Status as Refusal;

pub(super) fn retry_after(refusal: &Refusal) -> Option<Duration> {
    let seconds = refusal.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

/// A conflict with another field manager, which a second try would meet again, and not with another write.
pub(super) fn is_apply_conflict(refusal: &Refusal) -> bool {
    let causes = refusal.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "FieldManagerConflict")
}

#[cfg(test)]
mod tests {
    use super::super::kube_client::Error;
    use super::*;
    use crate::Retry;
    use serde_json::{from_value, json};

    #[test]
    fn an_api_server_that_says_when_to_come_back_is_obeyed() {
        let table = [
            (429, "TooManyRequests"),
            (503, "ServiceUnavailable"),
            (500, "ServerTimeout"),
            (504, "Timeout"),
        ];
        for (code, reason) in table {
            let retry = |details| {
                let refusal = json!({ "status": "Failure", "code": code, "reason": reason, "details": details });
                Retry::from(&Error::Api(from_value(refusal).expect("a status")))
            };
            let told = retry(json!({ "retryAfterSeconds": 7 }));
            assert_eq!(told, Retry::After(Duration::from_secs(7)), "{code}");
            assert_eq!(retry(json!({ "name": "a" })), Retry::Backoff, "{code}");
            assert_eq!(retry(json!({ "retryAfterSeconds": 0 })), Retry::Backoff, "{code}");
        }
    }
}
