//! What a store remembers of the last run into it and of its last build, for
//! `scrape status`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::build::{BuildReport, BuiltFile};
use crate::plan::Plan;
use crate::report::{Ended, Exit, Outcome};
use crate::spec::{Source, text_hash};
use crate::store::{self, Store};

/// Names in the store's book-keeping.
const RUN: &str = "last_run";
const BUILD: &str = "last_build";

/// The last `scrape run` that collected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LastRun {
    /// When it began.
    pub began: Timestamp,
    /// When it ended; `None` while it goes on, and when it was killed.
    pub ended: Option<Timestamp>,
    /// The exit code that it ended with.
    pub exit: Option<u8>,
    /// The folder that it was called in.
    pub folder: PathBuf,
    /// The command that goes on, called in that folder.
    pub next: String,
}

/// The last build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LastBuild {
    /// When it ended.
    pub at: Timestamp,
    /// What the records were ([`crate::store::Reader::data_version`]).
    pub data_version: i64,
    /// How many records it read.
    pub records: u64,
    /// What it made.
    pub files: Vec<BuiltFile>,
    /// What it left out, by stage and reason.
    pub rejects: IndexMap<String, BTreeMap<String, u64>>,
    /// The files of the spec and its templates.
    pub sources: Vec<UsedFile>,
}

/// A file that a build was made with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsedFile {
    /// As messages name it.
    pub shown: PathBuf,
    /// Where it is, from the root on.
    pub path: PathBuf,
    /// A hash of its text.
    pub hash: u64,
}

impl LastRun {
    /// A run that begins now.
    pub fn begin(next: String) -> Self {
        let folder = std::env::current_dir().unwrap_or_default();
        Self { began: now(), ended: None, exit: None, folder, next }
    }

    /// It ends now.
    pub fn end(&mut self, exit: Exit) {
        (self.ended, self.exit) = (Some(now()), Some(exit as u8));
    }

    /// Reads what a store remembers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(meta: impl FnOnce(&str) -> store::Result<Option<String>>) -> Outcome<Option<Self>> {
        read(RUN, meta)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write(&self, store: &mut dyn Store) -> Outcome<()> {
        write(RUN, self, store)
    }
}

impl LastBuild {
    /// The build of a report.
    pub fn of(plan: &Plan, report: &BuildReport) -> Self {
        let used = |source: &Source| UsedFile {
            shown: source.path.clone(),
            path: std::path::absolute(&source.path).unwrap_or_else(|_| source.path.clone()),
            hash: text_hash(source.text.as_bytes()),
        };
        Self {
            at: now(),
            data_version: report.data_version,
            records: report.counts.streams.values().map(|stream| stream.read).sum(),
            files: report.files.clone(),
            rejects: report.counts.rejects.clone(),
            sources: plan.sources.iter().map(used).collect(),
        }
    }

    /// Reads what a store remembers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(meta: impl FnOnce(&str) -> store::Result<Option<String>>) -> Outcome<Option<Self>> {
        read(BUILD, meta)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn write(&self, store: &mut dyn Store) -> Outcome<()> {
        write(BUILD, self, store)
    }

    /// The first of its files that is another by now, or gone.
    pub fn changed_file(&self) -> Option<&Path> {
        let same = |file: &UsedFile| {
            std::fs::read(&file.path).is_ok_and(|bytes| text_hash(&bytes) == file.hash)
        };
        self.sources.iter().find(|file| !same(file)).map(|file| file.shown.as_path())
    }
}

/// The time, to the second.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// What an older version wrote, or half of it, is as good as nothing.
fn read<T: DeserializeOwned>(
    key: &str,
    meta: impl FnOnce(&str) -> store::Result<Option<String>>,
) -> Outcome<Option<T>> {
    let text = meta(key).map_err(|e| Ended::failed(e.to_string()))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn write<T: Serialize>(key: &str, value: &T, store: &mut dyn Store) -> Outcome<()> {
    let text = serde_json::to_string(value).map_err(|e| Ended::failed(e.to_string()))?;
    store.set_meta(key, &text).map_err(|e| Ended::failed(e.to_string()))
}
