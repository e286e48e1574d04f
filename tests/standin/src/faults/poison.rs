//! Spoils the text of one record.

use std::ops::Range;

use crate::json::{member, members, splice};

use super::kind::Fault;

/// Size of the text of [`Fault::HugeField`] in bytes.
const HUGE: usize = 5 << 20;
/// Depth of [`Fault::DeepNesting`]; readers commonly stop at 128.
const DEPTH: usize = 1_000;

/// The record with that fault. One that lacks the field which is to be spoilt stays whole.
pub(crate) fn spoil(fault: Fault, record: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(record) else {
        return record.to_vec();
    };
    let in_summary = |bytes: &[u8]| match member(text, &["fields", "summary"]) {
        Some(range) if text.as_bytes()[range.start] == b'"' => {
            insert(record, range.start + 1, bytes)
        }
        _ => record.to_vec(),
    };
    let set = |edits: Vec<(&str, String)>| {
        let found = edits
            .into_iter()
            .filter_map(|(name, new)| Some((member(text, &["fields", name])?, new)));
        splice(text, found.collect()).into_bytes()
    };
    match fault {
        Fault::InvalidUtf8 => in_summary(b"bad \xff\xfe \xc3( bytes "),
        Fault::LoneSurrogate => in_summary(br"lone \ud83d high \udc00 low "),
        Fault::RawControl => in_summary(b"raw \x01 \x0b \n control "),
        Fault::Nul => in_summary(br"nul \u0000 \u001b \u0008 \ufffe "),
        Fault::WrongTypes => set(vec![
            ("summary", "12345".into()),
            ("labels", "\"not-a-list\"".into()),
            ("created", "1700000000000".into()),
            ("status", "\"Open\"".into()),
            ("description", "{\"type\":\"doc\",\"content\":[]}".into()),
            ("assignee", "[]".into()),
        ]),
        Fault::Nulls => {
            splice(text, values(text).map(|range| (range, "null".into())).collect()).into_bytes()
        }
        Fault::HugeField => {
            let line = "0123456789 abcdefghijklmnopqrstuvwxyz tide store overflow line\\n";
            set(vec![("description", format!("\"{}\"", line.repeat(HUGE / line.len())))])
        }
        Fault::DeepNesting => {
            add(record, text, &format!("\"nested\":{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)))
        }
        Fault::DuplicateKeys => add(record, text, "\"summary\":\"the second\""),
        Fault::BigNumbers => {
            let numbers = "\"customfield_1\":9007199254740993,\"customfield_2\":\
                           123456789012345678901234567890,\"customfield_3\":4049.0";
            add(record, text, numbers)
        }
        Fault::OddKeys => {
            add(record, text, "\"toString\":1,\"__proto__\":{\"x\":2},\"$.x\":3,\"\":4")
        }
        Fault::BrokenJson => add(record, text, "\"broken\":tru"),
        _ => record.to_vec(),
    }
}

/// The values of all fields.
fn values(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let fields = member(text, &["fields"]).map_or(text.len(), |range| range.start);
    members(text, fields).map(|m| m.value)
}

fn insert(record: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&record[..at], bytes, &record[at..]].concat()
}

/// Adds a member to the fields; a record without fields stays as it is.
fn add(record: &[u8], text: &str, new: &str) -> Vec<u8> {
    match member(text, &["fields"]) {
        Some(range) if range.len() > 2 => {
            insert(record, range.end - 1, format!(",{new}").as_bytes())
        }
        _ => record.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str =
        r#"{"id":"1","key":"A-1","fields":{"summary":"s","labels":["a"],"description":null}}"#;

    #[test]
    fn each_fault_spoils_what_it_says() {
        let spoilt = |fault| spoil(fault, RECORD.as_bytes());
        let parses = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
        assert!(std::str::from_utf8(&spoilt(Fault::InvalidUtf8)).is_err());
        for fault in
            [Fault::LoneSurrogate, Fault::RawControl, Fault::DeepNesting, Fault::BrokenJson]
        {
            assert!(parses(&spoilt(fault)).is_err(), "{fault}");
        }
        let nul = parses(&spoilt(Fault::Nul)).expect("legal JSON");
        assert!(nul["fields"]["summary"].as_str().is_some_and(|s| s.contains('\0')));
        for fault in [Fault::DuplicateKeys, Fault::BigNumbers, Fault::OddKeys] {
            let spoilt = spoilt(fault);
            assert!(spoilt.len() > RECORD.len() && parses(&spoilt).is_ok(), "{fault}");
        }
        let wrong = parses(&spoilt(Fault::WrongTypes)).expect("legal JSON");
        assert!(wrong["fields"]["summary"].is_number() && wrong["fields"]["labels"].is_string());
        let nulls = parses(&spoilt(Fault::Nulls)).expect("legal JSON");
        assert!(
            nulls["fields"].as_object().is_some_and(|f| f.values().all(serde_json::Value::is_null))
        );
        let huge = spoilt(Fault::HugeField);
        assert!(huge.len() > 5_000_000 && parses(&huge).is_ok());
    }
}
