//! What differs between two JSON values, as people read it: leaf by leaf, and
//! inside a text line by line and word by word.

use std::fmt::Write as _;

use console::Style;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::observe::words::printable;

/// The most leaves of one value that are shown.
const LEAVES: usize = 6;

/// The most lines of one leaf.
const LINES: usize = 16;

/// Unchanged lines around a change.
const CONTEXT: usize = 1;

/// An unchanged part of a line that is longer, in characters, is cut to its ends.
const SAME: usize = 72;

/// A changed part that is longer is cut at its end.
const CHANGED: usize = 400;

/// Colours, or none.
pub struct Palette {
    gone: Style,
    gone_word: Style,
    new: Style,
    new_word: Style,
    place: Style,
    head: Style,
}

impl Palette {
    /// With colours or without.
    pub fn new(color: bool) -> Self {
        let style = || Style::new().force_styling(color);
        Self {
            gone: style().red(),
            gone_word: style().red().bold().underlined(),
            new: style().green(),
            new_word: style().green().bold().underlined(),
            place: style().cyan(),
            head: style().bold(),
        }
    }

    /// A headline.
    pub fn head(&self, text: &str) -> String {
        self.head.apply_to(text).to_string()
    }
}

/// What differs, as indented lines. One of the two may be missing.
pub fn difference(before: Option<&Value>, after: Option<&Value>, palette: &Palette) -> String {
    let mut leaves = Vec::new();
    compare("$", before, after, &mut leaves);
    let mut out = String::new();
    for (path, before, after) in leaves.iter().take(LEAVES) {
        let _ = writeln!(out, "  {}", palette.place.apply_to(printable(path)));
        leaf(*before, *after, palette, &mut out);
    }
    if leaves.is_empty() && before.is_some() {
        out.push_str("  (keys in another order)\n");
    }
    if leaves.len() > LEAVES {
        let _ = writeln!(out, "  … and {} places more", leaves.len() - LEAVES);
    }
    out
}

/// A place, with what is there in each.
type Leaf<'v> = (String, Option<&'v Value>, Option<&'v Value>);

fn compare<'v>(
    path: &str,
    before: Option<&'v Value>,
    after: Option<&'v Value>,
    found: &mut Vec<Leaf<'v>>,
) {
    // Of what is there in one of the two only, each part is told as well.
    match (before, after) {
        (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None) => {
            let keys = |value: Option<&'v Value>| {
                value.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys)
            };
            let part = |value: Option<&'v Value>, key: &str| value.and_then(|value| value.get(key));
            let new = keys(after).filter(|key| part(before, key).is_none());
            for key in keys(before).chain(new) {
                compare(&format!("{path}.{key}"), part(before, key), part(after, key), found);
            }
        }
        (Some(Value::Array(_)) | None, Some(Value::Array(_)) | None) => {
            let items = |value: Option<&'v Value>| {
                value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
            };
            let (a, b) = (items(before), items(after));
            for n in 0..a.len().max(b.len()) {
                compare(&format!("{path}[{n}]"), a.get(n), b.get(n), found);
            }
        }
        (Some(a), Some(b)) if a == b => {}
        (before, after) => found.push((path.to_owned(), before, after)),
    }
}

fn leaf(before: Option<&Value>, after: Option<&Value>, palette: &Palette, out: &mut String) {
    if let (Some(Value::String(before)), Some(Value::String(after))) = (before, after) {
        return text(before, after, palette, out);
    }
    match (before, after) {
        (Some(Value::String(before)), None) if before.contains('\n') => {
            return text(before, "", palette, out);
        }
        (None, Some(Value::String(after))) if after.contains('\n') => {
            return text("", after, palette, out);
        }
        _ => {}
    }
    for (sign, value, style) in [("-", before, &palette.gone), ("+", after, &palette.new)] {
        if let Some(value) = value {
            let line = cut(&printable(&value.to_string()));
            let _ = writeln!(out, "  {}", style.apply_to(format!("{sign} {line}")));
        }
    }
}

