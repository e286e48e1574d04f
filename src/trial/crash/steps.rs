//! Steps of a run: what it has done that a kill could come after.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use scrape_api::{Delivery, OutputDir, Row, RowKey, Sink};

use super::line::Line;
use crate::store::{
    Body, ChildCommit, ChildKey, Committed, Cursor, PageCommit, PartitionRow, PendingChild, Reader,
    Result, SentRows, Store,
};

/// Counts the steps of a process, which stays at the one after which it is to be
/// killed.
pub struct Steps {
    done: Mutex<u64>,
    last: Option<u64>,
}

impl Steps {
    /// Of a process that is killed after so many, or never.
    pub fn until(last: Option<u64>) -> Arc<Self> {
        Arc::new(Self { done: Mutex::new(0), last })
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more is done; `what` goes on after "killed after".
    fn done(&self, what: impl FnOnce() -> String) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        if Some(*done) == self.last {
            let _ = writeln!(std::io::stdout(), "{}", Line::At(what()));
            // With the lock held: no other thread gets to a step after this one. When
            // whoever is to kill the process is gone, it ends by itself.
            let _ = std::io::stdin().read(&mut [0]);
            std::process::abort();
        }
    }
}

/// A store whose commits are steps.
pub struct SteppedStore {
    /// The store.
    pub inner: Box<dyn Store>,
    /// Where they are counted.
    pub steps: Arc<Steps>,
}

/// Methods that hand on: those that read, and those that write, which are steps.
macro_rules! stepped {
    () => {};
    (fn $read:ident(&self $(, $arg:ident: $type:ty)*) -> $gives:ty; $($more:tt)*) => {
        fn $read(&self $(, $arg: $type)*) -> $gives {
            self.inner.$read($($arg),*)
        }
        stepped! { $($more)* }
    };
    (fn $write:ident(&mut self $(, $arg:ident: $type:ty)*) -> $gives:ty, $($what:expr),+; $($more:tt)*) => {
        fn $write(&mut self $(, $arg: $type)*) -> $gives {
            let done = self.inner.$write($($arg),*)?;
            self.steps.done(|| format!($($what),+));
            Ok(done)
        }
        stepped! { $($more)* }
    };
}

impl Store for SteppedStore {
    stepped! {
        fn meta(&self, key: &str) -> Result<Option<String>>;
        fn last_seq(&self) -> Result<i64>;
        fn partitions(&self, stream: &str) -> Result<Vec<PartitionRow>>;
        fn cursors(&self, stream: &str, partition: &str) -> Result<Vec<Cursor>>;
        fn count_records(&self, stream: &str, partition: &str) -> Result<u64>;
        fn compare_keys(&self, stream: &str, partition: &str, listed: &[String])
            -> Result<(Vec<String>, Vec<String>)>;
        fn record_before(&self, stream: &str, partition: &str, sort_key: &str)
            -> Result<Option<(String, Body)>>;
        fn outputs(&self) -> Result<Vec<(String, bool)>>;
        fn last_build(&self, file: &str) -> Result<Option<String>>;
        fn sent_rows(&self, sink: &str) -> Result<Box<dyn SentRows>>;
        fn reader(&self) -> Result<Box<dyn Reader>>;

        fn set_meta(&mut self, key: &str, value: &str) -> Result<()>,
            "the commit of {}", key;
        fn put_partition(&mut self, row: &PartitionRow) -> Result<()>,
            "the commit of how far {} is", row.partition;
        fn put_cursors(&mut self, stream: &str, partition: &str, cursors: &[Cursor])
            -> Result<()>, "the commit of where {} goes on", partition;
        fn commit_page(&mut self, page: &PageCommit) -> Result<Committed>,
            "the commit of a page of {}", page.partition;
        fn commit_child(&mut self, page: &ChildCommit) -> Result<()>,
            "the commit of a page of the {} of {}", page.key.child, page.key.primary_key;
        fn fail_child(&mut self, key: &ChildKey, parent_seq: i64, reason: &str) -> Result<bool>,
            "the commit that the {} of {} failed", key.child, key.primary_key;
        fn retry_failed_children(&mut self, stream: &str) -> Result<u64>,
            "the commit that lists of {} are tried again", stream;
        fn mark_gone(&mut self, stream: &str, partition: &str, primary_keys: &[String])
            -> Result<()>, "the commit of what is gone from {}", partition;
        fn announce_outputs(&mut self, files: &[String]) -> Result<()>,
            "the commit of the names of {} outputs", files.len();
        fn withdraw_outputs(&mut self, files: &[String]) -> Result<()>,
            "the commit that {} outputs were given up", files.len();
        fn begin_outputs(&mut self, build: &str, files: &[String]) -> Result<()>,
            "the commit that {} outputs are synced", files.len();
        fn finish_outputs(&mut self, build: &str) -> Result<()>,
            "the commit that all outputs are in place";
    }

    fn pending_children(
        &mut self,
        stream: &str,
        after: Option<&ChildKey>,
        limit: usize,
    ) -> Result<Vec<PendingChild>> {
        self.inner.pending_children(stream, after, limit)
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }
}

/// A sink whose calls are steps.
pub struct SteppedSink {
    /// The sink.
    pub inner: Box<dyn Sink>,
    /// Its name in the spec.
    pub name: String,
    /// Where they are counted.
    pub steps: Arc<Steps>,
}

impl SteppedSink {
    fn done(&self, call: &str) {
        self.steps.done(|| format!("`{call}` of the sink {}", self.name));
    }
}

impl Sink for SteppedSink {
    fn delivery(&self) -> Delivery {
        self.inner.delivery()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inner.files()
    }

    fn open(&mut self, dir: &OutputDir) -> scrape_api::Result<()> {
        self.inner.open(dir)?;
        self.done("open");
        Ok(())
    }

    fn target_id(&mut self) -> scrape_api::Result<Option<String>> {
        self.inner.target_id()
    }

    fn write(&mut self, batch: &[Row]) -> scrape_api::Result<()> {
        self.inner.write(batch)?;
        self.done("write");
        Ok(())
    }

    fn delete(&mut self, keys: &[RowKey]) -> scrape_api::Result<()> {
        self.inner.delete(keys)?;
        self.done("delete");
        Ok(())
    }

    fn finish(&mut self) -> scrape_api::Result<()> {
        self.inner.finish()?;
        self.done("finish");
        Ok(())
    }

    fn commit(&mut self) -> scrape_api::Result<()> {
        self.inner.commit()?;
        self.done("commit");
        Ok(())
    }

    fn abort(&mut self) {
        self.inner.abort();
    }
}
