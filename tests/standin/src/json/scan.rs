//! Walks over the members and elements of JSON text that is known to be valid, by position.
//!
//! Records are served exactly as they were given (number text, key order, space
//! between tokens), so they are cut and joined as text, never parsed and printed.

use std::ops::Range;

/// A member of an object: its name (still escaped) and where its value stands in the text.
pub(crate) struct Member<'a> {
    /// The name between the quotes, escapes untouched.
    pub(crate) name: &'a str,
    /// Byte range of the whole member, from the quote of its name to the end of its value.
    pub(crate) span: Range<usize>,
    /// Byte range of the value.
    pub(crate) value: Range<usize>,
}

/// The members of the object that begins at byte `at`; nothing if no object begins there.
pub(crate) fn members(text: &str, at: usize) -> impl Iterator<Item = Member<'_>> {
    let bytes = text.as_bytes();
    let mut pos = inside(bytes, at, b'{');
    std::iter::from_fn(move || {
        let start = skip_separators(bytes, pos?);
        if bytes.get(start) != Some(&b'"') {
            pos = None;
            return None;
        }
        let name_end = skip_string(bytes, start);
        let value_start = skip_space_and_colon(bytes, name_end);
        let value_end = skip_value(bytes, value_start);
        pos = Some(value_end);
        Some(Member {
            name: &text[start + 1..name_end - 1],
            span: start..value_end,
            value: value_start..value_end,
        })
    })
}

/// The value ranges of the array that begins at byte `at`; nothing if no array begins there.
pub(crate) fn elements(text: &str, at: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = text.as_bytes();
    let mut pos = inside(bytes, at, b'[');
    std::iter::from_fn(move || {
        let start = skip_separators(bytes, pos?);
        if start >= bytes.len() || bytes[start] == b']' {
            pos = None;
            return None;
        }
        let end = skip_value(bytes, start);
        pos = Some(end);
        Some(start..end)
    })
}

/// The value at `path` (member names from the outermost object inwards), as a byte range.
pub(crate) fn member(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let mut found = start..text.trim_end().len();
    for name in path {
        found = members(text, found.start).find(|m| m.name == *name)?.value;
    }
    Some(found)
}

/// `text` with each range replaced by its new text; ranges must not overlap.
pub(crate) fn splice(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out =
        String::with_capacity(text.len() + edits.iter().map(|(_, new)| new.len()).sum::<usize>());
    let mut done = 0;
    for (range, new) in edits {
        out.push_str(&text[done..range.start]);
        out.push_str(&new);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}

fn inside(bytes: &[u8], at: usize, open: u8) -> Option<usize> {
    (bytes.get(at) == Some(&open)).then_some(at + 1)
}

fn skip_separators(bytes: &[u8], mut pos: usize) -> usize {
    while matches!(bytes.get(pos), Some(b' ' | b'\t' | b'\n' | b'\r' | b',')) {
        pos += 1;
    }
    pos
}

fn skip_space_and_colon(bytes: &[u8], mut pos: usize) -> usize {
    while matches!(bytes.get(pos), Some(b' ' | b'\t' | b'\n' | b'\r' | b':')) {
        pos += 1;
    }
    pos
}

/// The position after the closing quote of the string that begins at `start`.
fn skip_string(bytes: &[u8], start: usize) -> usize {
    let mut pos = start + 1;
    while let Some(found) = bytes.get(pos..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        if bytes[pos + found] == b'"' {
            return pos + found + 1;
        }
        pos += found + 2;
    }
    bytes.len()
}

/// The position after the value that begins at `start`.
fn skip_value(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => skip_string(bytes, start),
        Some(b'{' | b'[') => skip_nested(bytes, start),
        _ => {
            let rest = &bytes[start.min(bytes.len())..];
            let end = rest
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
            start + end.unwrap_or(rest.len())
        }
    }
}

fn skip_nested(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut pos = start;
    while pos < bytes.len() {
        match bytes[pos] {
            b'"' => {
                pos = skip_string(bytes, pos);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return pos + 1;
                }
            }
            _ => {}
        }
        pos += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_whatever_the_spacing_and_escapes() {
        let text = r#" { "a" : "x\"}," , "b":[1,{"c":null}],"d" : -1.50 } "#;
        let found: Vec<_> = members(text, 1).map(|m| (m.name, &text[m.value])).collect();
        assert_eq!(found, [("a", r#""x\"},""#), ("b", r#"[1,{"c":null}]"#), ("d", "-1.50")]);
        assert_eq!(member(text, &["d"]).map(|r| &text[r]), Some("-1.50"));
        let list = member(text, &["b"]).expect("b is there");
        assert_eq!(
            elements(text, list.start).map(|r| &text[r]).collect::<Vec<_>>(),
            ["1", r#"{"c":null}"#]
        );
        assert_eq!(member(text, &["b", "c"]), None);
    }

    #[test]
    fn replaces_ranges_in_any_order() {
        assert_eq!(splice("abcdef", vec![(4..5, "E!".into()), (0..1, String::new())]), "bcdE!f");
    }
}