fn text(before: &str, after: &str, palette: &Palette, out: &mut String) {
    // What is shown holds nothing that a terminal obeys but the colours.
    let (before, after) = (&*printable(before), &*printable(after));
    let diff = TextDiff::from_lines(before, after);
    let mut lines = 0;
    for (n, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if n > 0 {
            out.push_str("    …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            if lines == LINES {
                out.push_str("    …\n");
                return;
            }
            lines += 1;
            let (sign, plain, strong) = match change.tag() {
                ChangeTag::Equal => (" ", None, None),
                ChangeTag::Delete => ("-", Some(&palette.gone), Some(&palette.gone_word)),
                ChangeTag::Insert => ("+", Some(&palette.new), Some(&palette.new_word)),
            };
            let mut line = styled(plain, &format!("{sign} "));
            // Words that differ are marked where there are others beside them.
            let marked = change.values().iter().any(|(emphasised, _)| *emphasised);
            for (emphasised, part) in change.values() {
                let part = part.trim_end_matches('\n');
                let part = match (emphasised, marked || change.tag() == ChangeTag::Equal) {
                    (false, true) => shortened(part),
                    _ => cut(part),
                };
                line.push_str(&styled(if *emphasised { strong } else { plain }, &part));
            }
            let _ = writeln!(out, "  {}", line.trim_end());
        }
    }
    if before.trim_end_matches('\n') == after.trim_end_matches('\n') {
        out.push_str("    (line ends at the end)\n");
    }
}

fn styled(style: Option<&Style>, text: &str) -> String {
    match style {
        Some(style) if !text.is_empty() => style.apply_to(text).to_string(),
        _ => text.to_owned(),
    }
}

/// The two ends of a long text.
fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= SAME {
        return text.to_owned();
    }
    let head: String = text.chars().take(SAME / 2).collect();
    let tail: String = text.chars().skip(length - SAME / 2).collect();
    format!("{head} … {tail}")
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(CHANGED) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(before: &Value, after: &Value) -> String {
        difference(Some(before), Some(after), &Palette::new(false))
    }

    #[test]
    fn only_what_differs_is_shown_leaf_by_leaf() {
        let before = json!({ "a": [1, { "b": "x" }], "same": "s", "old": null });
        let after = json!({ "a": [1, { "b": 2 }, 3], "same": "s" });
        assert_eq!(
            plain(&before, &after),
            "  $.a[1].b\n  - \"x\"\n  + 2\n  $.a[2]\n  + 3\n  $.old\n  - null\n"
        );
    }

    #[test]
    fn of_a_new_example_each_part_is_shown() {
        let shown = difference(None, Some(&json!({ "a": [{ "b": "x" }] })), &Palette::new(false));
        assert_eq!(shown, "  $.a[0].b\n  + \"x\"\n");
        let text = json!({ "text": "one\ntwo" });
        let shown = difference(Some(&text), None, &Palette::new(false));
        assert_eq!(shown, "  $.text\n  - one\n  - two\n");
    }

    #[test]
    fn a_long_text_is_shown_around_its_change() {
        let words = "word ".repeat(400);
        let before = json!(format!("first\n{words}apples {words}\nlast\nend"));
        let after = json!(format!("first\n{words}pears {words}\nlast\nend"));
        let shown = plain(&before, &after);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[..2], ["  $", "    first"]);
        assert!(
            lines[2].starts_with("  - word ") && lines[2].contains("word apples word"),
            "{shown}"
        );
        assert!(
            lines[3].starts_with("  + word ") && lines[3].contains("word pears word"),
            "{shown}"
        );
        assert_eq!(lines[4..], ["    last"]);
        assert!(lines.iter().all(|line| line.len() < 200), "{shown}");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_came_from_a_server() {
        let shown = plain(&json!({ "\u{1b}k": "a\u{1b}[2Jb" }), &json!({ "\u{1b}k": "\u{202e}" }));
        assert_eq!(shown, "  $.␛k\n  - a␛[2Jb\n  + \u{fffd}\n");
    }

    #[test]
    fn colour_marks_the_words() {
        let palette = Palette::new(true);
        let shown = difference(Some(&json!("one two")), Some(&json!("one three")), &palette);
        assert!(shown.contains("\u{1b}[31m"), "{shown:?}");
        let without = console::strip_ansi_codes(&shown).into_owned();
        assert_eq!(without, plain(&json!("one two"), &json!("one three")));
        assert_eq!(without, "  $\n  - one two\n  + one three\n");
    }
}
