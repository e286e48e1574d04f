//! Transform plugin `redact`: e-mail addresses in texts are replaced.
//!
//! It is of the kind that most transforms are: [`Scope::Value`], a pure function
//! from a text to a text.

use std::borrow::Cow;

use regex::{Captures, Regex};
use scrape_api::{
    Deserialize, JsonSchema, OptionsError, Result, Scope, Transform, Value, Verdict,
    register_transform,
};

/// Options of the transform.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields, default)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// What stands in the place of an address.
    pub replacement: String,
    /// Domains whose addresses stay, those below them included: public mailing lists.
    pub keep: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { replacement: "<email>".to_owned(), keep: Vec::new() }
    }
}

/// An address as people write it in a text. Not RFC 5322: quoted names and addresses
/// without a dot in the domain are left.
const ADDRESS: &str = r"[\w.%+-]+@((?:[\w-]+\.)+\p{L}{2,})";

/// Replaces e-mail addresses.
pub struct Redact {
    address: Regex,
    replacement: String,
    /// In lower case.
    keep: Vec<String>,
}

impl Redact {
    /// Checks the options and compiles what it looks for, once.
    ///
    /// # Errors
    /// At the option that does not fit.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        if let Some(domain) = config.keep.iter().find(|domain| domain.contains('@')) {
            let message = format!("{domain:?} is an address; a domain is needed");
            return Err(OptionsError::at("keep", message));
        }
        let address =
            Regex::new(ADDRESS).map_err(|e| OptionsError::at("replacement", e.to_string()))?;
        let keep = config.keep.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        Ok(Self { address, replacement: config.replacement, keep })
    }

    fn stays(&self, domain: &str) -> bool {
        let domain = domain.to_ascii_lowercase();
        self.keep.iter().any(|kept| {
            domain
                .strip_suffix(kept.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

impl Transform for Redact {
    fn scope(&self) -> Scope {
        Scope::Value
    }

    fn apply(&self, item: &mut Value) -> Result<Verdict> {
        if let Value::String(text) = item {
            let replaced = self.address.replace_all(text, |found: &Captures| {
                let whole = if self.stays(&found[1]) { &found[0] } else { &self.replacement };
                whole.to_owned()
            });
            // Most texts hold none: those are not copied.
            if let Cow::Owned(changed) = replaced {
                *text = changed;
            }
        }
        Ok(Verdict::Keep)
    }
}

register_transform! {
    name: "redact",
    summary: "E-mail addresses replaced, but for those of domains to keep",
    config: Config,
    example: "transforms:\n  - { type: redact, fields: [title, body], keep: [apache.org] }",
    new: Redact::new,
}
