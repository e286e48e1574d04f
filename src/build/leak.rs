//! Whether what a model is to produce stands in what it is given.

use serde_json::Value;

use crate::plan::{Path, phrase};

/// Shorter targets are found in any text by chance.
const MIN_WORDS: usize = 3;

/// Whether a text leaf below one of the `target` paths stands, normalised and at
/// word boundaries, in a text leaf of the rest of the example. Targets of fewer
/// than three words are not looked for.
pub fn leaks(example: &Value, target: &[Path]) -> bool {
    // The places of the targets: an example is not changed while it is read.
    let roots: Vec<*const Value> =
        target.iter().flat_map(|path| path.all(example)).map(std::ptr::from_ref).collect();
    let mut phrases = Vec::new();
    leaves(example, &roots, false, &mut |text, wanted| {
        if wanted {
            let phrase = phrase::normalise(text);
            if phrase::words(&phrase) >= MIN_WORDS {
                phrases.push(phrase);
            }
        }
        false
    });
    // Most targets are labels: then the long texts need no look.
    !phrases.is_empty()
        && leaves(example, &roots, false, &mut |text, wanted| {
            !wanted && {
                let text = phrase::normalise(text);
                phrases.iter().any(|phrase| text.contains(phrase.as_str()))
            }
        })
}

/// Calls `each` for all text leaves, with whether they are below a root, until it
/// says true.
fn leaves(
    value: &Value,
    roots: &[*const Value],
    wanted: bool,
    each: &mut dyn FnMut(&str, bool) -> bool,
) -> bool {
    let wanted = wanted || roots.contains(&std::ptr::from_ref(value));
    match value {
        Value::String(text) => each(text, wanted),
        Value::Array(items) => items.iter().any(|v| leaves(v, roots, wanted, each)),
        Value::Object(map) => map.values().any(|v| leaves(v, roots, wanted, each)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;
    use serde_json::json;

    fn paths(texts: &[&str]) -> Vec<Path> {
        let span = Span { file: 0, start: 0, end: 0 };
        texts.iter().map(|t| Path::parse(t, span).unwrap()).collect()
    }

    #[test]
    fn a_target_in_the_input_is_found_whatever_its_case_and_punctuation() {
        for (input, target, expected) in [
            ("We see: Broker fails-to START.", "broker fails to start", true),
            ("[KAFKA-1] Broker `fails` to\nstart!", "Broker fails to start", true),
            ("BROKER FAILS TO STARTUP", "broker fails to start", false),
            ("subbroker fails to start", "broker fails to start", false),
            ("the broker fails, to a start", "broker fails to start", false),
            ("Ärger mit ÜBERLAUF im Puffer", "ärger mit überlauf", true),
            ("it is major", "major", false),
            ("a critical bug", "critical bug", false),
            ("a very critical bug", "very critical bug", true),
            ("", "broker fails to start", false),
            ("anything", "", false),
            ("... --- ...", "... --- ...", false),
        ] {
            let example = json!({ "input": input, "target": target });
            assert_eq!(leaks(&example, &paths(&["$.target"])), expected, "{input:?} {target:?}");
        }
    }

    #[test]
    fn leaves_are_compared_one_by_one() {
        let example = json!({
            "messages": [
                { "role": "user", "content": "how do I fix the broker" },
                { "role": "assistant", "content": "restart it now please" }
            ],
            "meta": { "id": "1" }
        });
        assert!(!leaks(&example, &paths(&["$.messages[1].content"])));
        let mut copied = example.clone();
        copied["meta"]["note"] = json!("He said: restart it now, please.");
        assert!(leaks(&copied, &paths(&["$.messages[1].content"])));
        // A phrase does not reach from one leaf into the next.
        let split = json!({ "in": ["broker fails", "to start"], "out": "broker fails to start" });
        assert!(!leaks(&split, &paths(&["$.out"])));
        // All leaves of a list or an object are targets, and no input of each other.
        let list = json!({ "in": "x", "out": ["one two three", "one two three four"] });
        assert!(!leaks(&list, &paths(&["$.out"])));
        let one = json!({ "in": "say one two three four", "out": { "a": ["one two three"] } });
        assert!(leaks(&one, &paths(&["$.out"])));
    }
}
