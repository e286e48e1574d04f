//! All of the plugins in one program: a dump in, a CSV file and tables out.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

/// A copy of the dump and its spec, to change.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        fs::create_dir(dir.path().join("dump")).unwrap();
        for file in ["dump.yaml", "dump/issues.jsonl"] {
            fs::copy(here.join(file), dir.path().join(file)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the program says.
    #[track_caller]
    fn scrape(&self, args: &[&str]) -> String {
        let ran = Command::new(env!("CARGO_BIN_EXE_my-scrape"))
            .args(args)
            .current_dir(self.dir.path())
            .env("SCRAPE_STATE_DIR", self.path("state"))
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(0), "{said}");
        String::from_utf8(ran.stdout).unwrap() + &said
    }
}

/// The rows of a table: primary key, task, number of the example, row.
fn rows(database: &Path, table: &str) -> Vec<(String, Option<String>, u32, Value)> {
    let connection = Connection::open(database).unwrap();
    let query = format!(
        "SELECT primary_key, task, example, row FROM {table} ORDER BY CAST(primary_key AS INTEGER)"
    );
    let mut rows = connection.prepare(&query).unwrap();
    let rows = rows.query_map([], |row| {
        let text: String = row.get(3)?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, serde_json::from_str(&text).unwrap()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_dump_on_disk_becomes_a_file_and_tables() {
    let bench = Bench::new();
    bench.scrape(&["run", "dump.yaml", "-o", "out"]);
    let expected = "\
key,title,body,labels
DEMO-1,Login fails with a plus in the address,\"Signing in as <email> fails.
Reported to help@example.org.\",login; email
DEMO-2,\"Export, \"\"quoted\"\", breaks\",\"A title with quotes, and a comma, breaks the export.\",
DEMO-3,Search is slow,\"It takes ten seconds to find anything in 10,000 issues.\",performance
DEMO-4,Typo in the manual,\"\"\"recieve\"\" in chapter 2.\",
DEMO-10,Größe is cut,,i18n
";
    assert_eq!(fs::read_to_string(bench.path("out/issues.csv")).unwrap(), expected);
    let issues = rows(&bench.path("out/issues.db"), "issues");
    let keys: Vec<_> = issues.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(keys, ["1", "2", "3", "4", "10"]);
    assert_eq!(issues[4].3["title"], "Größe is cut");
    let titles = rows(&bench.path("out/titles.db"), "rows");
    assert_eq!(titles.len(), 4);
    assert_eq!(titles[2].1.as_deref(), Some("titles"));
    assert_eq!(titles[2].3["completion"], "Search is slow");
}

#[test]
fn list_shows_them_beside_those_of_the_program() {
    let listed = Bench::new().scrape(&["list"]);
    for name in [
        "fetch-file 0.1.0",
        "sink-csv 0.1.0",
        "sink-sqlite 0.1.0",
        "transform-redact 0.1.0",
        "scrape-sink-jsonl",
    ] {
        assert!(listed.contains(name), "{name}\n{listed}");
    }
}
