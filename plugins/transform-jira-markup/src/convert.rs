//! The way in: line ends, and the texts that have no markup.

use std::borrow::Cow;

use memchr::memchr;

use crate::{Options, block, verbatim};

/// Converts Jira wiki markup to GitHub-flavoured Markdown.
///
/// CRLF and CR become LF; white space around the whole and empty lines beyond
/// one between blocks go, as they show nothing. Borrows (a part of) `text` when
/// it has no markup. Takes time linear in its length, whatever it contains.
pub fn to_markdown<'a>(text: &'a str, options: &Options) -> Cow<'a, str> {
    if is_plain(text) {
        return Cow::Borrowed(text.trim());
    }
    if memchr(b'\r', text.as_bytes()).is_some() {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        return Cow::Owned(block::convert(&text, options));
    }
    Cow::Owned(block::convert(text, options))
}

/// Whether the text is surely the same in both languages: letters, digits and
/// the punctuation of prose, in lines that begin with a letter.
fn is_plain(text: &str) -> bool {
    let text = text.trim();
    text.is_empty()
        || text.bytes().all(is_prose)
            && text.split('\n').enumerate().all(|(i, line)| {
                let starts = line.starts_with(char::is_alphabetic) && !line.ends_with([' ', '\t']);
                starts
                    && (!verbatim::may_start(line) || i == 0 && !text.contains('\n'))
                    && !is_tagged(line)
            })
}

/// A line that may be a heading or a quote.
fn is_tagged(line: &str) -> bool {
    line.starts_with("bq.")
        || line.strip_prefix('h').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
}

const fn is_prose(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(
            byte,
            b' ' | b'\n'
                | b'.'
                | b','
                | b';'
                | b'\''
                | b'"'
                | b'('
                | b')'
                | b'/'
                | b'#'
                | b'%'
                | b'@'
        )
}
