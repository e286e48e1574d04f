//! The source of truth of a run: raw records, checkpoints, what is pending and
//! what was rejected, one transaction a reply.

mod body;
mod directory;
mod disk;
mod lock;
mod model;
mod page;
mod sqlite;
mod writer;

pub use body::{Body, Part, unpacked_size};
pub use directory::{Contents, OutputState, STORE_FILE};
pub use disk::{file_bytes, free_bytes, store_bytes};
pub use lock::{Lock, LockKind};
pub use model::{
    ChildCommit, ChildItem, ChildKey, Committed, Cursor, NewRecord, PageCommit, PartitionRow,
    PartitionState, PendingChild, Reject, Stage, StoredChild, StoredRecord, UnfinishedLists,
};
pub use sqlite::{SqliteReader, SqliteStore};
pub use writer::Writer;

use std::path::Path;

use scrape_api::RowKey;

/// An error of the store: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full. Nothing that was committed is harmed.
    #[error("the disk is full while writing {path}: free some space, then go on with --resume")]
    Full {
        /// The store's file.
        path: String,
    },
    /// The file cannot be opened or written.
    #[error("{path}: {cause}")]
    Unusable {
        /// The store's file.
        path: String,
        /// Why, in words, and what to do.
        cause: String,
    },
    /// The file is damaged or no store.
    #[error(
        "{path} is damaged or not a store of scrape ({cause}); keep it aside, or start again with --fresh"
    )]
    Corrupt {
        /// The store's file.
        path: String,
        /// What was found.
        cause: String,
    },
    /// Written by a newer version.
    #[error(
        "{path} was written by a newer version of scrape (format {found}, this one knows {known}); use that version"
    )]
    Newer {
        /// The store's file.
        path: String,
        /// Its format version.
        found: i64,
        /// The newest that this version reads.
        known: i64,
    },
    /// Another process does the same kind of work there.
    #[error(
        "{holder} {doing} {directory}: wait until it has ended, or name another folder with --output-dir"
    )]
    Locked {
        /// The output directory.
        directory: String,
        /// Who: `process 4711`.
        holder: String,
        /// What: `collects into`.
        doing: &'static str,
    },
}

/// The result of the store's methods.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The writing side. One connection, one thread: [`Writer`] owns it while a run
/// collects. Every method is one transaction.
pub trait Store: Send {
    /// A value of the run's own book-keeping (effective params, source, limits).
    fn meta(&self, key: &str) -> Result<Option<String>>;
    /// Sets one.
    fn set_meta(&mut self, key: &str, value: &str) -> Result<()>;

    /// The greatest number of a request whose reply is in the store; 0 at first.
    fn last_seq(&self) -> Result<i64>;

    /// Partitions of a stream that were ever begun, by id.
    fn partitions(&self, stream: &str) -> Result<Vec<PartitionRow>>;
    /// Writes a partition's row: its state, counts, reason.
    fn put_partition(&mut self, row: &PartitionRow) -> Result<()>;

    /// The cursors of a partition: one, or one for each range, by range number.
    fn cursors(&self, stream: &str, partition: &str) -> Result<Vec<Cursor>>;
    /// Replaces all cursors of a partition: when it begins, when it is cut into
    /// ranges, when it starts again.
    fn put_cursors(&mut self, stream: &str, partition: &str, cursors: &[Cursor]) -> Result<()>;

    /// One reply to a stream's own request: its records, its rejects, the cursor
    /// after it, and a pending row for each child list still to fetch.
    ///
    /// A record replaces the stored one of the same primary key if its version is
    /// greater, or equal and its `seq` not lower; then the fetched child lists of
    /// the old one go, and those of the new one are pending.
    ///
    /// A record that arrives, in whatever version, removes the reject of its key
    /// that came with the same or an earlier request; a reject of a key that came
    /// whole with a later one is left out.
    fn commit_page(&mut self, page: &PageCommit) -> Result<Committed>;

    /// One page of a child list. The first page of a list (`first`) removes what
    /// an earlier, unfinished attempt left. Ignored when the parent was replaced
    /// meanwhile (its `seq` differs from the commit's).
    fn commit_child(&mut self, page: &ChildCommit) -> Result<()>;
    /// A child list failed for good; whether that counts. Ignored when the parent
    /// was replaced meanwhile (its `seq` differs from `parent_seq`) or is gone.
    fn fail_child(&mut self, key: &ChildKey, parent_seq: i64, reason: &str) -> Result<bool>;
    /// Up to `limit` child lists still to fetch, after `after` in the order of
    /// (partition, sort key, primary key, child).
    fn pending_children(
        &mut self,
        stream: &str,
        after: Option<&ChildKey>,
        limit: usize,
    ) -> Result<Vec<PendingChild>>;
    /// Sets all failed child lists of a stream to pending again; how many.
    fn retry_failed_children(&mut self, stream: &str) -> Result<u64>;

