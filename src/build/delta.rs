//! What stands before a sink that puts rows by key: only what changed goes through.

use std::path::PathBuf;

use scrape_api::{Delivery, Error, OutputDir, Result, Row, RowKey, Sink};
use tracing::debug;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::kill;
use crate::plan::{Feed, SinkPlan};
use crate::store::{self, SentRows, Store};

/// Rows that are put at a time, and their bytes: each time the store notes their keys
/// first, and that is synced.
const PORTION: (usize, usize) = (1000, 1 << 20);

/// A sink of [`Delivery::Upsert`] that is fed with rows that are not as the sink last
/// confirmed them, and with the keys of those that are gone.
///
/// Before a row is put or removed its key is noted as in doubt, and after the sink has
/// committed as confirmed. A kill in between costs nothing but putting the same rows
/// again; one that is made no longer by then is removed.
pub struct Delta {
    inner: Box<dyn Sink>,
    sent: Box<dyn SentRows>,
    name: String,
    /// Of the plugin and its options.
    target: String,
    waiting: Vec<Row>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    rows: usize,
    put: usize,
    removed: usize,
}

impl Delta {
    /// Puts one before a sink that needs it; any other sink is returned as it is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn before(
        inner: Box<dyn Sink>,
        plan: &SinkPlan,
        store: &dyn Store,
    ) -> store::Result<Box<dyn Sink>> {
        if inner.delivery() != Delivery::Upsert {
            return Ok(inner);
        }
        let name = match &plan.feed {
            Feed::Records => plan.name.clone(),
            Feed::Task(task) => format!("{}/{task}", plan.name),
            Feed::Raw(stream) => format!("{}/{stream}", plan.name),
            Feed::RawChildren { stream, child } => format!("{}/{stream}.{child}", plan.name),
        };
        let sent = store.sent_rows(&name)?;
        // Options may hold what is nobody's business: a hash tells them apart as well.
        let target = format!("{:016x}", xxh3_64(plan.target.as_bytes()));
        Ok(Box::new(Self {
            inner,
            sent,
            name,
            target,
            waiting: Vec::new(),
            counts: Counts::default(),
        }))
    }

    /// Puts the rows that wait.
    fn put(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let keys: Vec<RowKey> = rows.iter().map(|row| row.key.clone()).collect();
        self.sent.doubt(&keys).map_err(of_store)?;
        kill::point("rows in doubt");
        self.inner.write(&rows)?;
        kill::point("rows put");
        self.counts.put += rows.len();
        Ok(())
    }

    fn delete_gone(&mut self) -> Result<()> {
        let mut last: Option<RowKey> = None;
        loop {
            let keys = self.sent.gone(last.as_ref()).map_err(of_store)?;
            if keys.is_empty() {
                return Ok(());
            }
            self.sent.doubt(&keys).map_err(of_store)?;
            kill::point("rows in doubt");
            self.inner.delete(&keys)?;
            kill::point("rows removed");
            self.counts.removed += keys.len();
            last = keys.last().cloned();
        }
    }
}

impl Sink for Delta {
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inner.files()
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        // A file that was removed took its rows along. Noted before another is made,
        // which nobody could tell from it after a kill.
        if self.inner.files().iter().any(|file| !dir.root().join(file).exists()) {
            self.sent.doubt_all(&self.target).map_err(of_store)?;
        }
        self.inner.open(dir)?;
        kill::point("target opened");
        let id = self.inner.target_id()?.unwrap_or_default();
        (self.waiting, self.counts) = Default::default();
        self.sent.begin(&self.target, &id).map_err(of_store)
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        self.counts.rows += batch.len();
        for row in batch {
            if self.sent.is_news(&row.key, xxh3_128(&row.bytes)).map_err(of_store)? {
                self.waiting.push(row.clone());
            }
        }
        let bytes: usize = self.waiting.iter().map(|row| row.bytes.len()).sum();
        if self.waiting.len() >= PORTION.0 || bytes >= PORTION.1 { self.put() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        self.put()?;
        self.delete_gone()?;
        self.inner.finish()
    }

    fn commit(&mut self) -> Result<()> {
        self.inner.commit()?;
        kill::point("rows committed");
        self.sent.confirm().map_err(of_store)?;
        kill::point("rows confirmed");
        let Counts { rows, put, removed } = self.counts;
        debug!("sink {}: {put} of {rows} rows put, {removed} removed", self.name);
        Ok(())
    }

    fn abort(&mut self) {
        self.inner.abort();
    }
}

/// The store's error as a sink's, which keeps a full disk apart.
fn of_store(error: store::Error) -> Error {
    match error {
        store::Error::Full { path } => {
            Error::io(format!("write {path}"))(std::io::ErrorKind::StorageFull.into())
        }
        other => Error::msg(other),
    }
}
