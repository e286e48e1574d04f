//! The contract of sinks, for one that puts rows by key.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use rusqlite::Connection;
use scrape_api::Kind;
use scrape_api::conformance::{self, SinkSuite};
use scrape_api::serde_json::{self, Value, json};
use sink_sqlite::{Config, Sqlite};

fn read(dir: &Path) -> Vec<Value> {
    let connection = Connection::open(dir.join("out/rows.db")).unwrap();
    let mut rows = connection.prepare("SELECT row FROM rows").unwrap();
    let texts = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
    texts.map(|text| serde_json::from_str(&text.unwrap()).unwrap()).collect()
}

#[test]
fn it_keeps_the_contract_of_sinks() {
    SinkSuite::registered("sqlite", json!({ "path": "out/rows.db" })).read_back(read).check();
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Sink, "sqlite").expect_sound();
}

#[test]
fn a_table_that_is_no_name_is_refused() {
    for table in ["", "a b", "1a", "a; DROP TABLE b"] {
        let config = Config { path: "rows.db".into(), table: table.into() };
        assert_eq!(Sqlite::new(config).err().unwrap().path, ["table"], "{table}");
    }
}
