//! Every description and comment of recorded issues, where such data is at hand.

#![allow(clippy::print_stdout)] // says that it was skipped

use std::fs;
use std::path::Path;

use scrape_api::Value;
use scrape_transform_normalize_text::{Options, normalize};

/// What the recorded texts hold of characters that show nothing.
fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace() || "\u{200b}\u{feff}\u{200e}".contains(c)
}

/// Without the colours of terminals, of which these texts have `ESC [ 31 m` alone.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once('m').expect("a colour").1)
}

#[test]
fn recorded_issues_keep_their_letters() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/jira-dc");
    let (mut count, mut changed) = (0, 0);
    for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
        if entry.path().extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        let lines = fs::read_to_string(entry.path()).expect("recorded issues are text");
        for line in lines.lines() {
            let issue: Value = scrape_api::serde_json::from_str(line).expect("an issue a line");
            let fields = &issue["fields"];
            let comments = fields["comment"]["comments"].as_array().into_iter().flatten();
            let bodies = comments.map(|c| &c["body"]).chain([&fields["description"]]);
            for text in bodies.filter_map(Value::as_str) {
                let got = normalize(text, &Options::default());
                let kept = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
                let visible: String =
                    uncoloured(text).chars().filter(|&c| !is_invisible(c)).collect();
                assert_eq!(kept(&visible), kept(&got), "{text:?}");
                assert!(!got.contains(['\r', '\u{a0}', '\u{200b}', '\u{feff}']), "{text:?}");
                count += 1;
                changed += usize::from(got != text);
            }
        }
    }
    if count == 0 {
        println!("skipped: no recorded issues in ../shared/data/jira-dc");
        return;
    }
    println!("{count} texts, {changed} changed");
}
