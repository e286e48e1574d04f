//! The conversion itself.

use std::borrow::Cow;

use crate::chars::{Class, class, joins};
use crate::{Options, lines};

/// Gives `text` one kind of line end (LF) and one kind of space (U+0020), and
/// removes control characters other than tab and LF (with the colours and moves of
/// terminals that they begin), byte order marks, soft hyphens, zero-width characters
/// and marks of direction.
///
/// A zero-width joiner or non-joiner between two characters beyond ASCII stays:
/// Persian, Indic scripts and emoji are spelt with them. U+FFFD stays: it says
/// that something was lost. Borrows when nothing changes; idempotent; linear in
/// time.
pub fn normalize<'a>(text: &'a str, options: &Options) -> Cow<'a, str> {
    let clean = clean(text);
    if !options.trim_line_ends && options.max_blank_lines.is_none() {
        return clean;
    }
    match lines::tidy(&clean, options) {
        Some(tidied) => Cow::Owned(tidied),
        None => clean,
    }
}

fn clean(text: &str) -> Cow<'_, str> {
    let first = kept(text);
    if first == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = text[first..].chars();
    loop {
        let (kept, others) = rest.as_str().split_at(kept(rest.as_str()));
        out.push_str(kept);
        rest = others.chars();
        let Some(c) = rest.next() else { break };
        match class(c) {
            Class::Keep => out.push(c),
            Class::Space => out.push(' '),
            Class::Newline => {
                if c == '\r' && rest.as_str().starts_with('\n') {
                    rest.next();
                }
                out.push('\n');
            }
            Class::Remove | Class::Joiner => {
                // The whole invisible run at once: one decision, no rescanning.
                let run = rest.as_str();
                let end = invisible_run(c, run);
                let joiner = std::iter::once(c)
                    .chain(run[..end].chars())
                    .find(|&c| class(c) == Class::Joiner);
                rest = run[end..].chars();
                let before = out.chars().next_back().is_some_and(joins);
                let after = run[end..].chars().next().is_some_and(joins);
                if let (Some(joiner), true, true) = (joiner, before, after) {
                    out.push(joiner);
                }
            }
        }
    }
    // Only removals and a kept joiner can end where they began.
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// How much of a text stays as it is, from its start.
fn kept(text: &str) -> usize {
    let mut at = 0;
    loop {
        at += plain(&text.as_bytes()[at..]);
        // Beyond ASCII, one character at a time.
        match text[at..].chars().next() {
            Some(c) if class(c) == Class::Keep => at += c.len_utf8(),
            _ => return at,
        }
    }
}

/// The number of printable ASCII characters, tabs and line feeds at the start of a text.
/// Most texts have no others, so eight are looked at at once.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let is_plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | b' '..=b'~');
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, bytes) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        // The high bits of those below a space, beyond ASCII, and of deletes; some of
        // others too, since a borrow goes on.
        let below = word.wrapping_sub(ONES * u64::from(b' '));
        let deletes = (word ^ (ONES * 0x7f)).wrapping_sub(ONES);
        if (below | word | deletes) & (ONES << 7) != 0
            && let Some(other) = bytes.iter().position(|byte| !is_plain(byte))
        {
            return 8 * n + other;
        }
    }
    8 * words.len() + rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len())
}

/// The length of what is invisible at the start of `text`, which follows `first`;
/// that of an escape character takes the rest of its sequence with it.
fn invisible_run(first: char, text: &str) -> usize {
    let (mut last, mut end) = (first, 0);
    loop {
        let rest = &text[end..];
        let seen = rest.find(|c| !invisible(c)).unwrap_or(rest.len());
        last = rest[..seen].chars().next_back().unwrap_or(last);
        end += seen;
        match control_sequence(last, &text[end..]) {
            Some(length) => (last, end) = (' ', end + length),
            None => return end,
        }
    }
}

/// The length of what follows the escape character `first` in a control sequence of
/// a terminal (ECMA-48, 5.4): the `[31m` of a colour in a pasted log.
fn control_sequence(first: char, text: &str) -> Option<usize> {
    let body = match first {
        '\u{1b}' => text.strip_prefix('[')?,
        '\u{9b}' => text,
        _ => return None,
    };
    let after = body.trim_start_matches(|c| matches!(c, '0'..='?'));
    let after = after.trim_start_matches(|c| matches!(c, ' '..='/'));
    after.starts_with(|c| matches!(c, '@'..='~')).then(|| text.len() - after.len() + 1)
}

fn invisible(c: char) -> bool {
    matches!(class(c), Class::Remove | Class::Joiner)
}
