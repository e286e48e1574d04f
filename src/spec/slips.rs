//! Text that is no YAML, in the words of somebody who writes specs: the frequent
//! slips have messages of their own.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::forms::quoted;
use super::line::Line;
use super::{Diagnostics, Span};

/// What is wrong: where, one sentence, and what to write.
struct Slip {
    start: usize,
    end: usize,
    message: String,
    hint: Option<String>,
}

impl Slip {
    fn new(start: usize, end: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into()).filter(|h: &String| !h.is_empty());
        Self { start, end, message: message.into(), hint }
    }
}

/// Reports why reading stopped.
pub fn report(text: &str, file: u32, error: &ScanError, diagnostics: &mut Diagnostics) {
    let offset = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let offset = (0..=offset).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let line = Line::around(text, offset);
    let slip = odd_character(text, offset)
        .or_else(|| template(&line))
        .or_else(|| path(&line, offset))
        .or_else(|| of_kind(error.kind(), text, offset, &line))
        .unwrap_or_else(|| {
            let width =
                text[offset..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
            let (message, hint) = words(error.kind());
            Slip::new(offset, offset + width, message, hint)
        });
    let place = span(file, slip.start, slip.end);
    // Its first part may have been read as a map already.
    diagnostics.retract(file, place.start);
    let diagnostic = diagnostics.error(place, slip.message);
    if let Some(hint) = slip.hint {
        diagnostic.hint(hint);
    }
}

/// Reports `{{ … }}` without quotes, which YAML takes for a map.
pub fn unquoted_template(place: Span, text: &str, diagnostics: &mut Diagnostics) {
    diagnostics.error(place, UNQUOTED_TEMPLATE).hint(quoted(text));
}

const UNQUOTED_TEMPLATE: &str =
    "a value that begins with `{{` or `{%` must be quoted: YAML reads `{` as a map";

/// Characters that look like blanks or like nothing, in the line where reading
/// stopped or above it.
fn odd_character(text: &str, offset: usize) -> Option<Slip> {
    let line = Line::around(text, offset);
    let above = text[..line.start.saturating_sub(1)].rfind('\n').map_or(0, |i| i + 1);
    let end = line.start + line.text.len();
    let blank = |c: char| c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r');
    let hidden = |c: char| matches!(c, '\u{200b}' | '\u{feff}');
    let control = |c: char| c.is_control() && !c.is_whitespace();
    // In the middle of a text they are the author's own affair.
    let counts = |at: usize| {
        let before = &text[text[..at].rfind('\n').map_or(0, |i| i + 1)..at];
        before.ends_with(':') || before.chars().all(|c| c.is_whitespace() || hidden(c))
    };
    let (at, c) = text[above..end]
        .char_indices()
        .map(|(i, c)| (above + i, c))
        .find(|(at, c)| control(*c) || (blank(*c) || hidden(*c)) && counts(*at))?;
    let code = u32::from(c);
    let (what, hint) = match blank(c) {
        true => (
            format!("this blank is the character U+{code:04X}, which is none for YAML"),
            "replace it by a space",
        ),
        false => (format!("an invisible character, U+{code:04X}, stands here"), "remove it"),
    };
    Some(Slip::new(at, at + c.len_utf8(), what, hint))
}

fn template(line: &Line) -> Option<Slip> {
    if let Some((start, end)) = line.unquoted_template() {
        return Some(Slip::new(start, end, UNQUOTED_TEMPLATE, quoted(line.part(start, end))));
    }
    let (start, end) = line.template_in_flow()?;
    let message = "inside `{ … }` and `[ … ]` a value with `{{` in it must be quoted";
    Some(Slip::new(start, end, message, quoted(line.part(start, end))))
}

fn path(line: &Line, offset: usize) -> Option<Slip> {
    let (start, end) = line.unquoted_path(offset)?;
    let message = "inside `{ … }` and `[ … ]` a path with brackets must be quoted";
    let hint = format!("\"{}\"", line.part(start, end).replace('"', "'"));
    Some(Slip::new(start, end, message, hint))
}

/// Slips that are told by what stands around the place.
fn of_kind(kind: &ErrorKind, text: &str, offset: usize, line: &Line) -> Option<Slip> {
    use ErrorKind as E;
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => tab(text, line.start).or_else(|| {
            Some(Slip::new(
                offset,
                offset + 1,
                "a tab stands where YAML allows spaces only",
                "use spaces",
            ))
        }),
        E::MappingValueNotAllowed
        | E::ExpectedBlockMappingKey
        | E::InvalidIndentation
        | E::SimpleKeyExpected => {
            let (start, end) = line.content();
            let content = line.part(start, end);
            if let Some((key, value)) = glued(content) {
                let colon = start + key.len();
                let message = format!("a blank is missing after `{key}:`");
                return Some(Slip::new(start, colon + 1, message, format!("{key}: {value}")));
            }
            // A key above, glued to its value, makes a text that goes on here.
            if let Some((start, above)) = line.above(text)
                && let Some((key, value)) = glued(above)
            {
                let message = format!("a blank is missing after `{key}:`");
                let end = start + key.len() + 1;
                return Some(Slip::new(start, end, message, format!("{key}: {value}")));
            }
            if let Some(item) = content.strip_prefix("- ").filter(|_| line.above(text).is_some()) {
                let message =
                    "`- ` begins an item of a list, but the lines above are keys of a map";
                return Some(Slip::new(start, start + 1, message, item));
            }
            if let E::MappingValueNotAllowed = kind
                && line.has_key_before(offset)
            {
                let value = line.value().map_or(String::new(), quoted);
                return Some(Slip::new(
                    offset,
                    offset + 1,
                    "a value with `: ` in it must be quoted",
                    value,
                ));
            }
            if let Some((key, value)) = content.split_once(" = ").filter(|(key, _)| is_key(key)) {
                let equals = start + key.len() + 1;
                let message = "a key is followed by `:`, not by `=`";
                return Some(Slip::new(equals, equals + 1, message, format!("{key}: {value}")));
            }
            if matches!(kind, E::SimpleKeyExpected) {
                return None;
            }
            let message = "the indentation of this line fits to no line above it";
            let hint = line
                .columns_above(text)
                .unwrap_or_else(|| String::from("keys of one map start in the same column"));
            Some(Slip::new(start, end.min(start + 1), message, hint))
        }
        E::UnexpectedCharacter { character } => {
            let value = line.value_at(offset);
            let what = match character {
                '`' => String::from("a backtick"),
                other => format!("`{other}`"),
            };
            let end = offset + character.len_utf8();
            Some(Slip::new(offset, end, format!("a value cannot begin with {what}"), quoted(value)))
        }
        E::InvalidTrailingDoubleQuotedScalar | E::InvalidTrailingSingleQuotedScalar => {
            if let Some((start, value)) = line.open_above(text) {
                let message = "a quote is opened here and never closed";
                return Some(Slip::new(start, start + 1, message, value));
            }
            let rest = line.part(offset, line.start + line.text.len());
            if let Some((key, _)) = rest.split_once(':').filter(|(key, _)| is_key(key.trim()))
                && line.opens_flow_before(offset)
            {
                let hint = format!(", {}:", key.trim());
                let end = offset + key.trim_end().len();
                return Some(Slip::new(offset, end, "`,` is missing before this", hint));
            }
            let (start, value) = line.quoted_value(offset)?;
            let hint = match value {
                Some(inner) => format!("'{}'", inner.replace('\'', "''")),
                None => String::from("quote the whole value"),
            };
            let message = "there is text after the closing quote";
            Some(Slip::new(offset.max(start), offset + 1, message, hint))
        }
        E::UnknownQuotedScalarEscape => {
            let at = bad_escape(text, offset)?;
            let line = Line::around(text, at);
            let escape: String = text[at..].chars().take(2).collect();
            let message = format!("`{escape}` is no escape of a double-quoted value");
            let hint = match line.quoted_value(at) {
                Some((_, Some(inner))) => format!("'{}'", inner.replace('\'', "''")),
                _ => String::from("use single quotes, or write `\\\\` for `\\`"),
            };
            Some(Slip::new(at, at + escape.len(), message, hint))
        }
        E::ExpectedFlowMappingSeparator | E::ExpectedFlowSequenceSeparator => {
            // In `{ a: b c: d }` reading stops at the second colon.
            let before = &text[..offset];
            let word = before.rfind(|c: char| !is_key_char(c)).map_or(0, |i| i + 1);
            if !text[offset..].starts_with(':') || word == offset || word < line.start {
                return None;
            }
            if line.content().0 == word
                && let Some(open) = open_bracket(before)
            {
                let message =
                    format!("`{}` is opened here and never closed", &text[open..open + 1]);
                return Some(Slip::new(open, open + 1, message, ""));
            }
            Some(Slip::new(
                word,
                offset,
                "`,` is missing before this",
                format!(", {}:", &text[word..offset]),
            ))
        }
        E::ExpectedBlockSequenceEntry => {
            let (start, end) = line.content();
            let message = "the lines above are items of a list, and this line is none";
            let hint = "items all begin with `- `; names with values stand side by side without it";
            Some(Slip::new(start, end, message, hint))
        }
        E::MissingAnchorOrAliasName => {
            let c = text[offset..].chars().next().unwrap_or('*');
            let message = format!("`{c}` begins an alias or an anchor in YAML");
            let hint = format!("quote it if text is meant: {}", quoted(line.value_at(offset)));
            Some(Slip::new(offset, offset + c.len_utf8(), message, hint))
        }
        _ if text[offset..].starts_with(['>', '|']) => {
            let message = "a block after `>` or `|` begins on the next line";
            let hint = format!("if the sign is meant: {}", quoted(line.value_at(offset)));
            Some(Slip::new(offset, offset + 1, message, hint))
        }
        _ => None,
    }
}

