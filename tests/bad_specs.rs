//! Wrong specs, each with the exact text of what is said about it. The files are
//! named for what is wrong with them.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Scrape, project};
use serde_json::Value;

/// The corpus, as `scrape validate` is called in its folder.
fn folder() -> PathBuf {
    project().join("tests/bad_specs")
}

fn validate(args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrape"));
    command.arg("validate").args(args).current_dir(folder()).output().expect("the program starts")
}

fn specs() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    names
}

/// `SCRAPE_BLESS=1` writes what is said as what is expected.
#[test]
fn wrong_specs_have_their_messages() {
    let names = specs();
    assert!(names.len() >= 100, "only {} specs in {}", names.len(), folder().display());
    let mut different = Vec::new();
    for name in names {
        let ran = validate(&[&name, "--quiet"]);
        let said = String::from_utf8(ran.stderr).expect("UTF-8");
        let code = if name.starts_with("warning_") { 0 } else { 2 };
        assert_eq!(ran.status.code(), Some(code), "{name}:\n{said}");
        assert!(ran.stdout.is_empty(), "{name}: stdout carries data only");
        let expected = folder().join(&name).with_extension("stderr");
        if std::env::var_os("SCRAPE_BLESS").is_some() {
            std::fs::write(&expected, &said).expect("a file");
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&said) {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_expected_text_has_its_spec() {
    let specs = specs();
    for entry in std::fs::read_dir(folder()).expect("the corpus") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "stderr") {
            let spec = path.with_extension("yaml");
            let name = spec.file_name().unwrap_or_default().to_string_lossy().into_owned();
            assert!(specs.contains(&name), "{} has no spec", path.display());
        }
    }
}

#[test]
fn as_data_each_finding_is_an_object_on_a_line_of_its_own() {
    let ran = validate(&["template_names.yaml", "extends_round.yaml", "--format", "json"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = String::from_utf8(ran.stdout).expect("UTF-8");
    let found: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(found.len(), 8, "{text}");
    let first = serde_json::json!({
        "severity": "error",
        "message": "`map` makes no field `titel`",
        "file": "template_names.yaml",
        "range": {
            "start": { "line": 17, "column": 21, "offset": 360 },
            "end": { "line": 17, "column": 26, "offset": 365 },
        },
        "hint": "did you mean `title`?",
        "notes": [],
    });
    assert_eq!(found[0], first);
    // The place is in the file where it stands.
    assert_eq!(found[7]["file"], "templates/round.yaml");
    for finding in &found {
        let keys: Vec<_> = finding.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(keys, ["severity", "message", "file", "range", "hint", "notes"]);
    }
    // Among the events of a log, a finding is one more event.
    let ran = validate(&["template_names.yaml", "--log-format", "json"]);
    let text = String::from_utf8(ran.stderr).expect("UTF-8");
    let event: Value = serde_json::from_str(text.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!((&event["event"], &event["level"]), (&"diagnostic".into(), &"error".into()));
    assert_eq!(event["range"], first["range"]);
}

/// What some editors put into a file is no mistake.
#[test]
fn byte_order_marks_and_other_line_ends_are_welcome() {
    let scrape = Scrape::new();
    let good = std::fs::read_to_string(project().join("specs/minimal.yaml")).expect("a spec");
    for (name, text) in [
        ("bom.yaml", format!("\u{feff}{good}")),
        ("crlf.yaml", good.replace('\n', "\r\n")),
        ("both.yaml", format!("\u{feff}---\r\n{}", good.replace('\n', "\r\n"))),
    ] {
        std::fs::write(scrape.dir().join(name), text).expect("a spec");
        let ran = scrape.run(&["validate", name, "-q"]).expect(0);
        assert_eq!(ran.stderr, "", "{name}");
    }
}

/// Whatever is cut out of a good spec, there is an answer, with a place in a file
/// that exists.
#[test]
fn a_spec_that_is_cut_anywhere_has_a_finding_with_a_place() {
    let scrape = Scrape::new();
    let good = std::fs::read_to_string(project().join("specs/minimal.yaml")).expect("a spec");
    let cuts: Vec<usize> =
        (1..good.len()).step_by(61).filter(|i| good.is_char_boundary(*i)).collect();
    let names: Vec<String> = cuts.iter().map(|cut| format!("cut{cut}.yaml")).collect();
    for (cut, name) in cuts.iter().zip(&names) {
        std::fs::write(scrape.dir().join(name), &good[..*cut]).expect("a spec");
    }
    let args: Vec<&str> = ["validate", "--format", "json"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let ran = scrape.run(&args).expect(2);
    for line in ran.stdout.lines() {
        let finding: Value = serde_json::from_str(line).expect("JSON");
        let file = finding["file"].as_str().expect("a file");
        let text = std::fs::read_to_string(scrape.dir().join(file)).expect("a file that exists");
        let offset = finding["range"]["end"]["offset"].as_u64().expect("an offset");
        assert!(offset as usize <= text.len(), "{line}");
        let words = finding["message"].as_str().expect("a message");
        assert!(!words.contains("not YAML"), "a raw message of the parser: {line}");
    }
    assert!(ran.stdout.lines().count() >= names.len(), "{}", ran.stdout);
}
