//! The JSON Schemas of the language: fresh, true to what ships, and able to catch a
//! slip while it is typed.
//!
//! `SCRAPE_UPDATE=1 cargo test --test schema` writes them anew.

mod common;
#[path = "schema/reference.rs"]
mod reference;

use std::path::{Path, PathBuf};

use common::{Scrape, project};
use jsonschema::Validator;
use serde_json::Value;

/// The committed schemas, and what each is about.
const SCHEMAS: [(&str, &str); 3] = [
    ("specs/schema.json", "spec"),
    ("templates/schema.json", "task"),
    ("specs/test.schema.json", "test"),
];

fn schema(kind: &str) -> String {
    Scrape::new().run(&["schema", kind]).expect(0).stdout
}

fn validator(kind: &str) -> Validator {
    let schema: Value = serde_json::from_str(&schema(kind)).expect("JSON");
    jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{kind}: {e}"));
    jsonschema::validator_for(&schema).expect("a schema")
}

/// A YAML file as a validator sees it.
fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What is wrong with a value, one line each.
fn findings(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project().join(folder)).expect("a folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    for (name, kind) in SCHEMAS {
        let (path, text) = (project().join(name), schema(kind));
        if std::env::var_os("SCRAPE_UPDATE").is_some() {
            std::fs::write(&path, &text).expect("a file");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let line = committed.lines().zip(text.lines()).find(|(old, new)| old != new);
        assert!(
            committed == text,
            "{name} is stale (first at {line:?}): SCRAPE_UPDATE=1 cargo test --test schema"
        );
    }
}

#[test]
fn the_page_of_all_keys_is_fresh() {
    let parsed = |kind: &str| serde_json::from_str(&schema(kind)).expect("JSON");
    let text = reference::page(&[("A spec", parsed("spec")), ("A file of tests", parsed("test"))]);
    let path = project().join("docs/keys.md");
    if std::env::var_os("SCRAPE_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("a file");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/keys.md is stale: SCRAPE_UPDATE=1 cargo test --test schema");
    // Not a page of nothing: the deepest places, and keys of every kind of file.
    for wanted in [
        "### `streams.NAME.pagination.ranges`",
        "### `streams.NAME.map.NAME.transform`",
        "| `shrink_page` | `false` |",
        "| `leak` | needed |",
        "| `replay` | needed |",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
}

#[test]
fn what_ships_fits_the_schemas() {
    let [spec, task, test] = ["spec", "task", "test"].map(validator);
    let mut checked = [0; 3];
    for path in files("specs") {
        let is_test = path.to_string_lossy().ends_with(".test.yaml");
        let (number, validator) = if is_test { (2, &test) } else { (0, &spec) };
        assert_eq!(findings(validator, &yaml(&path)), [""; 0], "{}", path.display());
        checked[number] += 1;
    }
    for path in files("templates") {
        let value = yaml(&path);
        // The others are what a row of a sink looks like: any YAML.
        if value.get("example").is_some() {
            assert_eq!(findings(&task, &value), [""; 0], "{}", path.display());
            checked[1] += 1;
        }
    }
    assert!(checked >= [3, 4, 1], "{checked:?}");
}

#[test]
fn every_file_that_has_a_schema_names_it() {
    for path in files("specs").into_iter().chain(files("templates")) {
        let text = std::fs::read_to_string(&path).expect("a file");
        if path.parent().is_some_and(|p| p.ends_with("templates")) && !text.contains("\nexample:") {
            continue;
        }
        let first = text.lines().next().unwrap_or_default();
        let named = first.strip_prefix("# yaml-language-server: $schema=./").unwrap_or_default();
        let schema = path.with_file_name(named);
        assert!(!named.is_empty() && schema.is_file(), "{}: {first}", path.display());
    }
}

#[test]
fn slips_do_not_fit() {
    let validator = validator("spec");
    let minimal = std::fs::read_to_string(project().join("specs/minimal.yaml")).expect("a spec");
    for (right, wrong) in [
        ("    records:", "    recrods:"),
        ("    records:", "    # records:"),
        ("type: keyset", "type: keysett"),
        ("type: keyset", "type: offset"),
        ("type: keyset, after: $.key", "type: keyset"),
        ("rate_limit:", "rate_limits:"),
        ("type: url", "type: urll"),
        ("type: string, short: p, default: KAFKA", "type: int, default: KAFKA"),
        ("per: 1s", "per: 1 fortnight"),
        ("from: records", "from: record"),
        ("type: jsonl", "type: jsonll"),
        ("limit: 100", "limit: many"),
        (", path: issues.jsonl", ""),
        ("path: issues.jsonl", "path: issues.jsonl, pth: x"),
        ("required: true, help", "required: sometimes, help"),
        ("path: $.key, required: true", "path: $.key, requird: true"),
    ] {
        assert!(minimal.contains(right), "{right}");
        let value: Value = serde_yaml::from_str(&minimal.replace(right, wrong)).expect("YAML");
        assert!(!findings(&validator, &value).is_empty(), "{wrong} is taken for right");
    }
}

#[test]
fn misspelt_keys_of_the_corpus_do_not_fit() {
    let validator = validator("spec");
    let mut caught = 0;
    for path in files("tests/bad_specs") {
        let said = std::fs::read_to_string(path.with_extension("stderr")).unwrap_or_default();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // What stands in another file is not seen, nor what is no YAML.
        let Ok(value) = serde_yaml::from_str::<Value>(&text) else { continue };
        let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_here = said.contains(&format!(" {own}:"));
        if is_here && said.contains("error: unknown key") && !text.contains("file:") {
            assert!(!findings(&validator, &value).is_empty(), "{own} is taken for right");
            caught += 1;
        }
    }
    assert!(caught >= 8, "{caught}");
}
