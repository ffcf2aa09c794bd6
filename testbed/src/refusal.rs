//! Refused requests.

use std::time::Duration;

use serde_json::{Value, json};

/// Why a request is refused, as the client gets to know it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The HTTP status code.
    pub(crate) code: u16,
    /// The machine-readable reason of the `metav1.Status`.
    pub(crate) reason: &'static str,
    /// The sentence for people.
    pub(crate) message: String,
    /// When the client may try again.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that names no time to try again.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The answer to what a real server might do and this one does not: a test must not pass because something was
    /// silently left out.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> Self {
        let message = format!("the in-memory API server does not support {what}");
        Self::new(400, "BadRequest", message)
    }

    /// The answer to a request that makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The answer to a path or an object that does not exist.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(404, "NotFound", format!("{what} not found"))
    }

    /// The answer to a write based on something that is no longer so.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "Conflict", message)
    }

    /// The answer to an object that may not be stored.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    /// The `metav1.Status` of this refusal.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(retry_after) = self.retry_after {
            status["details"] = json!({ "retryAfterSeconds": retry_after.as_secs() });
        }
        status
    }
}
