//! A projection gives what the full tree gives.

use serde_json::{Map, Value, json};

use super::harness::path;
use crate::build::projection::Shape;
use crate::plan::{Path, Step, outside_strings};

/// Random values and paths over few names, so that paths often meet something.
struct Random(fastrand::Rng);

const NAMES: [&str; 6] = ["a", "b", "c d", "ü", "q\"uote", "sl/ash~"];

impl Random {
    fn value(&mut self, depth: u32) -> Value {
        match self.0.u32(0..if depth == 0 { 5 } else { 9 }) {
            0 => Value::Null,
            1 => self.0.bool().into(),
            2 => self.0.i64(-3..300).into(),
            3 => json!(self.0.f64()),
            4 => ["", "text", "a\n\"b\" \\ ü 🦀", "null"][self.0.usize(0..4)].into(),
            5 | 6 => (0..self.0.u32(0..4)).map(|_| self.value(depth - 1)).collect(),
            _ => (0..self.0.u32(0..5))
                .map(|_| (NAMES[self.0.usize(0..NAMES.len())].to_owned(), self.value(depth - 1)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    fn path(&mut self) -> Path {
        let mut text = String::from("$");
        for _ in 0..self.0.u32(0..4) {
            match self.0.u32(0..6) {
                0 | 1 => text.push_str("[*]"),
                2 => text.push_str(&format!("[{}]", self.0.u32(0..3))),
                _ => {
                    // The last two need escapes in a path; names come through `Step`.
                    text.push_str(&format!("['{}']", NAMES[self.0.usize(0..4)]));
                }
            }
        }
        path(&text)
    }
}

/// Whether a path leads somewhere in a full tree: the rule in words, once more.
fn leads_somewhere(value: &Value, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    match (step, value) {
        (_, Value::Null) => true,
        (Step::Name(n), Value::Object(map)) => map.get(n).is_some_and(|v| leads_somewhere(v, rest)),
        (Step::Index(i), Value::Array(items)) => {
            items.get(*i).is_some_and(|v| leads_somewhere(v, rest))
        }
        (Step::All, Value::Array(v)) => v.is_empty() || v.iter().any(|v| leads_somewhere(v, rest)),
        (Step::All, Value::Object(v)) => {
            v.is_empty() || v.values().any(|v| leads_somewhere(v, rest))
        }
        _ => false,
    }
}

#[test]
fn a_projection_gives_what_the_full_tree_gives() {
    let mut met = 0;
    for seed in 0..3000 {
        let mut random = Random(fastrand::Rng::with_seed(seed));
        let value = random.value(4);
        let paths: Vec<Path> = (0..random.0.usize(1..6)).map(|_| random.path()).collect();
        let mut shape = Shape::default();
        for path in &paths {
            shape.at(path.steps().unwrap()).keep();
        }
        shape.close();
        let text = if random.0.bool() {
            value.to_string()
        } else {
            serde_json::to_string_pretty(&value).unwrap()
        };
        let (known, spaced) = shape.project_known(&text).unwrap();
        let is_there = |byte| outside_strings(text.as_bytes(), byte) > 0;
        assert_eq!(spaced, is_there(b' ') || is_there(b'\n'), "{text}");
        let strict = shape.project(&text).unwrap();
        for (tree, path) in
            [&strict, &known].into_iter().flat_map(|t| paths.iter().map(move |p| (t, p)))
        {
            let steps = path.steps().unwrap();
            let mut found = Vec::new();
            let somewhere = tree.select(steps, &mut found);
            let found: Vec<Value> = found
                .into_iter()
                .map(|part| serde_json::from_str(part.text().unwrap()).unwrap())
                .collect();
            let what = format!("seed {seed}: {} in {value}", path.source());
            assert_eq!(json!(found), json!(path.all(&value)), "{what}");
            assert_eq!(somewhere, leads_somewhere(&value, steps), "{what}");
            for (position, part) in found.iter().enumerate() {
                let pointer = tree.pointer(steps, position);
                assert_eq!(value.pointer(&pointer), Some(part), "{what}: {pointer}");
            }
            met += found.len();
        }
    }
    assert!(met > 2000, "the paths hardly met anything: {met}");
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let mut shape = Shape::default();
    shape.at(path("$.a").steps().unwrap()).keep();
    let tree = shape.project(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
    let mut found = Vec::new();
    assert!(tree.select(path("$.a").steps().unwrap(), &mut found));
    assert_eq!(found.iter().map(|t| t.text()).collect::<Vec<_>>(), [Some("3")]);
}

#[test]
fn what_is_no_json_is_an_error_also_where_nobody_looks() {
    let mut shape = Shape::default();
    shape.at(path("$.a").steps().unwrap()).keep();
    for text in ["", "{", r#"{"a":1,"b":}"#, r#"{"a":1} {}"#, r#"{"b":[1,]}"#, r#"{"a":tru}"#] {
        assert!(shape.project(text).is_err(), "{text}");
    }
}

#[test]
fn of_what_is_known_to_be_json_what_is_wanted_is_looked_at_all_the_same() {
    let mut shape = Shape::default();
    shape.at(path("$.a").steps().unwrap()).keep();
    for text in ["", "{", r#"{"a":1,"b":}"#, r#"{"a":1} {}"#, r#"{"b":[1]"#, r#"{"a":tru}"#] {
        assert!(shape.project_known(text).is_err(), "{text}");
    }
    assert!(shape.project_known(r#"{"b":[1,],"a":1}"#).is_ok());
}
