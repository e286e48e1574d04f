//! Whether what a model is to produce stands in what it is given.

use serde_json::Value;

use crate::plan::Path;
use crate::plan::phrase::Phrase;

/// Shorter targets are found in any text by chance.
const MIN_WORDS: usize = 3;

/// A target that stands in the input.
#[derive(Debug, Clone, Copy)]
pub struct Leak<'e> {
    /// The text leaf of the target.
    pub target: &'e Value,
    /// The text leaf of the rest of the example that it stands in.
    pub input: &'e Value,
}

/// Whether a text leaf below one of the `target` paths stands, at word boundaries and
/// whatever case and punctuation, in a text leaf of the rest of the example. Targets of fewer
/// than three words are not looked for.
pub fn leaks(example: &Value, target: &[Path]) -> bool {
    leak(example, target).is_some()
}

/// The first leak of an example, as [`leaks`] looks for it.
pub fn leak<'e>(example: &'e Value, target: &[Path]) -> Option<Leak<'e>> {
    // The places of the targets: an example is not changed while it is read.
    let roots: Vec<*const Value> =
        target.iter().flat_map(|path| path.all(example)).map(std::ptr::from_ref).collect();
    let mut phrases = Vec::new();
    let none: Option<()> = leaves(example, &roots, false, &mut |leaf, text, wanted| {
        if wanted {
            phrases.extend(Phrase::of_words(text, MIN_WORDS).map(|phrase| (phrase, leaf)));
        }
        None
    });
    // Most targets are labels: then the long texts need no look.
    if none.is_some() || phrases.is_empty() {
        return None;
    }
    leaves(example, &roots, false, &mut |input, text, wanted| {
        if wanted {
            return None;
        }
        let found = phrases.iter().find(|(phrase, _)| phrase.is_in(text));
        found.map(|(_, target)| Leak { target, input })
    })
}

/// Calls `each` for all text leaves, with whether they are below a root, until it
/// gives something.
fn leaves<'e, T>(
    value: &'e Value,
    roots: &[*const Value],
    wanted: bool,
    each: &mut dyn FnMut(&'e Value, &'e str, bool) -> Option<T>,
) -> Option<T> {
    let wanted = wanted || roots.contains(&std::ptr::from_ref(value));
    match value {
        Value::String(text) => each(value, text, wanted),
        Value::Array(items) => items.iter().find_map(|v| leaves(v, roots, wanted, each)),
        Value::Object(map) => map.values().find_map(|v| leaves(v, roots, wanted, each)),
        _ => None,
    }
}

/// Where a part of a value stands in it: `$.prompt[1].content`.
pub fn place_of(whole: &Value, part: &Value) -> Option<String> {
    fn search(at: &Value, part: &Value, path: &mut String) -> bool {
        if std::ptr::eq(at, part) {
            return true;
        }
        let length = path.len();
        let mut below = |step: String, value: &Value| {
            path.push_str(&step);
            let found = search(value, part, path);
            if !found {
                path.truncate(length);
            }
            found
        };
        match at {
            Value::Array(items) => {
                items.iter().enumerate().any(|(n, value)| below(format!("[{n}]"), value))
            }
            Value::Object(map) => map.iter().any(|(name, value)| below(format!(".{name}"), value)),
            _ => false,
        }
    }
    let mut path = String::from("$");
    search(whole, part, &mut path).then_some(path)
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
    fn a_leak_is_told_by_its_places() {
        let example = json!({ "in": [{ "text": "x" }, { "text": "so one two three" }], "out": "one two three" });
        let found = leak(&example, &paths(&["$.out"])).unwrap();
        assert_eq!(place_of(&example, found.target).as_deref(), Some("$.out"));
        assert_eq!(place_of(&example, found.input).as_deref(), Some("$.in[1].text"));
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
