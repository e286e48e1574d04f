//! Reading files: places, includes, `extends`, params.

use std::path::Path;

use serde_json::json;

use super::params::{self, FIXED_FLAGS};
use super::*;

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn loaded(files: &[(&str, &str)]) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), files);
    load(&dir.path().join(files[0].0), &[]).unwrap()
}

fn messages(diagnostics: Diagnostics) -> Vec<String> {
    diagnostics.sorted().into_iter().map(|d| d.message).collect()
}

/// What stands in the file at the place of a node.
fn source<'l>(loaded: &'l Loaded, node: &Yaml) -> &'l str {
    let text = &loaded.sources.get(node.span.file).unwrap().text;
    &text[node.span.start as usize..node.span.end as usize]
}

fn at<'y>(node: &'y Yaml, path: &str) -> &'y Yaml {
    path.split('.').fold(node, |node, key| match key.parse::<usize>() {
        Ok(index) => match &node.data {
            Data::List(items) => &items[index],
            _ => panic!("no list at {key}"),
        },
        Err(_) => node.get(key).unwrap(),
    })
}

const PLACES: &str = "\
# ü
plain: naïve text   # comment
'quoted': 'it''s'
flow: { a: [1, \"ü x\"], b: {c: $.x} }
block:
  - one
  - k: v
    l: w

literal: |
  first
    {{ second }}
folded: >-
  a
  b
empty:
last: \"a \\\" {{ x }}\"
";

#[test]
fn every_node_knows_its_place() {
    let loaded = loaded(&[("a.yaml", PLACES)]);
    for (path, expected) in [
        ("plain", "naïve text"),
        ("quoted", "'it''s'"),
        ("flow", "{ a: [1, \"ü x\"], b: {c: $.x} }"),
        ("flow.a", "[1, \"ü x\"]"),
        ("flow.a.1", "\"ü x\""),
        ("flow.b.c", "$.x"),
        ("block", "- one\n  - k: v\n    l: w"),
        ("block.1", "k: v\n    l: w"),
        ("literal", "first\n    {{ second }}\n"),
        ("folded", "a\n  b\n"),
        ("empty", ""),
        ("last", "\"a \\\" {{ x }}\""),
    ] {
        let node = at(&loaded.root, path);
        assert_eq!(source(&loaded, node), expected, "{path}");
    }
    let name = at(&loaded.root, "quoted").name;
    assert_eq!(loaded.sources.display(name).rsplit_once(".yaml").unwrap().1, ":3:1");
    assert_eq!(at(&loaded.root, "folded").scalar().unwrap().text, "a b");
}

#[test]
fn parts_of_a_text_are_found_in_the_file() {
    let loaded = loaded(&[("a.yaml", PLACES)]);
    let file = &loaded.sources.get(0).unwrap().text;
    for (path, part) in [
        ("plain", "text"),
        ("flow.a.1", "x"),
        ("literal", "second"),
        ("last", "{{ x }}"),
        ("quoted", "s"),
    ] {
        let node = at(&loaded.root, path);
        let scalar = node.scalar().unwrap();
        let start = scalar.text.find(part).unwrap();
        let place = scalar.place(node.span, file, start, start + part.len());
        assert_eq!(&file[place.start as usize..place.end as usize], part, "{path}");
    }
    // Where lines were folded, the whole is meant.
    let folded = at(&loaded.root, "folded");
    assert_eq!(folded.scalar().unwrap().place(folded.span, file, 2, 3), folded.span);
}

#[test]
fn scalars_keep_what_was_written() {
    let text =
        "[NO, yes, 012, 3.10, 1e3, 1_000, 0x1F, true, null, ~, 3.5, -7, '5', !!str 6, 2024-01-01]";
    let loaded = loaded(&[("a.yaml", text)]);
    assert_eq!(
        loaded.root.to_json(),
        json!([
            "NO",
            "yes",
            "012",
            "3.10",
            "1e3",
            "1_000",
            "0x1F",
            true,
            null,
            null,
            3.5,
            -7,
            "5",
            "6",
            "2024-01-01"
        ])
    );
}

#[test]
fn aliases_are_followed_within_bounds() {
    let loaded = loaded(&[("a.yaml", "a: &x { k: [1] }\nb: *x\n")]);
    assert_eq!(at(&loaded.root, "b").to_json(), json!({ "k": [1] }));
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let one = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![one; 10].join(", ")));
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("a.yaml", &bomb)]);
    let error = load(&dir.path().join("a.yaml"), &[]).unwrap_err();
    assert_eq!(messages(error.diagnostics), ["more than 100000 values in one file"]);
}

