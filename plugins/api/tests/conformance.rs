//! That the suites find what they are for: sinks and transforms that each break
//! their contract in one way.
#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use scrape_api::conformance::{Report, SinkSuite, TransformSuite};
use scrape_api::serde_json;
use scrape_api::{
    AtomicFile, Delivery, Error, OutputDir, Result, Row, RowKey, Scope, Sink, Transform, Value,
    Verdict,
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Lines in `rows.txt`, written as they should be but for one flaw.
struct Lines {
    flaw: &'static str,
    dir: Option<PathBuf>,
    file: Option<AtomicFile>,
    batches: u32,
    finished: bool,
}

impl Lines {
    fn new(flaw: &'static str, dir: &Path) -> Self {
        if flaw == "makes its file at once" && dir.is_dir() {
            fs::write(dir.join("rows.txt"), "").unwrap();
        }
        Self { flaw, dir: None, file: None, batches: 0, finished: false }
    }
}

impl Sink for Lines {
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }

    fn files(&self) -> Vec<PathBuf> {
        let up = if self.flaw == "leaves the directory" { "../" } else { "" };
        vec![format!("{up}rows.txt").into()]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        let place = dir.root().join("rows.txt");
        let mut file = AtomicFile::create(&place)?;
        match self.flaw {
            "leaves its lock to a destructor" => fs::write(lock(dir.root()), "").unwrap(),
            "truncates in open" => fs::write(&place, "").unwrap(),
            "appends to the former" => {
                file.write_all(&fs::read(&place).unwrap_or_default()).unwrap();
            }
            "leaves a temporary file" => fs::write(dir.root().join("rows.tmp"), "").unwrap(),
            _ => {}
        }
        self.file = Some(file);
        self.dir = Some(dir.root().to_owned());
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        self.batches += 1;
        assert!(self.file.is_some() || self.flaw != "panics before open", "not open");
        let file = self.file.as_mut().ok_or_else(|| Error::msg("rows.txt is not open"))?;
        if self.finished && self.flaw != "takes rows after finish" {
            return Err(Error::msg("rows.txt is finished"));
        }
        if self.finished || (self.flaw == "forgets later batches" && self.batches > 1) {
            return Ok(());
        }
        for row in batch {
            let text = String::from_utf8(row.bytes.to_vec()).unwrap();
            let text = if self.flaw == "unescapes" { text.replace("\\n", "\n") } else { text };
            writeln!(file, "{text}").map_err(Error::io("write rows.txt"))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let file = self.file.as_mut().ok_or_else(|| Error::msg("rows.txt is not open"))?;
        if self.flaw == "counts batches" {
            writeln!(file, "{}", self.batches).map_err(Error::io("write rows.txt"))?;
        }
        self.finished = true;
        file.finish()
    }

    fn commit(&mut self) -> Result<()> {
        if !self.finished && self.flaw != "commits unfinished" {
            return Err(Error::msg("rows.txt is not finished"));
        }
        if self.batches == 0 && self.flaw == "makes no file without rows" {
            return Ok(());
        }
        self.file.take().ok_or_else(|| Error::msg("rows.txt is not open"))?.commit()
    }

    fn abort(&mut self) {
        self.file = None;
        self.finished = false;
        if let ("removes the output in abort", Some(dir)) = (self.flaw, &self.dir) {
            let _ = fs::remove_file(dir.join("rows.txt"));
        }
    }
}

/// A file that should be gone when nobody writes.
fn lock(dir: &Path) -> PathBuf {
    dir.join(format!("lock-{}", std::process::id()))
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            let _ = fs::remove_file(lock(dir));
        }
    }
}

fn lines(flaw: &'static str) -> Report {
    let suite = SinkSuite::of(move |dir| Lines::new(flaw, dir)).read_back(|dir| {
        let text = fs::read_to_string(dir.join("rows.txt")).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap_or(Value::Null)).collect()
    });
    suite.report()
}

/// That a flaw is found by the check that is for it, and by none where there is no
/// flaw.
#[track_caller]
fn finds(report: &Report, flaw: &str, check: &str) {
    assert!(report.checks.contains(&check), "{check} was not made");
    let found: Vec<_> = report.failures.iter().map(|f| f.check).collect();
    assert!(found.contains(&check), "{flaw}: found by {found:?}\n{report}");
}

