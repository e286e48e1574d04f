//! What stands before a sink that puts rows by key: only what changed goes through.

use std::path::PathBuf;

use scrape_api::{Delivery, Error, OutputDir, Result, Row, RowKey, Sink};
use tracing::debug;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::plan::{Feed, SinkPlan};
use crate::store::{self, SentRows, Store};

/// A sink of [`Delivery::Upsert`] that is fed with rows that are not as the sink last
/// confirmed them, and with the keys of those that are gone.
///
/// The books are written after the sink has committed. A kill in between costs nothing
/// but sending the same rows again.
pub struct Delta {
    inner: Box<dyn Sink>,
    sent: Box<dyn SentRows>,
    name: String,
    /// Of the plugin and its options.
    target: String,
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
        Ok(Box::new(Self { inner, sent, name, target, counts: Counts::default() }))
    }

    fn delete_gone(&mut self) -> Result<()> {
        let mut last: Option<RowKey> = None;
        loop {
            let keys = self.sent.gone(last.as_ref()).map_err(of_store)?;
            if keys.is_empty() {
                return Ok(());
            }
            self.inner.delete(&keys)?;
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
        // A file that was removed took its rows along.
        let empty = self.inner.files().iter().any(|file| !dir.root().join(file).exists());
        self.inner.open(dir)?;
        let id = self.inner.target_id()?.unwrap_or_default();
        self.counts = Counts::default();
        self.sent.begin(&format!("{} {id}", self.target), empty).map_err(of_store)
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let mut news = Vec::new();
        for (number, row) in batch.iter().enumerate() {
            if self.sent.is_news(&row.key, xxh3_128(&row.bytes)).map_err(of_store)? {
                news.push(number);
            }
        }
        self.counts.rows += batch.len();
        self.counts.put += news.len();
        match news.len() {
            0 => Ok(()),
            // The first build of all: nothing is copied.
            all if all == batch.len() => self.inner.write(batch),
            _ => self.inner.write(&news.iter().map(|n| batch[*n].clone()).collect::<Vec<_>>()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.delete_gone()?;
        self.inner.finish()
    }

    fn commit(&mut self) -> Result<()> {
        self.inner.commit()?;
        self.sent.confirm().map_err(of_store)?;
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
