//! Pairs of tags that may span lines: `{code}`, `{noformat}`, `{quote}`,
//! `{panel}`, and the fences of Markdown that people paste.
//!
//! What stands in code is never read as markup, so those pairs are found first;
//! quotes and panels are paired among what is left. A tag without a partner is
//! literal text, with one exception: an unclosed `{code}`, `{noformat}` or fence
//! at the end of its line runs to the end of the text, since what follows was
//! most likely code, and as code it stays as it is.

use memchr::memchr3;

use crate::chars::{is_blank, run};

/// What a pair of tags makes of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    NoFormat,
    /// A pasted Markdown fence.
    Fence,
    Quote,
    Panel,
}

impl Kind {
    /// Whether the body is kept to the byte.
    pub(crate) fn is_raw(self) -> bool {
        matches!(self, Self::Code | Self::NoFormat | Self::Fence)
    }
}

/// A matched pair; all positions are bytes of the whole text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) kind: Kind,
    /// Where the opening tag begins.
    pub(crate) start: usize,
    /// Where the body begins and ends.
    pub(crate) body: (usize, usize),
    /// After the closing tag.
    pub(crate) end: usize,
    /// What stands after the colon of the opening tag; a fence's info string.
    pub(crate) params: &'a str,
}

/// One tag, not yet paired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'a> {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) params: &'a str,
    /// Whether it can close.
    bare: bool,
}

/// Finds all pairs, in the order of their starts. Pairs of raw kinds contain no
/// others; quotes and panels nest.
pub(crate) fn spans(text: &str) -> Vec<Span<'_>> {
    let tags = tags(text);
    if tags.is_empty() {
        return Vec::new();
    }
    // For each tag, the next bare one of its kind.
    let mut next = vec![None; tags.len()];
    let mut latest = [None; 5];
    for (i, tag) in tags.iter().enumerate().rev() {
        next[i] = latest[tag.kind as usize];
        if tag.bare {
            latest[tag.kind as usize] = Some(i);
        }
    }
    let mut spans = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut i = 0;
    while let Some(tag) = tags.get(i) {
        let span = |body_end, end| Span {
            kind: tag.kind,
            start: tag.start,
            body: (tag.end, body_end),
            end,
            params: tag.params,
        };
        match (tag.kind.is_raw(), next[i]) {
            (true, Some(j)) => {
                spans.push(span(tags[j].start, tags[j].end));
                i = j;
            }
            (true, None) if runs_on(text, tag) => {
                spans.push(span(text.len(), text.len()));
                break;
            }
            (true, None) => {}
            (false, _) => match open.iter().rposition(|&o| tags[o].kind == tag.kind) {
                Some(at) if tag.bare => {
                    let first = tags[open[at]];
                    open.truncate(at);
                    spans.push(Span {
                        kind: first.kind,
                        start: first.start,
                        body: (first.end, tag.start),
                        end: tag.end,
                        params: first.params,
                    });
                }
                Some(_) => {}
                None => open.push(i),
            },
        }
        i += 1;
    }
    spans.sort_by_key(|s| s.start);
    spans
}

/// The tag at the start of `text[at..]`, if one is there and is not escaped or
/// part of a `{{name}}` or a variable such as `${name}`.
pub(crate) fn tag_at(text: &str, at: usize) -> Option<Tag<'_>> {
    if at > 0 && matches!(text.as_bytes()[at - 1], b'\\' | b'{' | b'$' | b'@' | b'#' | b'%') {
        return None;
    }
    let rest = text[at..].strip_prefix('{')?;
    let (kind, name) = match rest.as_bytes().first()? {
        b'c' => (Kind::Code, "code"),
        b'n' => (Kind::NoFormat, "noformat"),
        b'q' => (Kind::Quote, "quote"),
        b'p' => (Kind::Panel, "panel"),
        _ => return None,
    };
    let rest = rest.strip_prefix(name)?;
    let open = at + 1 + name.len();
    let bare = rest.starts_with('}');
    if bare {
        return Some(Tag { kind, start: at, end: open + 1, params: "", bare });
    }
    let params = rest.strip_prefix(':').filter(|_| kind != Kind::Quote)?;
    let len = params.find(['{', '}', '\n']).filter(|&i| params.as_bytes()[i] == b'}')?;
    Some(Tag { kind, start: at, end: open + 1 + len + 1, params: &params[..len], bare })
}

/// All tags of the text, in order.
fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = memchr3(b'{', b'`', b'~', &text.as_bytes()[at..]) {
        at += found;
        let tag = match text.as_bytes()[at] {
            b'{' => tag_at(text, at),
            _ => fence_at(text, at),
        };
        match tag {
            Some(tag) => {
                at = tag.end;
                tags.push(tag);
            }
            None => at += run(text.as_bytes(), at),
        }
    }
    tags
}

/// The line of a Markdown fence whose backticks or tildes begin at `at`. As a
/// tag it ends with the language.
fn fence_at(text: &str, at: usize) -> Option<Tag<'_>> {
    let ticks = run(text.as_bytes(), at);
    let before = text[..at].trim_end_matches([' ', '\t']);
    if ticks < 3 || !(before.is_empty() || before.ends_with('\n')) {
        return None;
    }
    let rest = &text[at + ticks..];
    let line = &rest[..rest.find(['\n', '`']).unwrap_or(rest.len())];
    if rest[line.len()..].starts_with('`') {
        return None;
    }
    let params = line.trim();
    // One word is a language; a sentence is a sentence.
    if params.contains(char::is_whitespace) {
        return None;
    }
    let end = at + ticks + line.trim_end().len();
    Some(Tag { kind: Kind::Fence, start: at, end, params, bare: params.is_empty() })
}

/// Whether an unclosed tag takes what is left of the text.
fn runs_on(text: &str, tag: &Tag<'_>) -> bool {
    match text[tag.end..].split_once('\n') {
        Some((line, rest)) => is_blank(line) && !is_blank(rest),
        None => false,
    }
}
