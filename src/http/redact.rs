//! Keeps secrets out of messages and recordings.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

/// What stands where a secret stood.
pub(crate) const REDACTED: &str = "[redacted]";

/// Shorter values are no secrets, and replacing them would garble everything.
const SHORTEST: usize = 4;

/// Replaces secret values, in the forms in which they can turn up, anywhere in a
/// text. All clones know the same secrets.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Longest first, so that no secret is left in part.
    values: Arc<RwLock<Vec<String>>>,
}

impl Redactor {
    /// Adds a secret: as it is, percent-encoded, as JSON writes it, and in base64.
    pub(crate) fn add(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let path = form.replace('+', "%20");
        let json = serde_json::Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        // Inside a JSON text that is itself a string of JSON, as in a recording.
        let nested = serde_json::Value::from(json.as_str()).to_string();
        let nested = nested[1..nested.len() - 1].to_owned();
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let base64 = STANDARD_NO_PAD.encode(secret);
        let url_safe = URL_SAFE_NO_PAD.encode(secret);
        for value in [secret.to_owned(), form, path, json, nested, base64, url_safe] {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
    }

    /// Whether there is a secret in a text.
    pub(crate) fn finds(&self, text: &[u8]) -> bool {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values.iter().any(|value| memmem::find(text, value.as_bytes()).is_some())
    }

    /// A text without secrets.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        for value in &*values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), REDACTED));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_vanish_in_every_form() {
        let redactor = Redactor::default();
        redactor.add("p\"w d&1");
        redactor.add("p\"w d&1-longer");
        redactor.add("abc");
        for text in [
            "x p\"w d&1 y",
            "x p\"w d&1-longer y",
            "x p%22w+d%261 y",
            "x p%22w%20d%261 y",
            r#"x p\"w d&1 y"#,
            r#"x p\\\"w d&1 y"#,
            "x cCJ3IGQmMQ y",
        ] {
            assert_eq!(redactor.redact(text), "x [redacted] y", "{text}");
        }
        assert!(matches!(redactor.redact("abc stays"), Cow::Borrowed("abc stays")));
    }
}
