//! Where rows go.

use std::path::PathBuf;

use serde_json::Value;

use crate::{OutputDir, Result};

/// What a sink promises about repeated and interrupted runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// `open → write… → finish → commit`: the whole output is replaced at once;
    /// `abort`, or a kill before `commit`, leaves the former output.
    Replace,
    /// `write` and `delete` by row key, idempotent. The engine feeds only rows
    /// that changed and rows that are gone.
    Upsert,
    /// At least once, no undo: standard output, a queue.
    Stream,
}

/// What names a row: the same record, task and example give the same key in
/// every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// One row for a sink: its key and its rendered bytes.
#[derive(Debug, Clone)]
pub struct Row {
    /// What names it.
    pub key: RowKey,
    /// One JSON value in UTF-8, without a line end.
    pub bytes: Vec<u8>,
}

impl Row {
    /// The row as a JSON value, parsed on demand.
    ///
    /// # Errors
    /// When `bytes` is no JSON, which the engine never writes.
    pub fn value(&self) -> Result<Value> {
        serde_json::from_slice(&self.bytes).map_err(crate::Error::msg)
    }
}

/// An output. Its methods are called in order, from one thread at a time, off
/// the async runtime, so they may block.
pub trait Sink: Send {
    /// What it promises; decides which of the other methods are called.
    fn delivery(&self) -> Delivery;

    /// The files that it will replace, relative to the output directory, so
    /// that `scrape status` can name stale ones and `--fresh` can remove them.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Makes ready to take rows. The first method that may do I/O.
    ///
    /// # Errors
    /// When the output cannot be written to.
    fn open(&mut self, dir: &OutputDir) -> Result<()>;

    /// Takes rows, in the build's fixed order.
    ///
    /// # Errors
    /// When they cannot be stored; the build then calls [`Sink::abort`].
    fn write(&mut self, batch: &[Row]) -> Result<()>;

    /// Removes rows by key ([`Delivery::Upsert`] only).
    ///
    /// # Errors
    /// As for [`Sink::write`].
    fn delete(&mut self, _keys: &[RowKey]) -> Result<()> {
        Ok(())
    }

    /// All rows were given: flush and sync, so that [`Sink::commit`] can hardly
    /// fail. Nothing of the new output is visible yet for [`Delivery::Replace`].
    ///
    /// # Errors
    /// When what was written cannot be made durable.
    fn finish(&mut self) -> Result<()>;

    /// Makes the new output visible ([`Delivery::Replace`]) or confirms it.
    ///
    /// # Errors
    /// When the new output cannot be put in place; the former one is still there.
    fn commit(&mut self) -> Result<()>;

    /// Gives up: temporary files go, the former output stays.
    fn abort(&mut self);
}
