//! Embedded images and files: `!name.png!`, `!http://…/a.gif|width=300!`.

use crate::chars::{Class, after, before, class};
use crate::link::has_extension;
use crate::token::Token;
use crate::url;

/// The image whose first `!` is at `at` and whose second at `close`; `None`
/// where it is a negation, an exclamation or other text.
pub(crate) fn parse(text: &str, at: usize, close: usize) -> Option<Token<'_>> {
    if class(before(text, at)) == Class::Word || class(after(text, close + 1)) == Class::Word {
        return None;
    }
    let content = &text[at + 1..close];
    let (file, options) = content.split_once('|').unwrap_or((content, ""));
    if file != file.trim() || content.ends_with(' ') || !is_file(file) || !are_options(options) {
        return None;
    }
    let alt = options.split(',').find_map(|option| option.trim().strip_prefix("alt="));
    Some(Token::Image { file, alt: alt.unwrap_or("").trim_matches('"') })
}

/// Whether a Markdown image's bracket follows the `!` at `at`, at a place where
/// an image may stand.
pub(crate) fn is_markdown(text: &str, at: usize) -> bool {
    text[at + 1..].starts_with('[') && class(before(text, at)) != Class::Word
}

/// `thumbnail`, or names with values.
fn are_options(options: &str) -> bool {
    options.split(',').map(str::trim).all(|option| {
        let name = option.split_once('=').map(|(name, _)| name.trim());
        option.is_empty()
            || option == "thumbnail"
            || name.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric()))
    })
}

fn is_file(name: &str) -> bool {
    if name.contains(['<', '>', '{', '}', '"', '*', '[', ']']) {
        return false;
    }
    url::is_absolute(name)
        || has_extension(name)
            && !name.contains([';', '='])
            && !name.contains("&&")
            && !name.contains("||")
}
