//! Replies, taken apart.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{envelope, split};
use crate::http::Reply;
use crate::plan::{Path, is_json, outside_strings};
use crate::spec::Span;

/// Paths of records: plain ones, and one with a filter.
const PATHS: [&str; 5] = ["$.issues[*]", "$[*]", "$.a.b[*].c", "$.issues[1]", "$.issues[?@.id]"];

/// The records of a reply are those that a parser finds, byte for byte.
///
/// # Panics
/// Where it finds a mistake.
pub fn page(data: &[u8]) {
    let parsed = serde_json::from_slice::<Value>(data).ok();
    let parses = serde_json::from_slice::<IgnoredAny>(data).is_ok();
    assert_eq!(is_json(data), parses, "what is JSON and nothing else is taken");
    for text in PATHS {
        let path = Path::parse(text, Span { file: 0, start: 0, end: 0 }).expect("a path");
        let reply = Reply {
            status: 200,
            headers: Vec::new(),
            body: data.to_vec().into(),
            original: Some(data.to_vec().into()),
            packed: None,
            url: String::from("http://h.example/"),
            seq: 1,
            date: None,
        };
        let opened = envelope::open(&reply, envelope::Records::at(&path));
        let Some(steps) = path.steps() else { continue };
        split::first(data, steps);
        // Of members of one name a parser keeps the last alone.
        let Some(value) = parsed.as_ref().filter(|_| !has_doubles(data)) else { continue };
        let found = split::select(data, steps).expect("what is JSON can be followed");
        let found: Vec<Value> = (found.into_iter())
            .map(|place| serde_json::from_slice(&data[place]).expect("a record is JSON"))
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), path.all(value), "{text}");
        if let Ok(Ok(envelope)) = opened {
            assert_eq!(envelope.records.len(), found.len(), "{text}");
        }
    }
}

/// Whether a text may have two members of one name: fewer are left once it was read.
fn has_doubles(data: &[u8]) -> bool {
    fn members(value: &Value) -> usize {
        match value {
            Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
            Value::Array(items) => items.iter().map(members).sum(),
            _ => 0,
        }
    }
    let colons = outside_strings(data, b':');
    serde_json::from_slice::<Value>(data).is_ok_and(|value| members(&value) != colons)
}
