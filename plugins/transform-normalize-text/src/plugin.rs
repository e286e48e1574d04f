//! The transform as the engine sees it.

use std::borrow::Cow;

use scrape_api::{OptionsError, Result, Scope, Transform, Value, Verdict};

use crate::{Options, normalize};

/// The transform `normalize_text`; of scope `value`.
#[derive(Debug, Clone, Default)]
pub struct NormalizeText {
    options: Options,
}

impl NormalizeText {
    /// Makes the transform.
    ///
    /// # Errors
    /// None at present: every combination of options is valid.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        Ok(Self { options })
    }
}

impl Transform for NormalizeText {
    fn scope(&self) -> Scope {
        Scope::Value
    }

    /// Normalises a string; other values stay.
    fn apply(&self, item: &mut Value) -> Result<Verdict> {
        if let Value::String(text) = item
            && let Cow::Owned(changed) = normalize(text, &self.options)
        {
            *text = changed;
        }
        Ok(Verdict::Keep)
    }
}

scrape_api::register_transform! {
    name: "normalize_text",
    summary: "One kind of line end and of space; control, zero-width and direction characters removed",
    config: Options,
    example: "transforms:\n  - { type: normalize_text, fields: [title, body], max_blank_lines: 1 }",
    new: NormalizeText::new,
}
