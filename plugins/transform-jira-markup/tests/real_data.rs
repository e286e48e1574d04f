//! Every description and comment of recorded issues, where such data is at hand.

#![allow(clippy::print_stdout)] // says that it was skipped

mod support;

use std::fs;
use std::path::Path;

use scrape_api::Value;
use scrape_transform_jira_markup::{Options, to_markdown};
use support::{first_lost, visible_words, words};

#[test]
fn recorded_issues_lose_nothing() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/jira-dc");
    let mut texts = Vec::new();
    for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "jsonl") {
            let lines = fs::read_to_string(entry.path()).expect("recorded issues are text");
            lines.lines().for_each(|line| collect(line, &mut texts));
        }
    }
    if texts.is_empty() {
        println!("skipped: no recorded issues in ../shared/data/jira-dc");
        return;
    }
    let (mut count, mut blocks, mut lost) = (0, 0, Vec::new());
    for text in &texts {
        let got = to_markdown(text, &Options::default());
        let expected = visible_words(text);
        count += expected.len();
        if let Some(word) = first_lost(&expected, &words(&got)) {
            lost.push(format!("the word {word:?} of {text:?}\nbecame {got:?}"));
        }
        for body in code_bodies(&text.replace("\r\n", "\n")) {
            blocks += 1;
            if !has_lines(&got, body) {
                lost.push(format!("the code {body:?}\nbecame {got:?}"));
            }
        }
    }
    println!("{} texts, {count} words, {blocks} code blocks", texts.len());
    assert!(lost.is_empty(), "{} losses, the first: {}", lost.len(), lost[0]);
}

/// The description and the comments of an issue.
fn collect(line: &str, texts: &mut Vec<String>) {
    let issue: Value = scrape_api::serde_json::from_str(line).expect("an issue a line");
    let fields = &issue["fields"];
    let comments = fields["comment"]["comments"].as_array().into_iter().flatten();
    let bodies = comments.map(|c| &c["body"]).chain([&fields["description"]]);
    texts.extend(bodies.filter_map(Value::as_str).map(str::to_owned));
}

/// Bodies of code blocks whose tags stand alone on their lines.
fn code_bodies(text: &str) -> Vec<&str> {
    let mut parts = text.split("{code");
    let mut bodies = Vec::new();
    parts.next();
    while let (Some(open), Some(close)) = (parts.next(), parts.next()) {
        let Some((params, body)) = open.split_once("}\n") else { return bodies };
        if !params.contains(['{', '\n', '}']) && close.starts_with('}') && body.ends_with('\n') {
            bodies.push(body.trim_end_matches('\n'));
        }
    }
    bodies
}

/// Whether the lines of `body` stand in `text` one below another, whatever a
/// list or a quote puts before them.
fn has_lines(text: &str, body: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    let body: Vec<&str> = body.split('\n').collect();
    lines.windows(body.len()).any(|w| w.iter().zip(&body).all(|(line, b)| line.ends_with(b)))
}
