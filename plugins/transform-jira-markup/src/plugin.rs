//! The transform as the engine sees it.

use std::borrow::Cow;

use scrape_api::{OptionsError, Result, Scope, Transform, Value, Verdict};

use crate::{Options, to_markdown};

/// The transform `jira_markup`; of scope `value`.
#[derive(Debug, Clone, Default)]
pub struct JiraMarkup {
    options: Options,
}

impl JiraMarkup {
    /// Makes the transform.
    ///
    /// # Errors
    /// None at present: every combination of options is valid.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        Ok(Self { options })
    }
}

impl Transform for JiraMarkup {
    fn scope(&self) -> Scope {
        Scope::Value
    }

    /// Converts a string; other values stay.
    fn apply(&self, item: &mut Value) -> Result<Verdict> {
        if let Value::String(text) = item {
            let converted = match to_markdown(text, &self.options) {
                Cow::Borrowed(same) if same.len() == text.len() => None,
                changed => Some(changed.into_owned()),
            };
            if let Some(converted) = converted {
                *text = converted;
            }
        }
        Ok(Verdict::Keep)
    }
}

scrape_api::register_transform! {
    name: "jira_markup",
    summary: "Jira wiki markup to GitHub-flavoured Markdown, code kept to the byte, no word lost",
    config: Options,
    example: "transforms:\n  - { type: jira_markup, fields: [title, body], mentions: name }",
    new: JiraMarkup::new,
}
