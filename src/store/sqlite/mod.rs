//! The store in one SQLite file.

mod books;
mod children;
mod error;
mod keys;
mod packs;
mod reader;
mod records;
mod schema;
mod sent;

pub use reader::SqliteReader;
pub(crate) use schema::APPLICATION_ID;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use self::schema::Format;
use self::sent::SqliteSent;
use super::{
    ChildCommit, ChildKey, Committed, Cursor, Error, PageCommit, PartitionRow, PendingChild,
    Reader, Result, SentRows, Store,
};
use crate::kill;
use crate::store::Body;

/// How long a commit waits for another process: a build lists its files in the
/// store while a run collects.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Of 4, 8 and 16 KiB what costs least: 2.9, 2.6, 2.1 ms for a commit of 100
/// bodies of 3.3 KB on the machine it was measured on.
const PAGE_SIZE: u32 = 16384;

/// The page cache of a connection, in KiB. Records come and go in order; with four
/// times as much a run takes as long.
const CACHE_KIB: i64 = 4 * 1024;

/// After a checkpoint the log is cut to this size, in bytes: it grows while a
/// build holds its snapshot.
const LOG_LIMIT: i64 = 64 << 20;

/// Prepared statements that a connection keeps; all that there are.
const STATEMENTS: usize = 64;

/// A store in an SQLite file: its writing side.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
}

impl SqliteStore {
    /// Makes a store, and the folders above it.
    ///
    /// # Errors
    /// When there is a file already, or none can be made.
    pub fn create(path: &Path) -> Result<Self> {
        let unusable = |cause| Error::Unusable { path: path.display().to_string(), cause };
        if std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
            return Err(unusable(
                "there is a file of this name already: go on with --resume, or start again with \
                 --fresh"
                    .to_owned(),
            ));
        }
        if let Some(folder) = path.parent() {
            scrape_api::make_folder(folder).map_err(|cause| {
                unusable(format!(
                    "its folder cannot be made ({cause}): name another with --output-dir"
                ))
            })?;
        }
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// Opens a store. One of an older format is brought to the newest; one whose
    /// making was cut is finished.
    ///
    /// # Errors
    /// When there is none, it is damaged, of a newer format, or cannot be written.
    pub fn open(path: &Path) -> Result<Self> {
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let explain = |cause: rusqlite::Error| error::explain(path, &cause);
        let mut connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .and_then(configured)
                .map_err(explain)?;
        match schema::format(&connection, schema::STEPS).map_err(explain)? {
            Format::Foreign => Err(foreign(path)),
            Format::Newer(found) => Err(newer(path, found)),
            format @ (Format::Current | Format::Older(_)) => {
                prepare(&mut connection, &format).map_err(explain)?;
                let mode: String = connection
                    .query_row("PRAGMA journal_mode", [], |row| row.get(0))
                    .map_err(explain)?;
                if mode != "wal" {
                    return Err(Error::Unusable {
                        path: path.display().to_string(),
                        cause: "this file system cannot hold it (no shared memory, as on some \
                                network file systems): name a folder on a local disk with \
                                --output-dir"
                            .to_owned(),
                    });
                }
                Ok(Self { connection, path: path.to_owned() })
            }
        }
    }

    /// One transaction.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T> {
        // SQLite goes on writing to a file that is no longer in any folder.
        if !self.path.exists() {
            return Err(Error::Unusable {
                path: self.path.display().to_string(),
                cause: "the file was removed while it was in use".to_owned(),
            });
        }
        let path = &self.path;
        (|| {
            kill::point("commit asked for");
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            kill::point("commit written");
            transaction.commit()?;
            kill::point("commit done");
            Ok(done)
        })()
        .map_err(|cause| error::explain(path, &cause))
    }

    /// One transaction that changes what outputs are made of.
    fn change<T>(&mut self, work: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T> {
        self.write(|transaction| {
            let done = work(transaction)?;
            books::count_revision(transaction)?;
            Ok(done)
        })
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.connection).map_err(|cause| error::explain(&self.path, &cause))
    }
}

