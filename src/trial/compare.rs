//! What is expected against what came.

use serde_json::Value;

use crate::observe::words::counted;
use crate::spec::{Data, Span, Yaml};

/// Something that is not as expected.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Where it is expected.
    pub span: Span,
    /// What differs, in one sentence.
    pub message: String,
}

/// Compares a value with what is expected of it: of a map only the keys that are
/// named, of a list all items. `at` is how the value is called.
pub fn compare(expected: &Yaml, got: &Value, at: &str, findings: &mut Vec<Finding>) {
    match (&expected.data, got) {
        (Data::Map(entries), Value::Object(map)) => {
            for (key, value) in entries {
                let at = format!("{at}.{}", key.text);
                match map.get(&key.text) {
                    Some(got) => compare(value, got, &at, findings),
                    None => findings.push(Finding {
                        span: key.span,
                        message: format!("{at} is not there{}", near(&key.text, map.keys())),
                    }),
                }
            }
        }
        (Data::List(items), Value::Array(values)) if items.len() == values.len() => {
            for (number, (item, value)) in items.iter().zip(values).enumerate() {
                compare(item, value, &format!("{at}[{number}]"), findings);
            }
        }
        (Data::List(items), Value::Array(values)) => findings.push(Finding {
            span: expected.span,
            message: format!(
                "{at}: expected {}, got {}",
                counted(items.len() as u64, "item"),
                values.len()
            ),
        }),
        _ => {
            let wanted = expected.to_json();
            if wanted != *got {
                findings.push(Finding { span: expected.span, message: differ(at, &wanted, got) });
            }
        }
    }
}

/// Two values that differ. Long texts are shown from where they part.
pub fn differ(at: &str, wanted: &Value, got: &Value) -> String {
    if let (Value::String(wanted), Value::String(got)) = (wanted, got)
        && wanted.chars().count().max(got.chars().count()) > SHOWN
    {
        let same = wanted.chars().zip(got.chars()).take_while(|(a, b)| a == b).count();
        let from = same.saturating_sub(SHOWN / 4);
        let part = |text: &str| {
            let shown: String = text.chars().skip(from).take(SHOWN).collect();
            let head = if from > 0 { "…" } else { "" };
            let tail = if text.chars().count() > from + SHOWN { "…" } else { "" };
            format!("{head}{shown}{tail}").replace('\n', "⏎")
        };
        return format!(
            "{at}: differs from character {}:\n  expected {}\n  got      {}",
            same + 1,
            part(wanted),
            part(got)
        );
    }
    format!("{at}: expected {}, got {}", brief(wanted), brief(got))
}

/// Characters of a value that are shown.
const SHOWN: usize = 60;

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(2 * SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `; did you mean …?` where a name is like another.
pub fn near<'n>(name: &str, names: impl Iterator<Item = &'n String>) -> String {
    match crate::spec::closest(name, names.map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}
