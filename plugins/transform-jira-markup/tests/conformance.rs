//! The contract of transforms and of plugins.

use scrape_api::conformance::{self, TransformSuite};
use scrape_api::{Kind, serde_json::json};
use scrape_transform_jira_markup as _;

#[test]
fn contract() {
    TransformSuite::registered("jira_markup", json!({}))
        .with([json!("h1. *a* {code}x{code}"), json!("||a||b||\n|c|d|"), json!("[~user] !a.png!")])
        .check();
}

#[test]
fn description() {
    conformance::registered(Kind::Transform, "jira_markup").expect_sound();
}
