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
    // Most texts are ASCII, of which a byte says all.
    let plain = text.bytes().position(|b| !matches!(b, b'\t' | b'\n' | b' '..=b'~'));
    let Some(plain) = plain else { return Cow::Borrowed(text) };
    let other = text[plain..].char_indices().find(|&(_, c)| class(c) != Class::Keep);
    let Some((first, _)) = other else { return Cow::Borrowed(text) };
    let first = plain + first;
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = text[first..].chars();
    while let Some(c) = rest.next() {
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
