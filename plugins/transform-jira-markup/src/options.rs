//! What a spec may set.

use scrape_api::{Deserialize, JsonSchema, Serialize, schemars, serde};

/// Options of `jira_markup`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct Options {
    /// How `[~user]` is written.
    pub mentions: Mentions,
    /// How a line break inside a paragraph is written.
    pub line_breaks: LineBreaks,
    /// Put before the names of attached files and images, which stand alone when absent.
    pub attachment_base: Option<String>,
}

/// How a mention of a user is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "snake_case")]
#[schemars(crate = "schemars")]
pub enum Mentions {
    /// `@user`
    #[default]
    At,
    /// `user`
    Name,
}

/// How a line break inside a paragraph is written; Jira shows every one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "snake_case")]
#[schemars(crate = "schemars")]
pub enum LineBreaks {
    /// As a plain line feed: the text as people wrote it. GitHub shows it as a
    /// break in issues and comments; strict CommonMark joins the lines.
    #[default]
    Newline,
    /// As a backslash and a line feed, a break for every reader of CommonMark.
    Backslash,
    /// As two spaces and a line feed, a break for every reader of Markdown.
    Spaces,
}

impl LineBreaks {
    /// The bytes of a break.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Newline => "\n",
            Self::Backslash => "\\\n",
            Self::Spaces => "  \n",
        }
    }
}
