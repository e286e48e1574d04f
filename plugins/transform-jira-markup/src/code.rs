//! Fenced code blocks and code spans, whose content is kept to the byte.

use memchr::memchr;

use crate::chars::run;
use crate::writer::Writer;

/// The body of a block between its tags, without what belongs to the lines of
/// the tags themselves: white space up to the first line feed, and the last line
/// feed with the indentation of the closing tag.
pub(crate) fn body(raw: &str) -> &str {
    let raw = match raw.split_once('\n') {
        Some((first, rest)) if first.trim_start().is_empty() => rest,
        _ => raw,
    };
    match raw.rsplit_once('\n') {
        Some((rest, last)) if last.trim_start().is_empty() => rest,
        _ if raw.trim_start().is_empty() => "",
        _ => raw,
    }
}

/// Writes a fenced block; the fence is longer than any run of backticks inside.
pub(crate) fn push_fence(out: &mut Writer, language: &str, body: &str) {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    let feed = if body.is_empty() { "" } else { "\n" };
    out.text(&[&fence, language, feed, body, "\n", &fence].concat());
}

/// Writes a code span around text of one line.
pub(crate) fn push_span(out: &mut String, content: &str) {
    // Two spans side by side would share a run of backticks.
    if out.ends_with('`') && !out.ends_with("\\`") {
        out.push(' ');
    }
    let ticks = shortest_free_run(content);
    // Markdown takes one space off each side, but only of what has other characters.
    let blank = content.trim_matches(' ').is_empty();
    let spaced = content.starts_with(' ') && content.ends_with(' ') && !blank;
    let pad = if content.starts_with('`') || content.ends_with('`') || spaced { " " } else { "" };
    let fence = "`".repeat(ticks);
    for part in [&fence, pad, content, pad, &fence] {
        out.push_str(part);
    }
}

/// The parameters of `{code:…}`: a language and a title.
///
/// They are separated by `|`; the first word without `=` is the language unless
/// it looks like a file name. No language is given where none was written
/// (Jira's default, Java, is wrong more often than not).
pub(crate) fn language_and_title(params: &str) -> (&str, Option<&str>) {
    let (mut language, mut title) = ("", None);
    for param in params.split('|').map(str::trim) {
        match param.split_once('=') {
            Some(("title", value)) => title = Some(value.trim()).filter(|t| !t.is_empty()),
            Some(("language" | "lang", value)) => language = value.trim(),
            Some(_) => {}
            None if param.contains('.') || param.contains(' ') => title = Some(param),
            None if language.is_empty() => language = param,
            None => {}
        }
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || "+#-_".contains(c);
    if !language.chars().all(valid) || ["none", "plain"].contains(&language) {
        language = "";
    }
    (language, title)
}

fn longest_run(text: &str) -> usize {
    runs(text).max().unwrap_or(0)
}

/// The least number of backticks that does not occur as a run in `text`. It is
/// at most the square root of twice its length, so counting is linear.
fn shortest_free_run(text: &str) -> usize {
    if !text.contains('`') {
        return 1;
    }
    let mut lengths: Vec<usize> = runs(text).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.iter().zip(1..).find(|&(&length, n)| length != n).map_or(lengths.len() + 1, |(_, n)| n)
}

/// The lengths of the runs of backticks.
fn runs(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr(b'`', &bytes[at..])?;
        let length = run(bytes, start);
        at = start + length;
        Some(length)
    })
}