/// The last bracket of a flow map or list that is still open.
fn open_bracket(before: &str) -> Option<usize> {
    let mut closed = 0_usize;
    for (i, c) in before.char_indices().rev() {
        match c {
            '}' | ']' => closed += 1,
            '{' | '[' if closed == 0 => return Some(i),
            '{' | '[' => closed -= 1,
            _ => {}
        }
    }
    None
}

/// `name:value`, where `name` looks like a key.
fn glued(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    let no_address = !value.starts_with("//");
    (is_key(key) && no_address && !value.is_empty() && !value.starts_with(' '))
        .then_some((key, value))
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_key_char)
}

/// The first tab in the indentation of a line from here on.
fn tab(text: &str, from: usize) -> Option<Slip> {
    let mut start = from;
    for line in text[from..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            let at = start + tab;
            let message = "a tab is used for indentation, where YAML allows spaces only";
            return Some(Slip::new(at, at + 1, message, "use two spaces"));
        }
        start += line.len();
    }
    None
}

/// The first escape that double quotes do not know, in a value that starts here.
fn bad_escape(text: &str, start: usize) -> Option<usize> {
    let mut chars = text[start..].char_indices();
    while let Some((i, c)) = chars.next() {
        if c == '\\' {
            let (_, escaped) = chars.next()?;
            if !"0abtnvfre \"/\\N_LPxuU\t\n\r".contains(escaped) {
                return Some(start + i);
            }
        }
    }
    None
}

fn words(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as E;
    let say = |message: &str, hint| (message.to_owned(), hint);
    match kind {
        E::UnclosedQuotedScalar | E::UnexpectedEof => {
            say("a quote is opened here and never closed", "")
        }
        E::UnclosedFlowCollection { open } => {
            (format!("`{open}` is opened here and never closed"), "")
        }
        E::MismatchedFlowCollectionEnd { open, close } => {
            (format!("`{close}` does not close `{open}`"), "")
        }
        E::MisplacedFlowCollectionEnd => say("nothing is open that this could close", "remove it"),
        E::ExpectedFlowMappingSeparator => say("`,` or `}` is missing before this", ""),
        E::ExpectedFlowSequenceSeparator => say("`,` or `]` is missing before this", ""),
        E::SimpleKeyExpected => say(
            "this line is no `key: value`",
            "is a `:` missing, or quotes around the value above?",
        ),
        E::BlockSequenceEntryNotAllowed => {
            say("a list cannot begin on the line of its key", "put `- …` on the next line")
        }
        E::RecursionLimitExceeded => say("values are nested too deeply", ""),
        other => (format!("not YAML: {other}"), ""),
    }
}

fn span(file: u32, start: usize, end: usize) -> Span {
    let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}
