//! What kube's own errors say of the next reconcile, and of what is not allowed.

use super::{
    kube_client::Error,
    status::{self, Refusal},
};
use crate::Retry;
use std::{error::Error as StdError, iter, time::Duration};

/// After a conflict. The watch brings the other's write within milliseconds, and if it is a change, it is reconciled at
/// once; the timer is for one that wrote only the status. A conflict that never ends costs what the default rate limit
/// leaves a loop: one reconcile a second.
const CONFLICT: Duration = Duration::from_secs(1);

/// What an error of kube says of the next reconcile; the guide has [the
/// table](crate::guide::semantics#an-error-of-kube-says-itself-how-to-retry).
///
/// [`Retry::After`] is always what the API server asked for, so an application that overrides an answer keeps it by
/// overriding the others only.
impl From<&Error> for Retry {
    fn from(error: &Error) -> Self {
        // Whatever else there is, no answer came, or none that can be read.
        let Error::Api(refusal) = error else {
            return Self::Backoff;
        };
        if let Some(delay) = status::retry_after(refusal) {
            return Self::After(delay);
        }
        let is_conflict = is(refusal, 409, "Conflict") && refusal.reason != "AlreadyExists";
        if is_conflict && !status::is_apply_conflict(refusal) {
            Self::Later(CONFLICT)
        } else {
            Self::Backoff
        }
    }
}

/// What stands between the client and the API server may know only one of them.
fn is(refusal: &Refusal, code: u16, reason: &str) -> bool {
    refusal.code == code || refusal.reason == reason
}

/// The status code of a refused request.
pub(super) fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// What the API server does not allow, in its words, if that is why a reconcile failed: a 401 or 403 of kube's, or an error
/// of the application's that has one as a source.
pub(super) fn denied<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a str> {
    let refusals = iter::successors(Some(error), |error| (**error).source()).filter_map(refusal);
    refusals
        .filter(|refusal| is(refusal, 401, "Unauthorized") || is(refusal, 403, "Forbidden"))
        .map(|refusal| refusal.message.as_str())
        .next()
}

/// An error that wraps kube's transparently has only what is inside of it as its source.
fn refusal<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Refusal> {
    if let Some(Error::Api(refusal)) = error.downcast_ref() {
        return Some(refusal);
    }
    let boxed = error.downcast_ref::<Box<Refusal>>().map(|refusal| &**refusal);
    boxed.or_else(|| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn error(code: u16, reason: &str) -> Error {
        let refusal = json!({ "status": "Failure", "code": code, "reason": reason, "message": "no" });
        Error::Api(from_value(refusal).expect("a status"))
    }

    #[test]
    fn an_error_of_kube_says_itself_how_to_retry() {
        let soon = Retry::Later(Duration::from_secs(1));
        let table = [
            (409, "Conflict", soon),
            (409, "AlreadyExists", Retry::Backoff),
            (401, "Unauthorized", Retry::Backoff),
            (403, "Forbidden", Retry::Backoff),
            (422, "Invalid", Retry::Backoff),
            (429, "TooManyRequests", Retry::Backoff),
            (503, "ServiceUnavailable", Retry::Backoff),
            (504, "Timeout", Retry::Backoff),
            (500, "InternalError", Retry::Backoff),
            (404, "NotFound", Retry::Backoff),
            (410, "Expired", Retry::Backoff),
            (400, "BadRequest", Retry::Backoff),
            // An answer that is no `metav1.Status`, as kube reports it, and one without a code.
            (409, "Failed to parse error data", soon),
            (503, "Failed to parse error data", Retry::Backoff),
            (0, "Conflict", soon),
        ];
        for (code, reason, expected) in table {
            assert_eq!(Retry::from(&error(code, reason)), expected, "{code} {reason}");
        }
        assert_eq!(Retry::from(&Error::TlsRequired), Retry::Backoff);
        assert_eq!(Retry::from(&Error::Service("timed out".into())), Retry::Backoff);
    }

    #[test]
    fn an_apply_that_meets_another_field_manager_backs_off() {
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
        assert_eq!(Retry::from(&error), Retry::Backoff);
    }

    #[test]
    fn what_is_not_allowed_is_found_in_whatever_wraps_it() {
        #[derive(Debug, thiserror::Error)]
        enum Wrapped {
            #[error(transparent)]
            Transparently(Error),
            #[error("the status is not written")]
            WithSource(#[source] Error),
            #[error("the status is not written")]
            Boxed(#[source] Box<dyn StdError + Send + Sync>),
        }
        let wraps: [fn(Error) -> Wrapped; 3] = [Wrapped::Transparently, Wrapped::WithSource, |error| {
            Wrapped::Boxed(Box::new(Wrapped::Transparently(error)))
        }];
        for (code, reason, expected) in [
            (401, "Unauthorized", Some("no")),
            (403, "Forbidden", Some("no")),
            (403, "Failed to parse error data", Some("no")),
            (0, "Forbidden", Some("no")),
            (404, "NotFound", None),
        ] {
            assert_eq!(denied(&error(code, reason)), expected, "{code} {reason}");
            for wrap in wraps {
                let wrapped = wrap(error(code, reason));
                assert_eq!(denied(&wrapped), expected, "{code} {reason} {wrapped:?}");
            }
        }
        assert_eq!(denied(&Error::TlsRequired), None);
    }
}
