//! Numbers that an environment variable sets.

/// Returns the number in this variable, `None` where it is not set.
pub fn number_from_env(variable: &str) -> Result<Option<u64>, String> {
    let Some(text) = std::env::var_os(variable) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let refused = |_| format!("{variable}: {text:?} is not allowed, it must be a number below 2^64");
    text.parse().map(Some).map_err(refused)
}