/// Sets what every connection, reading or writing, has in common.
fn configured(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// Makes a connection ready to write.
fn prepare(connection: &mut Connection, format: &Format) -> rusqlite::Result<()> {
    if *format == Format::Older(0) {
        // Before the log is in use, so that the mark is in the file itself.
        connection.pragma_update(None, "page_size", PAGE_SIZE)?;
        kill::point("store opened");
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        kill::point("store marked");
    }
    connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
    kill::point("store has a log");
    // A commit that was reported outlives a power cut. That costs nothing: with
    // `normal` the same commits take 1.9 ms instead of 2.1.
    connection.pragma_update(None, "synchronous", "full")?;
    // On Apple's systems `fsync` alone does not reach the disk; elsewhere these
    // mean nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {LOG_LIMIT}"), [], |_| Ok(()))?;
    schema::migrate(connection, schema::STEPS)
}

fn foreign(path: &Path) -> Error {
    Error::Corrupt {
        path: path.display().to_string(),
        cause: "it is a database of another program".to_owned(),
    }
}

fn newer(path: &Path, found: i64) -> Error {
    Error::Newer {
        path: path.display().to_string(),
        found,
        known: i64::try_from(schema::STEPS.len()).unwrap_or(i64::MAX),
    }
}

impl Store for SqliteStore {
    fn meta(&self, key: &str) -> Result<Option<String>> {
        self.read(|db| books::meta(db, key))
    }

    fn set_meta(&mut self, key: &str, value: &str) -> Result<()> {
        self.write(|db| books::set_meta(db, key, value))
    }

    fn last_seq(&self) -> Result<i64> {
        self.read(books::last_seq)
    }

    fn partitions(&self, stream: &str) -> Result<Vec<PartitionRow>> {
        self.read(|db| books::partitions(db, stream))
    }

    fn put_partition(&mut self, row: &PartitionRow) -> Result<()> {
        self.change(|db| books::put_partition(db, row))
    }

    fn cursors(&self, stream: &str, partition: &str) -> Result<Vec<Cursor>> {
        self.read(|db| books::cursors(db, stream, partition))
    }

    fn put_cursors(&mut self, stream: &str, partition: &str, cursors: &[Cursor]) -> Result<()> {
        self.write(|db| books::put_cursors(db, stream, partition, cursors))
    }

    fn commit_page(&mut self, page: &PageCommit) -> Result<Committed> {
        let done = self.change(|db| records::commit_page(db, page))?;
        if done.pending > 0 {
            kill::point("child lists pending");
        }
        Ok(done)
    }

    fn commit_child(&mut self, page: &ChildCommit) -> Result<()> {
        self.change(|db| children::commit(db, page))?;
        kill::point(if page.position.is_some() { "child list begun" } else { "child list done" });
        Ok(())
    }

    fn fail_child(&mut self, key: &ChildKey, parent_seq: i64, reason: &str) -> Result<bool> {
        self.change(|db| children::fail(db, key, parent_seq, reason))
    }

    fn pending_children(
        &mut self,
        stream: &str,
        after: Option<&ChildKey>,
        limit: usize,
    ) -> Result<Vec<PendingChild>> {
        self.read(|db| children::pending(db, stream, after, limit))
    }

    fn retry_failed_children(&mut self, stream: &str) -> Result<u64> {
        self.change(|db| children::retry_failed(db, stream))
    }

    fn count_records(&self, stream: &str, partition: &str) -> Result<u64> {
        self.read(|db| keys::count(db, stream, partition))
    }

    fn compare_keys(
        &self,
        stream: &str,
        partition: &str,
        listed: &[String],
    ) -> Result<(Vec<String>, Vec<String>)> {
        self.read(|db| keys::compare(db, stream, partition, listed))
    }

    fn mark_gone(&mut self, stream: &str, partition: &str, primary_keys: &[String]) -> Result<()> {
        self.change(|db| keys::mark_gone(db, stream, partition, primary_keys))
    }

    fn record_before(
        &self,
        stream: &str,
        partition: &str,
        sort_key: &str,
    ) -> Result<Option<(String, Body)>> {
        self.read(|db| keys::record_before(db, stream, partition, sort_key))
    }

    fn announce_outputs(&mut self, files: &[String]) -> Result<()> {
        self.write(|db| books::announce_outputs(db, files))
    }

    fn withdraw_outputs(&mut self, files: &[String]) -> Result<()> {
        self.write(|db| books::withdraw_outputs(db, files))
    }

    fn begin_outputs(&mut self, build: &str, files: &[String]) -> Result<()> {
        self.write(|db| books::begin_outputs(db, build, files))
    }

    fn finish_outputs(&mut self, build: &str) -> Result<()> {
        self.write(|db| books::finish_outputs(db, build))
    }

    fn outputs(&self) -> Result<Vec<(String, bool)>> {
        self.read(books::outputs)
    }

    fn last_build(&self, file: &str) -> Result<Option<String>> {
        self.read(|db| books::last_build(db, file))
    }

    fn sent_rows(&self, sink: &str) -> Result<Box<dyn SentRows>> {
        Ok(Box::new(SqliteSent::open(&self.path, sink)?))
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(SqliteReader::open(&self.path)?))
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr)]
mod tests;
