//! What keeps plain text from becoming Markdown structure.

use crate::chars::run;

/// Puts a backslash where the line of `out` that begins at `from` would be read
/// as a heading, quote, list item, rule, underline of a heading, fence or link
/// definition. The line was plain text, or inline markup, neither of which is
/// meant to begin a block.
///
/// `continues` says that a line of the same paragraph stands before it;
/// `keep_number` is asked whether a number at its start is meant to count.
pub(crate) fn line_start(
    out: &mut String,
    from: usize,
    continues: bool,
    mut keep_number: impl FnMut(u32) -> bool,
) {
    let line = &out[from..];
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    // Deeper indentation can only continue a paragraph.
    if indent > 3 || text.is_empty() {
        return;
    }
    let bytes = text.as_bytes();
    let first = bytes[0];
    let ends_marker = |at: usize| bytes.get(at).is_none_or(|b| matches!(b, b' ' | b'\t'));
    let same = run(bytes, 0);
    let escape = match first {
        b'>' => Some(0),
        b'#' if same <= 6 && ends_marker(same) => Some(0),
        b'+' if ends_marker(1) => Some(0),
        b'-' | b'*' | b'_' if (first != b'_' && ends_marker(1)) || is_rule(bytes) => Some(0),
        b'-' | b'=' if continues && text.trim_end().len() == same => Some(0),
        b'~' if same >= 3 => Some(0),
        b'`' if same >= 3 && !text[same..].contains('`') => Some(0),
        b'[' => text.find(']').filter(|&close| text[close..].starts_with("]:")).map(|_| 0),
        b'0'..=b'9' => number(text)
            .filter(|&dot| ends_marker(dot + 1) && dot <= 9)
            .filter(|&dot| !text[..dot].parse().is_ok_and(&mut keep_number)),
        _ => None,
    };
    if let Some(at) = escape {
        out.insert(from + indent + at, '\\');
    }
}

/// Writes a short plain text (a title, a name) with all that could be inline
/// markup escaped.
pub(crate) fn push_plain(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    for (i, c) in text.char_indices() {
        let inner = c == '_'
            && i > 0
            && bytes[i - 1].is_ascii_alphanumeric()
            && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
        if "*_`[]<\\~".contains(c) && !inner {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Escapes square brackets of a link's text unless they are balanced.
pub(crate) fn brackets(text: &str) -> std::borrow::Cow<'_, str> {
    let mut depth = 0_i32;
    let balanced = text.bytes().all(|b| {
        depth += i32::from(b == b'[') - i32::from(b == b']');
        depth >= 0
    });
    if balanced && depth == 0 {
        return text.into();
    }
    text.replace('[', "\\[").replace(']', "\\]").into()
}

/// Position of the sign after the digits at the start of a line, `.` or `)`.
pub(crate) fn number(line: &str) -> Option<usize> {
    let digits = line.bytes().take(10).take_while(u8::is_ascii_digit).count();
    (digits > 0 && matches!(line.as_bytes().get(digits), Some(b'.' | b')'))).then_some(digits)
}

/// Three or more of one sign, with nothing but white space between.
fn is_rule(line: &[u8]) -> bool {
    line.iter().all(|&b| b == line[0] || b == b' ' || b == b'\t')
        && line.iter().filter(|&&b| b == line[0]).count() >= 3
}