#[test]
fn each_flaw_of_a_sink_that_replaces_is_found() {
    let flaws = [
        ("makes its file at once", "making_it_does_no_io"),
        ("truncates in open", "former_output_stays_until_commit"),
        ("appends to the former", "output_is_replaced_whole"),
        ("leaves a temporary file", "a_life_that_was_cut_leaves_no_trace"),
        ("makes no file without rows", "an_output_without_rows_is_an_output"),
        ("counts batches", "same_rows_same_bytes"),
        ("forgets later batches", "same_rows_same_bytes"),
        ("removes the output in abort", "abort_leaves_the_former_output"),
        ("removes the output in abort", "abort_after_commit_changes_nothing"),
        ("commits unfinished", "calls_out_of_turn_are_errors"),
        ("panics before open", "calls_out_of_turn_do_not_panic"),
        ("takes rows after finish", "calls_out_of_turn_are_errors"),
        ("leaves the directory", "files_stay_in_the_output_directory"),
        ("unescapes", "any_text_is_taken"),
        ("leaves its lock to a destructor", "a_kill_between_two_calls_leaves_no_trace"),
    ];
    each_is_found(lines, &flaws);
}

/// All suites run before anything is said of one: so they do in a process that the
/// suite kills as well.
#[track_caller]
fn each_is_found(suite: fn(&'static str) -> Report, flaws: &[(&'static str, &str)]) {
    let sound = suite("none");
    let reports: Vec<Report> = flaws.iter().map(|(flaw, _)| suite(flaw)).collect();
    assert!(sound.failures.is_empty() && sound.checks.len() > 15, "{sound}");
    for (report, (flaw, check)) in reports.iter().zip(flaws) {
        finds(report, flaw, check);
    }
}

