//! Two plugins of one name are an error that names both crates, not a matter of
//! which was linked first. This file is such a binary when it is called with
//! arguments of the program.

#![allow(clippy::print_stdout, reason = "the line that a test runner prints")]

use std::process::{Command, ExitCode};

use scrape_api::{Deserialize, JsonSchema, OptionsError, Transform, Value, Verdict};

struct Nothing;

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde")]
#[schemars(crate = "scrape_api::schemars")]
struct Config {}

impl Transform for Nothing {
    fn scope(&self) -> scrape_api::Scope {
        scrape_api::Scope::Value
    }

    fn apply(&self, _item: &mut Value) -> scrape_api::Result<Verdict> {
        Ok(Verdict::Keep)
    }
}

fn make(_config: Config) -> Result<Nothing, OptionsError> {
    Ok(Nothing)
}

scrape_api::register_transform! {
    name: "jira_markup",
    summary: "Takes the name of a built-in plugin.",
    config: Config,
    example: "transforms:\n  - { type: jira_markup, fields: [body] }",
    new: make,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|a| a == "validate") {
        return scrape::main();
    }
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/apache-jira.yaml");
    let me = std::env::current_exe().expect("this binary");
    let ran = Command::new(me).args(["validate", spec]).output().expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(
        said.contains("jira_markup") && said.contains("scrape-transform-jira-markup"),
        "{said}"
    );
    println!("1 passed, 0 failed");
    ExitCode::SUCCESS
}
