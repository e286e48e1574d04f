//! The path that was probably meant, for messages.

use serde_json::Value;

use super::expr::Step;
use crate::spec::closest;

/// Follows `steps` into `value` and, where they lead nowhere, names the nearest
/// path that exists: `$.fields.summary` for `$.fields.sumary`. `None` when the
/// path exists.
pub fn nearest(value: &Value, steps: &[Step]) -> Option<String> {
    let mut at = value;
    let mut walked = String::from("$");
    for step in steps {
        let next = match (step, at) {
            (Step::Name(name), Value::Object(map)) => match map.get(name) {
                Some(next) => next,
                None => {
                    return Some(match closest(name, map.keys().map(String::as_str)) {
                        Some(key) => format!("{walked}{}", name_step(key)),
                        None => walked,
                    });
                }
            },
            (Step::Index(index), Value::Array(items)) => match items.get(*index) {
                Some(next) => next,
                None => return Some(walked),
            },
            (Step::All, Value::Array(items)) => items.first()?,
            (Step::All, Value::Object(map)) => map.values().next()?,
            _ => return Some(walked),
        };
        walked.push_str(&match step {
            Step::Name(name) => name_step(name),
            Step::Index(index) => format!("[{index}]"),
            Step::All => String::from("[*]"),
        });
        at = next;
    }
    None
}

fn name_step(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if simple { format!(".{name}") } else { format!("['{}']", name.replace('\'', "\\'")) }
}
