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

impl Bench {
    fn change(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    /// What the build put and removed, sink by sink.
    fn build(&self) -> Vec<String> {
        let said = self.scrape(&["build", "dump.yaml", "-o", "out", "-v"]);
        let told = said.lines().filter_map(|line| line.split_once("sink ")).map(|(_, told)| told);
        told.map(str::to_owned).collect()
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

/// The examples that `list` shows work.
#[test]
fn each_example_is_a_part_of_a_spec() {
    let bench = Bench::new();
    let minimal = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/minimal.yaml");
    let data: Vec<Value> =
        serde_json::from_str(&bench.scrape(&["list", "--format", "json"])).unwrap();
    assert_eq!(data.len(), 9);
    for plugin in data {
        let example = plugin["example"].as_str().unwrap();
        let text = format!("extends: {minimal}\n{example}\n");
        fs::write(bench.path("example.yaml"), text).unwrap();
        bench.scrape(&["validate", "example.yaml"]);
    }
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

#[test]
fn a_table_is_fed_with_what_changed_and_nothing_else() {
    let bench = Bench::new();
    bench.scrape(&["run", "dump.yaml", "-o", "out"]);
    let same = ["issues: 0 of 5 rows put, 0 removed", "titles/titles: 0 of 4 rows put, 0 removed"];
    assert_eq!(bench.build(), same);

    // Another text in one record, which is in both tables.
    bench.change("dump.yaml", "type: redact,", "type: redact, replacement: NOBODY,");
    let one = ["issues: 1 of 5 rows put, 0 removed", "titles/titles: 1 of 4 rows put, 0 removed"];
    assert_eq!(bench.build(), one);
    let issues = rows(&bench.path("out/issues.db"), "issues");
    assert!(issues[0].3["body"].as_str().unwrap().contains("as NOBODY fails"));
    assert_eq!(issues.len(), 5);

    // Examples that are no longer made.
    bench.change("dump.yaml", "length > 20", "length > 53");
    let fewer = ["issues: 0 of 5 rows put, 0 removed", "titles/titles: 0 of 2 rows put, 2 removed"];
    assert_eq!(bench.build(), fewer);
    assert_eq!(rows(&bench.path("out/titles.db"), "rows").len(), 2);

    // A table that somebody removed, and one in another place.
    fs::remove_file(bench.path("out/titles.db")).unwrap();
    bench.change("dump.yaml", "issues.db", "other.db");
    let again = ["issues: 5 of 5 rows put, 0 removed", "titles/titles: 2 of 2 rows put, 0 removed"];
    assert_eq!(bench.build(), again);
    assert_eq!(rows(&bench.path("out/titles.db"), "rows").len(), 2);
    assert_eq!(rows(&bench.path("out/other.db"), "issues"), issues);

    // Back to the first: what it holds is still known.
    bench.change("dump.yaml", "other.db", "issues.db");
    assert_eq!(bench.build()[0], same[0]);

    // A table of another run in its place.
    fs::copy(bench.path("out/other.db"), bench.path("out/issues.db")).unwrap();
    assert_eq!(bench.build()[0], "issues: 5 of 5 rows put, 0 removed");
}

/// Killed after the sink has committed and before the engine has written that down: the
/// table is new, the engine's books are those of before.
#[test]
fn rows_that_were_confirmed_and_not_written_down_are_sent_again() {
    let bench = Bench::new();
    bench.scrape(&["run", "dump.yaml", "-o", "out"]);
    fs::copy(bench.path("out/store.db"), bench.path("before.db")).unwrap();
    bench.change("dump.yaml", "length > 20", "length > 53");
    bench.change("dump.yaml", "type: redact,", "type: redact, replacement: NOBODY,");
    let changed =
        ["issues: 1 of 5 rows put, 0 removed", "titles/titles: 1 of 2 rows put, 2 removed"];
    assert_eq!(bench.build(), changed);
    let tables = || {
        let issues = rows(&bench.path("out/issues.db"), "issues");
        (issues, rows(&bench.path("out/titles.db"), "rows"))
    };
    let expected = tables();
    fs::copy(bench.path("before.db"), bench.path("out/store.db")).unwrap();
    assert_eq!(bench.build(), changed);
    assert_eq!(tables(), expected);
}

/// Killed after each commit and each call of a sink, and resumed: the file and the rows
/// of both tables are those of an undisturbed run.
#[test]
fn a_kill_at_any_step_costs_no_row() {
    let bench = Bench::new();
    bench.scrape(&["run", "dump.yaml", "--record", "dump.har", "-o", "out"]);
    let test =
        "cases:\n  - { name: the dump, replay: dump.har, expect: { counts: { records: 5 } } }";
    fs::write(bench.path("dump.test.yaml"), test).unwrap();
    let said = bench.scrape(&["test", "dump.yaml", "--crash"]);
    let lines: Vec<&str> =
        said.lines().map(|line| line.split(" (").next().unwrap().trim_start()).collect();
    let killed = lines[1].strip_prefix("ok   dump.yaml: the dump, killed ").unwrap();
    let times: u32 = killed.strip_suffix(" times and resumed").unwrap().parse().unwrap();
    assert!(times > 20, "{said}");
    assert_eq!(
        lines[2..],
        [
            "issues.db, table issues_target is not compared: it differs from run to run",
            "titles.db, table rows_target is not compared: it differs from run to run",
            "2 tests passed, 0 failed",
        ]
    );
}

/// The rows of a build that failed are not taken for confirmed.
#[test]
fn a_build_that_fails_confirms_nothing() {
    let bench = Bench::new();
    bench.change("dump.yaml", "path: issues.csv", "path: taken/issues.csv");
    fs::create_dir_all(bench.path("out")).unwrap();
    bench.scrape(&["run", "dump.yaml", "-o", "out"]);
    bench.change("dump.yaml", "type: redact,", "type: redact, replacement: NOBODY,");
    fs::remove_dir_all(bench.path("out/taken")).unwrap();
    fs::write(bench.path("out/taken"), "a file").unwrap();
    let failed = Command::new(env!("CARGO_BIN_EXE_my-scrape"))
        .args(["build", "dump.yaml", "-o", "out"])
        .current_dir(bench.dir.path())
        .env("SCRAPE_STATE_DIR", bench.path("state"))
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(1));
    fs::remove_file(bench.path("out/taken")).unwrap();
    assert_eq!(bench.build()[0], "issues: 1 of 5 rows put, 0 removed");
}
