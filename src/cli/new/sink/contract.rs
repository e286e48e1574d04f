//! What every sink keeps to. A check that fails says what was done, and what the contract is.

use std::fs;

// Links the crate into the test, and with it what it registers.
use my_name as _;

use scrape_api::Kind;
use scrape_api::conformance::{self, SinkSuite};
use scrape_api::serde_json::{self, json};

#[test]
fn it_keeps_the_contract_of_sinks() {
    SinkSuite::registered("my_name", json!({ "path": "out/rows.txt" }))
        // Compares what was written with what was given, row by row. Leave it out where the
        // sink keeps a part of a row.
        .read_back(|dir| {
            let text = fs::read_to_string(dir.join("out/rows.txt")).expect("the file");
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        })
        .check();
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Sink, "my_name").expect_sound();
}
