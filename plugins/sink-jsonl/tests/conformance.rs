//! The contract of sinks and of plugins.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::Path;

use scrape_api::Kind;
use scrape_api::conformance::{self, SinkSuite};
use scrape_api::serde_json::{self, Value, json};
use scrape_sink_jsonl as _;

fn suite(path: &'static str) -> SinkSuite {
    SinkSuite::registered("jsonl", json!({ "path": path }))
        .read_back(move |dir| lines(&dir.join(path)))
}

fn lines(path: &Path) -> Vec<Value> {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
        "zst" => zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap(),
        _ => (&bytes[..]).read_to_string(&mut text).unwrap(),
    };
    assert!(text.is_empty() || text.ends_with('\n'));
    text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn plain() {
    suite("deep/er/rows.jsonl").check();
}

#[test]
fn gzip() {
    suite("rows.jsonl.gz").check();
}

#[test]
fn zstandard() {
    suite("./rows.jsonl.zst").check();
}

#[test]
fn description() {
    conformance::registered(Kind::Sink, "jsonl").expect_sound();
}
