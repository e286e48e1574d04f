//! What a spec may set.

use scrape_api::{Deserialize, JsonSchema, Serialize, schemars, serde};

/// Options of `normalize_text`.
///
/// What changes the layout of lines is off by default: the transform is often
/// run before `jira_markup`, where it would reach into code blocks, whose bytes
/// are to stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Options {
    /// Remove spaces and tabs at the ends of lines.
    pub trim_line_ends: bool,
    /// Keep at most this many empty lines in a row; all when absent.
    pub max_blank_lines: Option<u32>,
}
