//! The details of a refusal, which kube drops up to 2.

use std::time::Duration;

pub(super) use super::kube_core::ErrorResponse as Refusal;

pub(super) fn retry_after(_: &Refusal) -> Option<Duration> {
    None
}

/// A conflict with another field manager, which a second try would meet again, and not with another write.
pub(super) fn is_apply_conflict(refusal: &Refusal) -> bool {
    // Nothing else that is left tells them apart.
    refusal.message.starts_with("Apply failed with ")
}

#[cfg(test)]
mod tests {
    use super::super::kube_client::Error;
    use crate::Retry;
    use serde_json::{from_value, json};

    #[test]
    fn an_error_of_kube_up_to_2_does_not_know_when_to_come_back() {
        let refusal = json!({
            "status": "Failure",
            "code": 429,
            "reason": "TooManyRequests",
            "details": { "retryAfterSeconds": 7 },
        });
        let error = Error::Api(from_value(refusal).expect("a status"));
        assert_eq!(Retry::from(&error), Retry::Backoff);
    }
}