#[test]
fn a_failure_says_what_was_done_after_which_calls_and_what_the_trait_says() {
    let text = lines("truncates in open").to_string();
    for part in [
        "the sink breaks its contract: ",
        "\n  former_output_stays_until_commit\n",
        "found: after `open`, rows.txt has 0 bytes where 93 are expected; they differ from byte 0",
        "the contract: `Sink::finish`: nothing of the new output is visible before `commit`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// Rows in one file, in a map by key, written as they should be but for one flaw.
struct Table {
    flaw: &'static str,
    place: PathBuf,
    rows: Option<Vec<(String, Value)>>,
    lock: Option<PathBuf>,
}

impl Drop for Table {
    fn drop(&mut self) {
        self.lock.take().into_iter().for_each(|lock| fs::remove_file(lock).unwrap());
    }
}

impl Table {
    fn key(&self, key: &RowKey) -> String {
        match self.flaw {
            "glues keys" => format!("{}/{}/{:?}", key.stream, key.primary_key, key.task),
            _ => format!("{key:?}"),
        }
    }

    fn rows(&mut self) -> Result<&mut Vec<(String, Value)>> {
        self.rows.as_mut().ok_or_else(|| Error::msg("table.json is not open"))
    }
}

impl Sink for Table {
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    fn files(&self) -> Vec<PathBuf> {
        vec!["table.json".into()]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        self.place = dir.root().join("table.json");
        let former = match fs::read(&self.place) {
            Ok(bytes) if self.flaw != "empties the table in open" => {
                serde_json::from_slice(&bytes).map_err(Error::msg)?
            }
            _ => Vec::new(),
        };
        if self.flaw == "is locked until it is dropped" {
            let lock = dir.root().join("lock");
            File::create_new(&lock).map_err(Error::io("lock table.json"))?;
            self.lock = Some(lock);
        }
        if self.flaw == "leaves files" {
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            fs::write(dir.root().join(format!("lock-{id}")), "").unwrap();
        }
        fs::write(&self.place, serde_json::to_vec(&former).unwrap())
            .map_err(Error::io("write table.json"))?;
        self.rows = Some(former);
        Ok(())
    }

    fn target_id(&mut self) -> Result<Option<String>> {
        Ok(match self.flaw {
            "draws a new id each time" => Some(NEXT.fetch_add(1, Ordering::Relaxed).to_string()),
            "has one id for all targets" => Some("table".to_owned()),
            _ => None,
        })
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        for row in batch {
            let key = self.key(&row.key);
            let adds = self.flaw == "adds rows again";
            let rows = self.rows()?;
            rows.retain(|(k, _)| adds || *k != key);
            rows.push((key, row.value()?));
        }
        Ok(())
    }

    fn delete(&mut self, keys: &[RowKey]) -> Result<()> {
        for key in keys {
            let (key, flaw) = (self.key(key), self.flaw);
            let rows = self.rows()?;
            if flaw == "fails on unknown keys" && !rows.iter().any(|(k, _)| *k == key) {
                return Err(Error::msg("there is no such row"));
            }
            rows.retain(|(k, _)| flaw != "deletes all" && *k != key);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.rows().map(|_| ())
    }

    fn commit(&mut self) -> Result<()> {
        let rows = self.rows.take().ok_or_else(|| Error::msg("table.json is not open"))?;
        fs::write(&self.place, serde_json::to_vec(&rows).unwrap())
            .map_err(Error::io("write table.json"))
    }

    fn abort(&mut self) {
        self.rows = None;
    }
}

fn table(flaw: &'static str) -> Report {
    let make = move |_: &Path| Table { flaw, place: PathBuf::new(), rows: None, lock: None };
    let suite = SinkSuite::of(make).read_back(|dir| {
        let bytes = fs::read(dir.join("table.json")).unwrap_or(b"[]".to_vec());
        let rows: Vec<(String, Value)> = serde_json::from_slice(&bytes).unwrap();
        rows.into_iter().map(|(_, value)| value).collect()
    });
    suite.report()
}

#[test]
fn each_flaw_of_a_sink_that_puts_by_key_is_found() {
    let flaws = [
        ("adds rows again", "writing_again_changes_nothing"),
        ("adds rows again", "a_row_replaces_the_one_of_its_key"),
        ("glues keys", "keys_are_told_apart"),
        ("fails on unknown keys", "deleting_what_is_not_there_is_no_error"),
        ("deletes all", "deleted_rows_are_gone"),
        ("empties the table in open", "a_life_that_was_cut_can_be_made_up_for"),
        ("draws a new id each time", "a_target_keeps_its_id"),
        ("has one id for all targets", "a_target_keeps_its_id"),
        ("leaves files", "a_life_that_was_cut_can_be_made_up_for"),
        ("is locked until it is dropped", "a_kill_between_two_calls_can_be_made_up_for"),
    ];
    each_is_found(table, &flaws);
}

/// Appends rows to a log; a lazy one keeps them back.
struct Log {
    place: PathBuf,
    lazy: bool,
    waiting: Vec<u8>,
}

impl Sink for Log {
    fn delivery(&self) -> Delivery {
        Delivery::Stream
    }

    fn open(&mut self, _dir: &OutputDir) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        for row in batch {
            self.waiting.extend(&row.bytes);
            self.waiting.push(b'\n');
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        if self.lazy && self.waiting.len() < 1000 {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.waiting);
        let file = OpenOptions::new().create(true).append(true).open(&self.place);
        file.and_then(|mut f| f.write_all(&bytes)).map_err(Error::io("append"))
    }

    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}

#[test]
fn a_sink_that_streams_has_to_deliver_by_commit() {
    for lazy in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (place, read) = (dir.path().join("log"), dir.path().join("log"));
        let make = move |_: &Path| Log { place: place.clone(), lazy, waiting: Vec::new() };
        let suite = SinkSuite::of(make).read_back(move |_| {
            let text = fs::read_to_string(&read).unwrap_or_default();
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
        });
        let report = suite.report();
        if lazy {
            finds(&report, "lazy", "rows_arrive_by_commit");
        } else {
            assert!(report.failures.is_empty(), "{report}");
        }
    }
}

#[test]
#[should_panic(expected = "nothing can be seen of what it does; give `read_back`")]
fn a_sink_that_cannot_be_seen_is_not_taken_for_sound() {
    SinkSuite::of(|_| Log { place: PathBuf::new(), lazy: false, waiting: Vec::new() }).check();
}

#[test]
#[should_panic(expected = "no sink is registered as `nowhere`: add `use your_crate as _;`")]
fn a_name_that_is_not_linked_is_told() {
    SinkSuite::registered("nowhere", Value::Null).check();
}

/// A transform over values, broken in one way.
struct Broken(&'static str, AtomicU32);

impl Transform for Broken {
    fn scope(&self) -> Scope {
        Scope::Value
    }

    fn apply(&self, item: &mut Value) -> Result<Verdict> {
        match (self.0, &*item) {
            ("slices", Value::String(text)) => *item = Value::from(&text[..text.len().min(1)]),
            ("counts", Value::String(_)) => {
                *item = Value::from(self.1.fetch_add(1, Ordering::Relaxed));
            }
            ("makes texts", Value::Number(n)) => *item = Value::from(n.to_string()),
            ("talks", Value::String(text)) if text.is_empty() => {
                return Ok(Verdict::Drop("It is empty!"));
            }
            _ => {}
        }
        Ok(Verdict::Keep)
    }
}

#[test]
fn each_flaw_of_a_transform_is_found() {
    for (flaw, check) in [
        ("none", None),
        ("slices", Some("no_value_makes_it_panic")),
        ("counts", Some("same_input_same_output")),
        ("makes texts", Some("other_values_are_left_alone")),
        ("talks", Some("reasons_are_words")),
    ] {
        let report = TransformSuite::of(move || Broken(flaw, AtomicU32::new(0))).report();
        let found: Vec<_> = report.failures.iter().map(|f| f.check).collect();
        assert_eq!(found, Vec::from_iter(check), "{flaw}\n{report}");
    }
}
