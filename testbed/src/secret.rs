//! Secrets: what is written as text is stored encoded.

use serde_json::{Value, json};

use crate::resource::Resource;

pub(crate) fn is_secret(resource: &Resource) -> bool {
    resource.built_in && resource.plural == "secrets"
}

/// Moves `stringData` to `data`.
pub(crate) fn encode(secret: &mut Value) {
    let texts = secret.as_object_mut().and_then(|fields| fields.remove("stringData"));
    for (key, text) in texts.as_ref().and_then(Value::as_object).into_iter().flatten() {
        if !secret["data"].is_object() {
            secret["data"] = json!({});
        }
        secret["data"][key] = base64(text.as_str().unwrap_or_default().as_bytes()).into();
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, index| {
            bits << 8 | usize::from(chunk.get(index).copied().unwrap_or(0))
        });
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            let value = DIGITS[bits >> (18 - 6 * digit) & 63];
            encoded.push(if is_padding { '=' } else { char::from(value) });
        }
    }
    encoded
}
