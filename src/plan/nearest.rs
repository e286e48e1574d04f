//! The path that was probably meant, for messages.

use serde_json::Value;

use super::expr::Step;
use crate::spec::{by_likeness, closest};

/// How many keys a message lists.
const LISTED: usize = 12;

/// Where a path stops to exist in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The nearest path that exists: `$.fields.summary` for `$.fields.sumary`, or
    /// what leads to the first step that is not there.
    pub path: String,
    /// The first step that is not there.
    pub step: usize,
    /// The key that is like that step; `path` ends with it.
    pub alike: Option<String>,
    /// The keys that are there instead, the most alike first.
    pub keys: Vec<String>,
}

impl Nearest {
    /// Nothing of the path exists, or nothing can be said about it.
    pub fn nothing() -> Self {
        Self { path: String::from("$"), step: 0, alike: None, keys: Vec::new() }
    }

    /// The keys that are there, for messages; `None` where there are none.
    pub fn listed(&self) -> Option<String> {
        let names: Vec<_> = self.keys.iter().take(LISTED).map(|k| format!("`{k}`")).collect();
        let more = match self.keys.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
    }
}

/// Follows `steps` into `value` and, where they lead nowhere, names the nearest
/// path that exists. `None` when the path exists.
pub fn nearest(value: &Value, steps: &[Step]) -> Option<Nearest> {
    let mut at = value;
    let mut walked = String::from("$");
    for (number, step) in steps.iter().enumerate() {
        let gone = |walked: &str, alike: Option<&str>| {
            let keys = at.as_object().into_iter().flat_map(|map| map.keys().cloned());
            let mut keys: Vec<String> = keys.collect();
            if let Step::Name(name) = step {
                by_likeness(name, &mut keys);
            }
            let path = format!("{walked}{}", alike.map_or(String::new(), name_step));
            let alike = alike.map(str::to_owned);
            Some(Nearest { path, step: number, alike, keys })
        };
        let next = match (step, at) {
            (Step::Name(name), Value::Object(map)) => match map.get(name) {
                Some(next) => next,
                None => return gone(&walked, closest(name, map.keys().map(String::as_str))),
            },
            (Step::Index(index), Value::Array(items)) => match items.get(*index) {
                Some(next) => next,
                None => return gone(&walked, None),
            },
            (Step::All, Value::Array(items)) => items.first()?,
            (Step::All, Value::Object(map)) => map.values().next()?,
            _ => return gone(&walked, None),
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

/// A name as a step of a path: `.name`, or `['a name']` where it has to be.
pub(super) fn name_step(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if simple { format!(".{name}") } else { format!("['{}']", name.replace('\'', "\\'")) }
}
