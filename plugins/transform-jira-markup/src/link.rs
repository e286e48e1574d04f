//! What stands between square brackets: links, mentions, attachments, or text.

use crate::token::Link;
use crate::url;

/// A pair of brackets on one line.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) open: usize,
    pub(crate) close: usize,
    /// One more than the pairs nested in it.
    height: usize,
}

/// Brackets nested deeper than this in a pair say that it is no link; it also
/// bounds how often a byte is looked at.
const MAX_HEIGHT: usize = 3;

/// All matched pairs that may be links, by position of the opening bracket.
/// Escaped brackets are skipped.
pub(crate) fn pairs(text: &str) -> Vec<Pair> {
    let bytes = text.as_bytes();
    let mut pairs = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (i, &b) in bytes.iter().enumerate() {
        match b {
            b'\n' => open.clear(),
            b'[' | b']' if i > 0 && bytes[i - 1] == b'\\' => {}
            b'[' => open.push((i, 1)),
            b']' => {
                if let Some((start, height)) = open.pop() {
                    if let Some((_, outer)) = open.last_mut() {
                        *outer = (*outer).max(height + 1);
                    }
                    pairs.push(Pair { open: start, close: i, height });
                }
            }
            _ => {}
        }
    }
    pairs.retain(|p| p.height <= MAX_HEIGHT);
    pairs.sort_unstable_by_key(|p| p.open);
    pairs
}

/// Reads what stands between brackets. `None` for what is no link, as most
/// brackets in issues are: `[1]`, `[INFO]`, `[a-z]`, `array[i]`.
pub(crate) fn parse(content: &str) -> Option<Link<'_>> {
    let (text, rest) = match content.split_once('|') {
        Some((text, rest)) => (text.trim(), Some(rest)),
        None => ("", None),
    };
    let Some(rest) = rest else {
        let target = content.trim();
        if let Some(name) = mention(target) {
            return Some(Link::Mention(name));
        }
        if let Some(name) = target.strip_prefix('^').filter(|n| !n.trim().is_empty()) {
            return (file_name(name) && has_extension(name))
                .then_some(Link::File { text: "", name });
        }
        if let Some((text, name)) = target.split_once('^') {
            return has_extension(name).then_some(Link::File { text, name });
        }
        return url::is_absolute(target).then_some(Link::Url { text: "", url: target, title: "" });
    };
    let (target, title) = rest.split_once('|').unwrap_or((rest, ""));
    let target = target.trim();
    let title = match title.trim() {
        "smart-link" | "smart-card" | "smart-embed" => "",
        title => title,
    };
    // Only addresses have a place for a title in Markdown.
    if !title.is_empty() && target.starts_with(['~', '^']) {
        return None;
    }
    if let Some(name) = mention(target) {
        return Some(Link::Mention(if text.is_empty() { name } else { text }));
    }
    if let Some(name) = target.strip_prefix('^') {
        return file_name(name).then_some(Link::File { text, name });
    }
    let anchor = target.strip_prefix('#').is_some_and(|a| !a.is_empty() && !a.contains(' '));
    if !anchor && !url::is_target(target) {
        return None;
    }
    Some(Link::Url { text, url: target, title })
}

/// The length of a Markdown link at the start of `text`, whose bracket closes
/// at `close`: `[a](http://…)`. Only what is certainly an address counts, since
/// `handlers[i](event)` is code.
pub(crate) fn markdown(text: &str, close: usize) -> Option<usize> {
    let rest = text[close + 1..].strip_prefix('(')?;
    let len = rest.find(|c: char| c.is_whitespace() || "()[]<>".contains(c))?;
    let target = &rest[..len];
    let local = ["/", "#", "./", "../", "www."].iter().any(|p| target.starts_with(p));
    (rest[len..].starts_with(')') && (url::is_absolute(target) || local && target.len() > 1))
        .then_some(close + 1 + 1 + len + 1)
}

/// The user of `~name` or `~accountid:id`.
fn mention(target: &str) -> Option<&str> {
    let name = target.strip_prefix('~')?;
    let name = name.strip_prefix("accountid:").unwrap_or(name);
    let valid = |c: char| c.is_alphanumeric() || "._-@:+'=$".contains(c);
    (name.contains(char::is_alphanumeric) && name.chars().all(valid)).then_some(name)
}

/// Whether `^…` names a file and not, say, the start of a regular expression.
fn file_name(name: &str) -> bool {
    name.contains(char::is_alphanumeric)
        && !name.contains(['[', ']', '{', '}', '*', '\\', '^', '"', '<', '>'])
}

/// Whether a name ends like `.png`; `x^2.5` does not.
pub(crate) fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=10).contains(&extension.len())
            && extension.bytes().all(|b| b.is_ascii_alphanumeric())
            && extension.bytes().any(|b| b.is_ascii_alphabetic())
    })
}
