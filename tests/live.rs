//! The main job against Apache's own server. Off unless `SCRAPE_TEST_LIVE` is
//! set: it needs the network, and a handful of requests at one a second.

#![allow(clippy::print_stdout, reason = "the line that a test runner prints")]

mod common;

use common::{Scrape, lines, project};

#[test]
fn ten_issues_of_the_real_server() {
    if std::env::var_os("SCRAPE_TEST_LIVE").is_none() {
        println!("skipped: set SCRAPE_TEST_LIVE=1 to ask the real server");
        return;
    }
    let scrape = Scrape::new();
    let spec = project().join("specs/apache-jira.yaml").display().to_string();
    scrape.run(&["run", &spec, "-p", "KAFKA", "--limit", "10", "-o", "out"]).expect(0);
    assert_eq!(lines(&scrape.dir().join("out/training_data.jsonl")).len(), 10);
}
