//! Text that is no YAML, in the words of somebody who writes specs: the frequent
//! slips have messages of their own.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::{Diagnostics, Span};

/// Reports why reading stopped.
pub fn report(text: &str, file: u32, error: &ScanError, diagnostics: &mut Diagnostics) {
    let offset = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let offset = (0..=offset).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let line = Line::around(text, offset);
    if let Some((start, end)) = line.unquoted_template() {
        let place = span(file, start, end);
        // Its first part may have been read as a map already.
        diagnostics.retract(file, place.start);
        unquoted_template(place, &text[start..end], diagnostics);
        return;
    }
    if let Some((start, end)) = line.unquoted_path(offset) {
        let path = &text[start..end];
        diagnostics
            .error(
                span(file, start, end),
                "inside `{ … }` and `[ … ]` a path with brackets must be quoted",
            )
            .hint(format!("\"{}\"", path.replace('"', "'")));
        return;
    }
    let offset = match error.kind() {
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            line.text.find('\t').map_or(offset, |tab| line.start + tab)
        }
        _ => offset,
    };
    let width = text[offset..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let place = span(file, offset, offset + width);
    let (message, hint) = words(error.kind(), text, offset, &line);
    let diagnostic = diagnostics.error(place, message);
    if let Some(hint) = hint {
        diagnostic.hint(hint);
    }
}

/// Reports `{{ … }}` without quotes, which YAML takes for a map.
pub fn unquoted_template(place: Span, text: &str, diagnostics: &mut Diagnostics) {
    let quoted = if text.contains('"') {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    };
    diagnostics
        .error(
            place,
            "a value that begins with `{{` or `{%` must be quoted: YAML reads `{` as a map",
        )
        .hint(quoted);
}

fn words(kind: &ErrorKind, text: &str, offset: usize, line: &Line) -> (String, Option<String>) {
    use ErrorKind as E;
    let say = |message: &str, hint: &str| {
        (message.to_owned(), (!hint.is_empty()).then(|| hint.to_owned()))
    };
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => {
            say("a tab is used for indentation, where YAML allows spaces only", "use two spaces")
        }
        E::MappingValueNotAllowed if line.has_key_before(offset) => say(
            "a value with `: ` in it must be quoted",
            &line.value().map_or(String::new(), |v| format!("\"{}\"", v.replace('"', "\\\""))),
        ),
        E::MappingValueNotAllowed | E::ExpectedBlockMappingKey | E::InvalidIndentation => say(
            "the indentation of this line fits to no line above it",
            "keys of one map start in the same column",
        ),
        E::UnexpectedCharacter { character } => (
            format!("a value cannot begin with `{character}`"),
            Some(String::from("quote the value")),
        ),
        E::UnclosedQuotedScalar | E::UnexpectedEof => {
            say("a quote is opened here and never closed", "")
        }
        E::UnclosedFlowCollection { open } => {
            (format!("`{open}` is opened here and never closed"), None)
        }
        E::MismatchedFlowCollectionEnd { open, close } => {
            (format!("`{close}` does not close `{open}`"), None)
        }
        E::MisplacedFlowCollectionEnd => say("nothing is open that this could close", ""),
        E::ExpectedFlowMappingSeparator => say("`,` or `}` is missing before this", ""),
        E::ExpectedFlowSequenceSeparator => say("`,` or `]` is missing before this", ""),
        E::SimpleKeyExpected => say(
            "this line is no `key: value`",
            "is a `:` missing, or quotes around the value above?",
        ),
        E::InvalidTrailingDoubleQuotedScalar | E::InvalidTrailingSingleQuotedScalar => say(
            "there is text after the closing quote",
            "quote the whole value, with the other kind of quotes",
        ),
        E::UnknownQuotedScalarEscape => say(
            "unknown escape in a double-quoted value",
            "use single quotes, or write `\\\\` for `\\`",
        ),
        E::BlockSequenceEntryNotAllowed => {
            say("a list cannot begin on the line of its key", "put `- …` on the next line")
        }
        E::MissingAnchorOrAliasName => (
            format!(
                "`{}` begins an alias or an anchor in YAML",
                text[offset..].chars().next().unwrap_or('*')
            ),
            Some(String::from("quote the value if text is meant")),
        ),
        E::RecursionLimitExceeded => say("values are nested too deeply", ""),
        other => (format!("not YAML: {other}"), None),
    }
}

