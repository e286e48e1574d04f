//! Transform plugin `my_name`: texts without spaces at their ends.
//!
//! A starting point that works: change `apply`.

use scrape_api::{
    Deserialize, JsonSchema, OptionsError, Result, Scope, Transform, Value, Verdict,
    register_transform,
};

/// Options of the transform: what a spec may write beside `type: my_name`. The doc comments
/// are what `list` shows.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields, default)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// Leave out records whose text is empty then.
    pub drop_empty: bool,
}

/// Removes spaces at the ends of texts.
pub struct MyName {
    config: Config,
}

impl MyName {
    /// Checks the options. No I/O here: `validate` comes here too.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        Ok(Self { config })
    }
}

impl Transform for MyName {
    /// `Value`: it is given one text at a time. With `Record` it is given whole records.
    fn scope(&self) -> Scope {
        Scope::Value
    }

    /// Pure: the same value gives the same result, on any thread.
    fn apply(&self, item: &mut Value) -> Result<Verdict> {
        if let Value::String(text) = item {
            let trimmed = text.trim();
            if trimmed.is_empty() && self.config.drop_empty {
                return Ok(Verdict::Drop("empty"));
            }
            if trimmed.len() < text.len() {
                *text = trimmed.to_owned();
            }
        }
        Ok(Verdict::Keep)
    }
}

register_transform! {
    name: "my_name",
    summary: "Texts without spaces at their ends",
    config: Config,
    example: "transforms:\n  - { type: my_name, fields: [title, body] }",
    new: MyName::new,
}
