//! Where rows go.

use std::path::PathBuf;

use serde_json::Value;

use crate::{Bytes, OutputDir, Result};

/// What a sink promises about repeated and interrupted runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The whole output is replaced at once, in [`Sink::commit`]. Until then, and
    /// after [`Sink::abort`] or a kill, the former output is there, to the byte.
    /// The same rows give the same output.
    Replace,
    /// Rows are put and removed by key, in a database for example. Doing it again
    /// changes nothing. The engine keeps, for each key, a hash of what the sink
    /// last confirmed, and feeds only rows that changed and rows that are gone.
    /// Rows of a life that was cut may be there or not; they come again.
    Upsert,
    /// Rows leave at once and cannot be taken back: standard output, a queue.
    /// Each is delivered at least once by the time of [`Sink::commit`]; after a
    /// life that was cut all come again.
    Stream,
}

/// What names a row: the same record, task and example give the same key in
/// every run.
///
/// All four parts count. A sink that joins them into one text has to keep them
/// apart: `("a", "b/c")` and `("a/b", "c")` are two keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct RowKey {
    /// The stream that the record came from.
    pub stream: String,
    /// The record's primary key.
    pub primary_key: String,
    /// The task, for a row that is an example.
    pub task: Option<String>,
    /// The number of the example among those of one record and task, from 0.
    pub example: u32,
}

impl RowKey {
    /// The key of a record's row.
    ///
    /// ```
    /// use scrape_api::RowKey;
    ///
    /// let record = RowKey::new("issues", "10042");
    /// let example = record.clone().of_task("qa", 1);
    /// assert_ne!(record, example);
    /// ```
    pub fn new(stream: impl Into<String>, primary_key: impl Into<String>) -> Self {
        Self { stream: stream.into(), primary_key: primary_key.into(), task: None, example: 0 }
    }

    /// The key of an example of that record.
    #[must_use]
    pub fn of_task(mut self, task: impl Into<String>, example: u32) -> Self {
        self.task = Some(task.into());
        self.example = example;
        self
    }
}

/// One row for a sink: its key and its rendered bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// What names it.
    pub key: RowKey,
    /// One JSON value in UTF-8, without a line end: line feeds inside texts are
    /// escaped, so that a row is a line. Several sinks may share them.
    pub bytes: Bytes,
}

impl Row {
    /// A row of a key and the bytes of one JSON value.
    pub fn new(key: RowKey, bytes: impl Into<Bytes>) -> Self {
        Self { key, bytes: bytes.into() }
    }

    /// The row as a JSON value, parsed on demand.
    ///
    /// ```
    /// use scrape_api::{Row, RowKey};
    ///
    /// let row = Row::new(RowKey::new("issues", "1"), br#"{"title":"Broken"}"#.to_vec());
    /// assert_eq!(row.value()?["title"], "Broken");
    /// # Ok::<(), scrape_api::Error>(())
    /// ```
    ///
    /// # Errors
    /// When `bytes` is no JSON, which the engine never writes.
    pub fn value(&self) -> Result<Value> {
        serde_json::from_slice(&self.bytes).map_err(crate::Error::msg)
    }
}

/// An output.
///
/// # The life of an instance
///
/// One instance serves one build. Its methods are called from one thread at a
/// time, off the async runtime, so they may block:
///
/// ```text
/// made → files → open → (target_id) → write, delete … → finish → commit → dropped
///                  └───────────┴─ abort, at any point ─┘
/// ```
///
/// * Making one does no I/O: `scrape validate` makes it too. I/O begins in `open`.
/// * `write` can come any number of times, with any number of rows, or never. How
///   rows are cut into batches is chance and must not show in the output.
/// * All sinks of a build finish before the first one commits.
/// * `abort` can come at any point: before `open`, after `commit` (another sink
///   of the build failed), and more than once.
/// * A call out of turn (`write` before `open`, `commit` without `finish`) is an
///   error, not a panic, and changes nothing that readers see.
/// * A kill can come between any two calls. The next instance starts clean, and
///   what the killed one left beside the output goes.
///
/// The feature `conformance` of this crate checks all of that in a few lines.
pub trait Sink: Send {
    /// What it promises; decides which of the other methods are called. Always the
    /// same for one instance.
    fn delivery(&self) -> Delivery;

    /// The files that it writes, relative to the output directory: `scrape status`
    /// names stale ones and `--fresh` removes them. Known before `open`. Empty for
    /// what is not in the output directory.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Makes ready to take rows. The first method that may do I/O.
    ///
    /// # Errors
    /// When the output cannot be written to.
    fn open(&mut self, dir: &OutputDir) -> Result<()>;

    /// What tells this target from another one of the same options, for example an
    /// id that was drawn when the table was made ([`Delivery::Upsert`] only; called
    /// after [`Sink::open`]). When it differs from that of the last build, the
    /// target holds nothing of what the engine sent, and all rows are fed again.
    /// `None` where there is no such thing. A target whose [`Sink::files`] are
    /// missing before `open` is taken for a new one in any case.
    ///
    /// # Errors
    /// When the target cannot be read.
    fn target_id(&mut self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Takes rows, in the build's fixed order. No key comes twice in one life.
    ///
    /// # Errors
    /// When they cannot be stored; the build then calls [`Sink::abort`].
    fn write(&mut self, batch: &[Row]) -> Result<()>;

    /// Removes rows by key ([`Delivery::Upsert`] only). A key that is not there is
    /// no error.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    fn delete(&mut self, _keys: &[RowKey]) -> Result<()> {
        Ok(())
    }

    /// All rows were given: flush and sync, so that [`Sink::commit`] can hardly
    /// fail. Nothing of the new output is visible yet for [`Delivery::Replace`].
    /// Called once; a second call may fail.
    ///
    /// # Errors
    /// When what was written cannot be made durable.
    fn finish(&mut self) -> Result<()>;

    /// Makes the new output visible ([`Delivery::Replace`]) or confirms it: when it
    /// returns, a power cut loses nothing. Called once, after [`Sink::finish`]; a
    /// second call may fail, but leaves the output as it is.
    ///
    /// # Errors
    /// When the new output cannot be put in place; the former one is still there.
    fn commit(&mut self) -> Result<()>;

    /// Gives up: temporary files go, the former output stays. After
    /// [`Sink::commit`] it does nothing.
    fn abort(&mut self);
}
