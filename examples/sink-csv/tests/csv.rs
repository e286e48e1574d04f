//! The sink in its own tests, and in its own program.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use scrape_api::conformance::{self, SinkSuite};
use scrape_api::serde_json::{Map, Value, json};
use scrape_api::{Kind, OutputDir, Row, RowKey, Sink};
use sink_csv::{Config, Csv};

/// The rows of a file, as objects of the header's names.
fn read(file: &Path) -> Vec<Value> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let names = reader.headers().unwrap().clone();
    let row = |cells: csv::StringRecord| -> Map<String, Value> {
        names.iter().zip(&cells).map(|(n, c)| (n.to_owned(), Value::from(c))).collect()
    };
    reader.records().map(|cells| Value::Object(row(cells.unwrap()))).collect()
}

#[test]
fn it_keeps_the_contract_of_sinks() {
    SinkSuite::registered("csv", json!({ "path": "out/rows.csv", "columns": ["id", "text"] }))
        .read_back(|dir| read(&dir.join("out/rows.csv")))
        .check();
}

#[test]
fn it_describes_itself() {
    conformance::registered(Kind::Sink, "csv").expect_sound();
}

#[test]
fn values_become_cells() {
    let dir = tempfile::tempdir().unwrap();
    let columns = ["text", "number", "list", "object", "missing"].map(str::to_owned).to_vec();
    let config = Config { path: "rows.csv".into(), columns, delimiter: ';' };
    let mut sink = Csv::new(config).unwrap();
    let row = json!({ "text": "a; \"b\"\nc", "number": 1.5, "list": ["x", 2, null], "object": {"a": [1]} });
    sink.open(&OutputDir::new(dir.path())).unwrap();
    sink.write(&[Row::new(RowKey::new("issues", "1"), row.to_string().into_bytes())]).unwrap();
    sink.finish().unwrap();
    sink.commit().unwrap();
    let expected = "text;number;list;object;missing\n\
                    \"a; \"\"b\"\"\nc\";1.5;\"x; 2; \";\"{\"\"a\"\":[1]}\";\n";
    assert_eq!(fs::read_to_string(dir.path().join("rows.csv")).unwrap(), expected);
}

#[test]
fn options_that_do_not_fit_are_named() {
    let config = |path: &str, columns: &[&str], delimiter| Config {
        path: path.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        delimiter,
    };
    for (config, option) in [
        (config("../rows.csv", &["id"], ','), "path"),
        (config("rows.csv", &[], ','), "columns"),
        (config("rows.csv", &["id"], '→'), "delimiter"),
        (config("rows.csv", &["id"], '"'), "delimiter"),
    ] {
        assert_eq!(Csv::new(config).err().unwrap().path, [option]);
    }
}

/// The program of src/main.rs runs the main job's recording into the sink.
#[test]
fn its_program_runs_a_spec_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let spec = format!(
        "extends: {}\nsinks: {{ table: {{ type: csv, from: records, path: issues.csv, columns: [key, title, labels] }} }}\n",
        engine.join("specs/apache-jira.yaml").display()
    );
    fs::write(dir.path().join("mine.yaml"), spec).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_sink-csv"))
        .args(["run", "mine.yaml", "-o", "out", "--replay"])
        .arg(engine.join("specs/recordings/apache-jira.har"))
        .current_dir(dir.path())
        .env("SCRAPE_STATE_DIR", dir.path().join("state"))
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let rows = read(&dir.path().join("out/issues.csv"));
    let lines = fs::read_to_string(dir.path().join("out/training_data.jsonl")).unwrap();
    assert_eq!(rows.len(), lines.lines().count());
    assert!(rows.iter().all(|row| row["key"].as_str().unwrap().contains('-')), "{rows:?}");
}