fn span(file: u32, start: usize, end: usize) -> Span {
    let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}

/// The line that reading stopped in.
struct Line<'t> {
    text: &'t str,
    start: usize,
}

impl<'t> Line<'t> {
    fn around(text: &'t str, offset: usize) -> Self {
        // At a line end it is the line before that is meant.
        let mut at = offset.min(text.len());
        if text[at..].trim_start().is_empty() {
            at = text.trim_end().len();
        }
        let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        Self { text: &text[start..end], start }
    }

    /// The bytes of the line that stand outside quotes: offset, byte, and
    /// whether a value may begin there.
    fn bare(&self) -> impl Iterator<Item = (usize, u8, bool)> {
        let mut quote = None;
        let mut begins = true;
        self.text.bytes().enumerate().filter_map(move |(i, b)| {
            let opens = begins;
            match quote {
                Some(q) => {
                    if b == q {
                        quote = None;
                    }
                    return None;
                }
                None if opens && matches!(b, b'"' | b'\'') => {
                    quote = Some(b);
                    return None;
                }
                None => {}
            }
            begins = match b {
                b' ' => begins || self.text[..i].ends_with([':', '-']),
                b',' | b'[' | b'{' => true,
                _ => false,
            };
            Some((i, b, opens))
        })
    }

    fn unquoted_template(&self) -> Option<(usize, usize)> {
        let (at, ..) = self.bare().find(|(i, b, begins)| {
            *begins && *b == b'{' && self.text[i + 1..].starts_with(['{', '%'])
        })?;
        let rest = &self.text[at..];
        let in_flow =
            self.bare().take_while(|(i, ..)| *i < at).any(|(_, b, _)| b == b'{' || b == b'[');
        let length = if in_flow {
            let closed =
                rest.rfind("}}").or_else(|| rest.rfind("%}")).map_or(rest.len(), |i| i + 2);
            // In a flow map the last `}}` may be one that closes the map itself.
            let tail = &rest[closed..];
            closed + tail.find([',', '}', ']', ' ']).unwrap_or(tail.len())
        } else {
            rest.split(" #").next().unwrap_or(rest).trim_end().len()
        };
        Some((self.start + at, self.start + at + length))
    }

    fn unquoted_path(&self, offset: usize) -> Option<(usize, usize)> {
        let in_flow = self.bare().any(|(_, b, _)| b == b'{' || b == b'[');
        if !in_flow {
            return None;
        }
        let starts =
            self.bare().filter(|(i, b, begins)| *begins && *b == b'$' && self.start + i <= offset);
        let (at, ..) = starts.last()?;
        let rest = &self.text[at..];
        let bracket = rest.find(['[', ' ', ',', '}']).filter(|i| rest[*i..].starts_with('['))?;
        let mut depth = 0usize;
        let mut end = None;
        for (i, c) in rest.char_indices().skip(bracket) {
            match c {
                '[' => depth += 1,
                ']' if depth > 0 => depth -= 1,
                ']' | ',' | '}' | ' ' if depth == 0 => {
                    end = Some(i);
                    break;
                }
                _ => {}
            }
        }
        let unclosed = || rest.find([' ', ',', '}']);
        let end = end.or_else(|| if depth > 0 { unclosed() } else { None }).unwrap_or(rest.len());
        Some((self.start + at, self.start + at + end))
    }

    fn has_key_before(&self, offset: usize) -> bool {
        let before = &self.text[..(offset.saturating_sub(self.start)).min(self.text.len())];
        before.contains(": ")
    }

    fn value(&self) -> Option<&'t str> {
        let (_, value) = self.text.split_once(": ")?;
        Some(value.trim())
    }
}
