//! Transform plugin `jira_markup`: Jira wiki markup to GitHub-flavoured Markdown.
//!
//! The conversion runs in three steps, each linear in the length of the text:
//! `tag` pairs what may span lines (`{code}`, `{quote}` …), `block` divides the
//! text into headings, lists, tables, quotes, code and paragraphs, and `inline`
//! turns what is inside those into Markdown, from the tokens of `lex` after
//! `emphasis` has decided which delimiters belong together.
//!
//! What it promises: no word of the visible text is lost, whatever is malformed;
//! the bytes of code stay; Markdown specials of plain text are escaped only
//! where they would change what is shown.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod block;
mod chars;
mod code;
mod convert;
mod count;
mod emphasis;
mod entity;
mod escape;
mod image;
mod inline;
mod lex;
mod link;
mod list;
mod options;
mod plugin;
mod seek;
mod table;
mod tag;
mod token;
mod url;
mod verbatim;
mod writer;

pub use convert::to_markdown;
pub use options::{LineBreaks, Mentions, Options};
pub use plugin::JiraMarkup;