    /// How many records of a partition there are, gone ones left out.
    fn count_records(&self, stream: &str, partition: &str) -> Result<u64>;
    /// The primary keys of a partition that are not among `listed`, and those of
    /// `listed` that it does not have, sorted. Gone records count as not there:
    /// one that is listed again has to be fetched again.
    fn compare_keys(
        &self,
        stream: &str,
        partition: &str,
        listed: &[String],
    ) -> Result<(Vec<String>, Vec<String>)>;
    /// Marks records of a partition that two sweeps no longer list; one that is in
    /// another partition by now is left alone. A record that arrives again, in
    /// whatever version, is no longer gone. Lists of a gone record that were not
    /// fetched are neither pending nor failed, for its parent is not listed.
    fn mark_gone(&mut self, stream: &str, partition: &str, primary_keys: &[String]) -> Result<()>;
    /// The record with the greatest sort key below `sort_key` in a partition, gone
    /// ones left out: its sort key and its JSON.
    fn record_before(
        &self,
        stream: &str,
        partition: &str,
        sort_key: &str,
    ) -> Result<Option<(String, Body)>>;

    /// The files of a build that is about to write them beside their places: from
    /// now on they are this store's. Those that it knows stay as they are.
    fn announce_outputs(&mut self, files: &[String]) -> Result<()>;
    /// A build that was announced gave up and removed what it had written: takes
    /// the files out that no build before it put in place.
    fn withdraw_outputs(&mut self, files: &[String]) -> Result<()>;
    /// The files of a build that is about to rename its first output, relative to
    /// the store's folder, with `/` between parts.
    fn begin_outputs(&mut self, build: &str, files: &[String]) -> Result<()>;
    /// The build renamed its last output.
    fn finish_outputs(&mut self, build: &str) -> Result<()>;

    /// All files ever written for this store, and whether the last build of each
    /// was finished.
    fn outputs(&self) -> Result<Vec<(String, bool)>>;
    /// The build that wrote a file last, if it was finished.
    fn last_build(&self, file: &str) -> Result<Option<String>>;

    /// The books of an upsert sink, by a name that stays the same in all builds.
    fn sent_rows(&self, sink: &str) -> Result<Box<dyn SentRows>>;

    /// A reading side with a snapshot of its own.
    fn reader(&self) -> Result<Box<dyn Reader>>;
    /// The store's file.
    fn path(&self) -> &Path;
}

/// What an upsert sink has confirmed: a hash for each row, by key, or that it is in
/// doubt what the target holds under a key. One build at a time has it in use.
pub trait SentRows: Send {
    /// All rows of all targets of these options are in doubt.
    fn doubt_all(&mut self, options: &str) -> Result<()>;
    /// Begins a build over a target: what its options are, and what it says it is.
    fn begin(&mut self, options: &str, id: &str) -> Result<()>;
    /// Notes a row of this build; whether it is not as it was confirmed.
    fn is_news(&mut self, key: &RowKey, hash: u128) -> Result<bool>;
    /// The rows of these keys are about to be put or removed: they are in doubt until
    /// [`SentRows::confirm`], whatever becomes of this build.
    fn doubt(&mut self, keys: &[RowKey]) -> Result<()>;
    /// Some of the keys that were confirmed or are in doubt and are not in this build, in
    /// an order, after the last one seen; none when there are no more.
    fn gone(&mut self, after: Option<&RowKey>) -> Result<Vec<RowKey>>;
    /// The sink has committed: what this build noted is what the target holds now.
    fn confirm(&mut self) -> Result<()>;
}

/// A snapshot for a build: one read transaction on one connection.
pub trait Reader: Send {
    /// Calls `each` for every record of a stream in build order: partitions as
    /// given, then sort key, then primary key. Pending and failed child lists are
    /// in `missing`, but for those of gone records. Stops when `each` breaks.
    fn records(
        &self,
        stream: &str,
        partitions: &[String],
        each: &mut dyn FnMut(StoredRecord) -> std::ops::ControlFlow<()>,
    ) -> Result<()>;
    /// Rejects of collecting, by stream, partition and key.
    fn rejects(&self, each: &mut dyn FnMut(Reject) -> std::ops::ControlFlow<()>) -> Result<()>;
    /// The rows of all partitions of a stream.
    fn partitions(&self, stream: &str) -> Result<Vec<PartitionRow>>;
    /// How many records of a partition there are, gone ones left out.
    fn count_records(&self, stream: &str, partition: &str) -> Result<u64>;
    /// Child lists that are pending or failed, by stream and partition.
    fn unfinished_lists(&self) -> Result<Vec<UnfinishedLists>>;
    /// A value of the run's own book-keeping.
    fn meta(&self, key: &str) -> Result<Option<String>>;
    /// A number that grows with every commit that changes what outputs are made
    /// of: pages, child lists, partitions, but not book-keeping of runs and builds.
    fn data_version(&self) -> Result<i64>;
}
