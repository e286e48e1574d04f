//! What checks are written with: lives of sinks, and looks at what they left.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::call::{Call, End, told};
use super::{SinkSuite, call, kill};
use crate::conformance::report::{panic_text, shown};
use crate::conformance::scratch::Scratch;
use crate::{Row, Sink};

/// A sink under test.
pub(super) struct Bench<'a> {
    pub(super) suite: &'a SinkSuite,
    /// Which one it is in its test, from 1.
    pub(super) number: u64,
}

/// What readers see of an output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Output {
    /// The files that the sink lists, those that exist.
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    /// What can be read back.
    pub(super) rows: Option<Vec<Value>>,
}

/// The calls of a life that goes well, with these batches.
pub(super) fn whole(batches: Vec<Vec<Row>>) -> Vec<Call> {
    let writes = batches.into_iter().map(Call::Write);
    [Call::Open].into_iter().chain(writes).chain([Call::Finish, Call::Commit]).collect()
}

impl Bench<'_> {
    pub(super) fn scratch(&self) -> Scratch {
        Scratch::new()
    }

    pub(super) fn make(&self, dir: &Path) -> Box<dyn Sink> {
        (self.suite.make)(dir)
    }

    /// A life that goes well.
    pub(super) fn commit(&self, dir: &Path, batches: Vec<Vec<Row>>) -> Result<(), String> {
        self.suite.play(dir, &whole(batches), End::Drop)
    }

    /// A life that is cut after its first `length` calls.
    pub(super) fn cut(
        &self,
        dir: &Path,
        calls: &[Call],
        length: usize,
        end: End,
    ) -> Result<(), String> {
        self.suite.play(dir, &calls[..length], end)
    }

    /// A life in a process of its own, which is killed after its first `length` calls.
    pub(super) fn kill(&self, dir: &Path, calls: &[Call], length: usize) -> Result<(), String> {
        kill::kill_after(self.number, dir, &calls[..length])
    }

    /// A life whose last call is out of turn: what that call gave.
    pub(super) fn misuse(&self, dir: &Path, calls: &[Call]) -> Result<crate::Result<()>, String> {
        let mut sink = self.make(dir);
        let Some((last, before)) = calls.split_last() else { return Ok(Ok(())) };
        for (number, call) in before.iter().enumerate() {
            let _ = call::outcome(sink.as_mut(), dir, &before[..number], call)?;
        }
        let outcome = call::outcome(sink.as_mut(), dir, before, last)?;
        call::finish(sink, dir, calls, End::Abort)?;
        Ok(outcome)
    }

    /// The files that the sink lists, without `.` in their paths.
    pub(super) fn listed(&self, dir: &Path) -> Vec<PathBuf> {
        let plain = |path: PathBuf| path.components().filter(|c| *c != Component::CurDir).collect();
        self.make(dir).files().into_iter().map(plain).collect()
    }

    /// What readers see.
    pub(super) fn look(&self, dir: &Path) -> Result<Output, String> {
        let listed = self.listed(dir);
        let there = |file: PathBuf| fs::read(dir.join(&file)).ok().map(|bytes| (file, bytes));
        let files: BTreeMap<_, _> = listed.into_iter().filter_map(there).collect();
        // A reader of files finds none before the first commit.
        let readable = !files.is_empty() || self.listed(dir).is_empty();
        let rows = if readable { self.read(dir)? } else { None };
        Ok(Output { files, rows })
    }

    /// What can be read back; `None` without a reader.
    pub(super) fn read(&self, dir: &Path) -> Result<Option<Vec<Value>>, String> {
        let Some(read) = &self.suite.read_back else { return Ok(None) };
        catch_unwind(AssertUnwindSafe(|| read(dir)))
            .map(Some)
            .map_err(|payload| format!("reading back panicked: {}", panic_text(&*payload)))
    }

    /// What of rows is to be read back.
    pub(super) fn kept(&self, rows: &[Row]) -> Vec<Value> {
        rows.iter().map(|row| (self.suite.keeps)(row)).collect()
    }

    /// That exactly these rows can be read back, in this order. Without a reader
    /// nothing is said.
    pub(super) fn expect_rows(&self, dir: &Path, rows: &[Row], when: &str) -> Result<(), String> {
        match self.read(dir)? {
            Some(found) => same_rows(&self.kept(rows), &found, when),
            None => Ok(()),
        }
    }

    /// Files that are neither listed nor were there before: what was left behind.
    pub(super) fn strays(&self, dir: &Path) -> Vec<PathBuf> {
        let listed = self.listed(dir);
        files_below(dir).into_iter().filter(|file| !listed.contains(file)).collect()
    }

    /// That nothing but listed files is there.
    pub(super) fn expect_clean(&self, dir: &Path, when: &str) -> Result<(), String> {
        match self.strays(dir).as_slice() {
            [] => Ok(()),
            strays => Err(format!("{when}, {} is left behind", names(strays))),
        }
    }
}

/// That an output is as it was.
pub(super) fn same_output(expected: &Output, found: &Output, when: &str) -> Result<(), String> {
    for (file, bytes) in &expected.files {
        let name = file.display();
        match found.files.get(file) {
            None => return Err(format!("{when}, {name} is gone")),
            Some(now) if now != bytes => {
                let at = now.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                return Err(format!(
                    "{when}, {name} has {} bytes where {} are expected; they differ from byte {at} on",
                    now.len(),
                    bytes.len()
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(new) = found.files.keys().find(|file| !expected.files.contains_key(*file)) {
        return Err(format!("{when}, {} is there and should not be", new.display()));
    }
    match (&expected.rows, &found.rows) {
        (Some(expected), Some(found)) => same_rows(expected, found, when),
        _ => Ok(()),
    }
}

/// That the same values are read, in the same order.
pub(super) fn same_rows(expected: &[Value], found: &[Value], when: &str) -> Result<(), String> {
    if let Some(n) = expected.iter().zip(found).position(|(a, b)| a != b) {
        return Err(format!(
            "{when}, row {} reads {} where {} was written",
            n + 1,
            shown(&found[n].to_string()),
            shown(&expected[n].to_string())
        ));
    }
    if expected.len() != found.len() {
        let (wanted, there) = (expected.len(), found.len());
        return Err(format!("{when}, {there} rows are there where {wanted} are expected"));
    }
    Ok(())
}

/// The same, whatever the order.
pub(super) fn same_set(
    mut expected: Vec<Value>,
    mut found: Vec<Value>,
    when: &str,
) -> Result<(), String> {
    expected.sort_by_cached_key(Value::to_string);
    found.sort_by_cached_key(Value::to_string);
    same_rows(&expected, &found, when)
}

/// All files below a folder, relative.
pub(super) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(dir) {
                found.push(relative.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Paths as text.
pub(super) fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// "killed after `open`, `write(2 rows)`".
pub(super) fn killed(calls: &[Call]) -> String {
    format!("after a kill after {}", told(calls))
}

/// "after `open`, `write(2 rows)` and `abort`".
pub(super) fn after(calls: &[Call], end: End) -> String {
    match end {
        End::Abort => format!("after {}, then `abort`", told(calls)),
        _ => format!("after {}, then dropped", told(calls)),
    }
}
