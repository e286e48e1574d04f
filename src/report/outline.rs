//! A JSON value as people read it: one line a field, long text in a block of its
//! own, cut where it goes on for too long.

use serde_json::Value;

/// Characters of a text that are shown on one line.
const LINE: usize = 76;

/// Lines of a longer text that are shown.
const LINES: usize = 6;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The beginning of long texts and lists.
    Brief,
    /// Everything.
    Full,
}

/// Writes a value with `indent` spaces before each line.
pub fn outline(value: &Value, indent: usize, extent: Extent) -> String {
    let mut out = String::new();
    write(&mut out, value, indent, extent);
    out
}

fn write(out: &mut String, value: &Value, indent: usize, extent: Extent) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                entry(out, &format!("{key}:"), value, indent, extent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let most = if extent == Extent::Full { items.len() } else { LINES };
            for item in items.iter().take(most) {
                let start = out.len();
                match item {
                    // The first field of an object stands beside its dash.
                    Value::Object(map) if !map.is_empty() => {
                        write(out, item, indent + 2, extent);
                        out.replace_range(start + indent..=start + indent, "-");
                    }
                    item => entry(out, "-", item, indent, extent),
                }
            }
            if items.len() > most {
                line(out, indent, &format!("… {} items in all", items.len()));
            }
        }
        other => line(out, indent, &scalar(other, extent).unwrap_or_else(|| other.to_string())),
    }
}

fn entry(out: &mut String, name: &str, value: &Value, indent: usize, extent: Extent) {
    if let Some(text) = scalar(value, extent) {
        return line(out, indent, &format!("{name} {text}"));
    }
    line(out, indent, name);
    match value {
        Value::String(text) => block(out, text, indent + 2, extent),
        other => write(out, other, indent + 2, extent),
    }
}

/// A value that fits on a line.
fn scalar(value: &Value, extent: Extent) -> Option<String> {
    match value {
        Value::String(text) if text.contains('\n') || text.chars().count() > LINE => None,
        Value::String(text) if extent == Extent::Brief && !text.is_empty() => Some(text.clone()),
        Value::Object(map) if !map.is_empty() => None,
        Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => None,
        other => Some(other.to_string()).filter(|text| text.chars().count() <= LINE),
    }
}

fn block(out: &mut String, text: &str, indent: usize, extent: Extent) {
    if extent == Extent::Full {
        return text.lines().for_each(|l| line(out, indent, &format!("│ {l}")));
    }
    let mut cut = false;
    for (number, whole) in text.lines().enumerate() {
        if number == LINES {
            cut = true;
            break;
        }
        let mut shown: String = whole.chars().take(LINE).collect();
        if shown.len() < whole.len() {
            shown.push('…');
            cut = true;
        }
        line(out, indent, &format!("│ {shown}"));
    }
    if cut {
        let count = crate::observe::words::count(text.chars().count() as u64);
        line(out, indent, &format!("… {count} characters in all"));
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    out.push_str(&" ".repeat(indent));
    out.push_str(text);
    out.push('\n');
}
