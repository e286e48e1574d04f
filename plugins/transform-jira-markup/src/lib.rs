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
//!
//! Where Jira's ways are ambiguous:
//!
//! * An unclosed `{code}` or `{noformat}` at the end of its line runs to the end
//!   of the text; any other tag without a partner, and any unknown one, is text.
//! * Stack traces, logs, patches and code that nobody quoted become fenced
//!   blocks, byte for byte, if they are certainly that; otherwise they are text.
//! * Markdown that people paste stays: fences, code spans, `[a](http://…)`,
//!   `**bold**`, `~~gone~~`, tables. Lines numbered 1, 2, 3 stay a list; other
//!   numbers, `>` and `+` at the start of a line are escaped.
//! * Icons such as `(x)`, `(i)` and `:)` stay as they are: most are none.
//! * Brackets are links only around an address, a user, a file or an anchor.
//! * Colours, anchors, the parameters of tags (but not titles) and the options of
//!   images (but not `alt`) are dropped.

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