#[test]
fn a_file_is_laid_over_another() {
    let loaded = loaded(&[
        (
            "specs/over.yaml",
            "extends: ../base.yaml\na: { x: 2, gone: null }\nlist: [9]\nmore+: [3]\n+less: [0]\n\
             t: { file: t.yaml }\nnew+: [1]\n",
        ),
        (
            "base.yaml",
            "a: { x: 1, y: 1, gone: 1 }\nlist: [1, 2]\nmore: [1, 2]\nless: [1]\n\
             t: { file: base-t.yaml }\nkept: { file: text.md }\n",
        ),
        ("base-t.yaml", "from: base\nonly: base\n"),
        ("specs/t.yaml", "from: over\n"),
        ("text.md", "# {{ x }}\n"),
    ]);
    assert!(!loaded.diagnostics.has_errors());
    assert_eq!(
        loaded.root.to_json(),
        json!({
            "a": { "x": 2, "y": 1 }, "list": [9], "more": [1, 2, 3], "less": [0, 1],
            "t": { "from": "over" }, "kept": "# {{ x }}\n", "new": [1],
        })
    );
    let file = |path: &str| {
        let node = at(&loaded.root, path);
        loaded.sources.get(node.span.file).unwrap().path.file_name().unwrap().to_owned()
    };
    assert_eq!(file("a.y"), "base.yaml");
    assert_eq!(file("a.x"), "over.yaml");
    assert_eq!(file("kept"), "text.md");
}

#[test]
fn circles_end_at_the_place_that_closes_them() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            ("a.yaml", "extends: b.yaml\nx: 1\n"),
            ("b.yaml", "extends: c.yaml\ny: 1\n"),
            ("c.yaml", "z: { file: ./a.yaml }\n"),
        ],
    );
    let loaded = load(&dir.path().join("a.yaml"), &[]).unwrap();
    let found = loaded.diagnostics.sorted();
    assert_eq!(found.len(), 1);
    assert!(found[0].message.ends_with("a.yaml leads back to itself"), "{}", found[0].message);
    assert!(loaded.sources.display(found[0].span.unwrap()).ends_with("c.yaml:1:12"));
}

#[test]
fn secrets_are_not_read() {
    let loaded = loaded(&[("a.yaml", "secrets: { token: { file: /nowhere/token } }\n")]);
    assert!(!loaded.diagnostics.has_errors());
}

#[test]
fn a_file_that_is_none_says_why() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("spec.yaml", "a: 1\n")]);
    std::fs::write(dir.path().join("latin.yaml"), b"a: \xe4\n").unwrap();
    let error = |name: &str| {
        let found = load(&dir.path().join(name), &[]).unwrap_err().diagnostics.sorted();
        (found[0].message.clone(), found[0].hint.clone().unwrap_or_default())
    };
    let (message, hint) = error("spex.yaml");
    assert!(message.ends_with("there is no such file") && hint.contains("spec.yaml"));
    assert!(error("latin.yaml").0.contains("it is no UTF-8 text, as byte 0xE4 in line 1 shows"));
    assert!(error("").0.ends_with("it is a folder"));
}

fn decls(text: &str) -> Vec<ParamDecl> {
    let mut found = Diagnostics::default();
    let decls = params::declarations(&loaded(&[("a.yaml", text)]), &mut found);
    assert_eq!(messages(found), Vec::<String>::new());
    decls
}

#[test]
fn params_are_typed() {
    let decls = decls(
        "params:\n  keys: { type: list, pattern: '[A-Z]+', default: [NO, ON], short: k }\n  \
         n: { type: int }\n  on: { type: bool, default: true }\n  wait: { type: duration }\n  \
         base_url: { type: url, required: true }\n  level: { type: string, choices: [low, high] }\n",
    );
    let find = |name: &str| params::find(&decls, name).unwrap();
    assert_eq!(find("keys").default, Some(json!(["NO", "ON"])));
    assert_eq!(find("keys").parse(&["A,B", "C"]), Ok(json!(["A", "B", "C"])));
    assert!(find("keys").parse(&["A,b"]).unwrap_err().contains("`b` does not match"));
    assert_eq!(find("n").parse(&["1", "20"]), Ok(json!(20)));
    assert!(find("n").parse(&["2.5"]).unwrap_err().contains("whole number"));
    assert!(find("wait").parse(&["5"]).unwrap_err().contains("`5s`"));
    assert!(find("base-url").parse(&["example.org"]).is_err());
    assert!(find("level").parse(&["hihg"]).unwrap_err().contains("did you mean `high`?"));
    assert!(params::find(&decls, "lvel").unwrap_err().contains("did you mean `level`?"));
    assert_eq!(find("base_url").flag(), "base-url");

    let mut found = Diagnostics::default();
    let mut values = ParamValues::from_stored(
        json!({ "n": 7, "gone": 1, "on": false }).as_object().unwrap().clone(),
    );
    values.set(find("n"), &["8"]).unwrap();
    let resolved = values.resolve(&decls, &mut found);
    assert_eq!(resolved["n"], 8);
    assert_eq!(resolved["on"], false);
    assert_eq!(resolved["wait"], json!(null));
    assert!(!resolved.contains_key("gone"));
    assert_eq!(messages(found), ["the param `base_url` has no value"]);

    let mut found = Diagnostics::default();
    let values = ParamValues::stand_ins();
    assert_eq!(values.resolve(&decls, &mut found)["base_url"], "http://localhost");
    assert!(!found.has_errors());
}

#[test]
fn fixed_flags_are_taken() {
    for (long, short) in FIXED_FLAGS {
        let mut text = format!("params:\n  {}: {{ type: string }}\n", long.replace('-', "_"));
        if let Some(short) = short {
            text.push_str(&format!("  x: {{ type: string, short: {short} }}\n"));
        }
        let mut found = Diagnostics::default();
        params::declarations(&loaded(&[("a.yaml", &text)]), &mut found);
        assert_eq!(found.errors(), 1 + usize::from(short.is_some()), "{text}");
    }
}
