//! What the sink `jsonl` promises: whole files, readable, the same bytes.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2 as _;
use scrape_api::{Constructor, OptionsError, OutputDir, Row, RowKey, Sink, plugins};
use scrape_sink_jsonl as _;

fn make(path: &str) -> Result<Box<dyn Sink>, OptionsError> {
    let plugin = plugins().into_iter().find(|p| p.name == "jsonl").unwrap();
    let Constructor::Sink(new) = plugin.constructor else { panic!("no sink") };
    new(scrape_api::serde_json::json!({ "path": path }))
}

fn rows(texts: &[&str]) -> Vec<Row> {
    texts
        .iter()
        .map(|text| Row::new(RowKey::new("issues", "1"), text.as_bytes().to_vec()))
        .collect()
}

fn write_all(dir: &Path, path: &str, batches: &[&[&str]]) {
    let mut sink = make(path).unwrap();
    sink.open(&OutputDir::new(dir)).unwrap();
    for batch in batches {
        sink.write(&rows(batch)).unwrap();
    }
    sink.finish().unwrap();
    sink.commit().unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn rows_become_lines_in_plain_gz_and_zst() {
    let dir = tempfile::tempdir().unwrap();
    let expected = "{\"a\":1}\n{\"b\":\"é\"}\n[]\n";
    for path in ["deep/er/rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst"] {
        write_all(dir.path(), path, &[&["{\"a\":1}", "{\"b\":\"é\"}"], &[], &["[]"]]);
        let bytes = fs::read(dir.path().join(path)).unwrap();
        let mut text = String::new();
        match path.rsplit('.').next().unwrap() {
            "gz" => {
                flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            }
            "zst" => text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap(),
            _ => text = String::from_utf8(bytes).unwrap(),
        }
        assert_eq!(text, expected, "{path}");
    }
    assert_eq!(names(&dir.path().join("deep/er")), ["rows.jsonl"], "no temporary file stays");
}

#[test]
fn the_same_rows_give_the_same_bytes_whatever_the_batches() {
    let dir = tempfile::tempdir().unwrap();
    for suffix in ["", ".gz", ".zst"] {
        write_all(dir.path(), &format!("a{suffix}"), &[&["1", "2", "3"]]);
        write_all(dir.path(), &format!("b{suffix}"), &[&["1"], &["2"], &["3"]]);
        let [a, b] = ["a", "b"].map(|n| fs::read(dir.path().join(format!("{n}{suffix}"))).unwrap());
        assert_eq!(a, b, "{suffix}");
        if suffix == ".gz" {
            assert_eq!(a[4..8], [0, 0, 0, 0], "no time in the header");
        }
    }
}

#[test]
fn the_former_file_stays_until_commit() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["rows.jsonl", "rows.jsonl.gz"] {
        write_all(dir.path(), path, &[&["1"]]);
        let former = fs::read(dir.path().join(path)).unwrap();
        let check = |what: &str| {
            assert_eq!(fs::read(dir.path().join(path)).unwrap(), former, "{path}: {what}");
        };

        let mut aborted = make(path).unwrap();
        aborted.open(&OutputDir::new(dir.path())).unwrap();
        aborted.write(&rows(&["2"])).unwrap();
        check("written");
        aborted.abort();
        check("aborted");

        let mut killed = make(path).unwrap();
        killed.open(&OutputDir::new(dir.path())).unwrap();
        killed.write(&rows(&["3"])).unwrap();
        killed.finish().unwrap();
        check("finished");
        drop(killed);
        check("dropped before commit");
    }
    assert_eq!(names(dir.path()), ["rows.jsonl", "rows.jsonl.gz"]);
}

#[test]
fn what_a_kill_left_behind_does_not_end_up_in_the_next_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = make("rows.jsonl").unwrap();
    killed.open(&OutputDir::new(dir.path())).unwrap();
    killed.write(&rows(&["\"a long row of a build that was killed\""])).unwrap();
    // As after SIGKILL: nothing is dropped, the temporary file stays.
    std::mem::forget(killed);
    write_all(dir.path(), "rows.jsonl", &[&["1"]]);
    assert_eq!(fs::read_to_string(dir.path().join("rows.jsonl")).unwrap(), "1\n");
    assert_eq!(names(dir.path()), ["rows.jsonl"]);
}

#[test]
fn a_path_out_of_the_directory_is_refused_without_touching_the_disk() {
    for path in ["../rows.jsonl", "/tmp/rows.jsonl", "", "rows/"] {
        let error = make(path).err().unwrap_or_else(|| panic!("{path:?} was accepted"));
        assert_eq!(error.path, ["path"], "{path:?}");
    }
    let missing = make("x.jsonl").unwrap();
    assert_eq!(missing.files(), [Path::new("x.jsonl")]);
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tasks"), "a file where a folder should be").unwrap();
    let mut sink = make("tasks/chat.jsonl").unwrap();
    let error = sink.open(&OutputDir::new(dir.path())).unwrap_err().to_string();
    assert!(error.contains("tasks"), "{error}");
}
