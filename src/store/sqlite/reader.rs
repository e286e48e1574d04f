//! The reading side: one snapshot on a connection of its own.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Rows};

use super::schema::{self, Format};
use super::{books, children, configured, error, foreign, keys, newer, packs};
use crate::store::{
    Body, ChildItem, Error, PartitionRow, Reader, Reject, Result, Stage, StoredChild, StoredRecord,
    UnfinishedLists,
};

/// A snapshot of a store: what is committed later is not in it.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
    /// The statement for its records.
    records: &'static str,
}

impl SqliteReader {
    /// Opens a store to read only; also one that another process writes to, or
    /// one in a folder that may not be written to.
    ///
    /// # Errors
    /// When there is none, it is damaged, or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        let explain = |cause: rusqlite::Error| error::explain(path, &cause);
        let connection = connect(path).map_err(explain)?;
        let records = match schema::format(&connection, schema::STEPS).map_err(explain)? {
            // Besides packs, all steps so far add tables that nobody reads here.
            Format::Older(1..schema::PACKS) => RECORDS_WITHOUT_PACKS,
            Format::Current | Format::Older(schema::PACKS..) => RECORDS,
            Format::Foreign => return Err(foreign(path)),
            Format::Newer(found) => return Err(newer(path, found)),
            Format::Older(_) => {
                return Err(Error::Unusable {
                    path: path.display().to_string(),
                    cause: "its format is older, or it was cut while it was made: \
                            `scrape run` with --resume mends that"
                        .to_owned(),
                });
            }
        };
        // The first read of a transaction fixes what all others see.
        connection
            .execute_batch("BEGIN; SELECT value FROM meta WHERE key = 'revision'")
            .map_err(explain)?;
        Ok(Self { connection, path: path.to_owned(), records })
    }

    /// The rows of all partitions, by stream and partition.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_partitions(&self) -> Result<Vec<PartitionRow>> {
        self.read(books::all_partitions)
    }

    /// All files ever written for this store, and whether the last build of each
    /// was finished.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outputs(&self) -> Result<Vec<(String, bool)>> {
        self.read(books::outputs)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.connection).map_err(|cause| error::explain(&self.path, &cause))
    }
}

/// A connection that writes nothing. One that may write is tried first: only
/// such a one tidies up after a killed process, and leaves no files behind.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let open = |flags| {
        let connection = configured(Connection::open_with_flags(path, flags)?)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let usual = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let denied = |cause: &rusqlite::Error| {
        matches!(
            cause.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
        )
    };
    match open(usual | OpenFlags::SQLITE_OPEN_READ_WRITE) {
        Err(cause) if denied(&cause) => {}
        result => return result,
    }
    match open(usual | OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(cause) if denied(&cause) && !log_of(path).exists() => {}
        result => return result,
    }
    // A folder that may not be written to, and nobody who writes.
    let connection = configured(Connection::open_with_flags(
        immutable(path),
        usual | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )?)?;
    Ok(connection)
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The path as a URI that says that the file does not change.
fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?immutable=1"
}

/// Records of a partition in build order; needs no sorting.
pub(super) const RECORDS: &str = "
    SELECT sort_key, primary_key, id, gone, body, pack, start, length FROM records
    WHERE stream = ?1 AND partition = ?2 ORDER BY sort_key, primary_key";

/// The same for a store of a format that has no packs.
pub(super) const RECORDS_WITHOUT_PACKS: &str = "
    SELECT sort_key, primary_key, id, gone, body, NULL, NULL, NULL FROM records
    WHERE stream = ?1 AND partition = ?2 ORDER BY sort_key, primary_key";

/// Their child lists, in the same order.
pub(super) const LISTS: &str = "
    SELECT sort_key, primary_key, child, state, reason FROM children
    WHERE stream = ?1 AND partition = ?2 ORDER BY sort_key, primary_key, child";

/// The items of one list, in the server's order.
pub(super) const ITEMS: &str =
    "SELECT primary_key, body FROM child_items WHERE record = ?1 AND child = ?2 ORDER BY id";

/// A row of [`LISTS`].
struct List {
    sort_key: String,
    primary_key: String,
    child: String,
    fetched: bool,
    reason: Option<String>,
}

fn next_list(lists: &mut Rows) -> rusqlite::Result<Option<List>> {
    let Some(row) = lists.next()? else {
        return Ok(None);
    };
    let fetched = match row.get_ref(3)?.as_str()? {
        "fetched" => true,
        "pending" | "failed" => false,
        state => return Err(books::unreadable(3, format!("no state of a list: {state}"))),
    };
    Ok(Some(List {
        sort_key: row.get(0)?,
        primary_key: row.get(1)?,
        child: row.get(2)?,
        fetched,
        reason: row.get(4)?,
    }))
}

/// Records and lists come in one order, so that two cursors walk side by side
/// and a record without lists costs no query of its own.
fn records_of(
    db: &Connection,
    statement: &str,
    stream: &str,
    partition: &str,
    each: &mut dyn FnMut(StoredRecord) -> ControlFlow<()>,
) -> rusqlite::Result<ControlFlow<()>> {
    let mut packs = packs::Read::default();
    let mut records = db.prepare_cached(statement)?;
    let mut lists = db.prepare_cached(LISTS)?;
    let mut records = records.query([stream, partition])?;
    let mut lists = lists.query([stream, partition])?;
    let mut list = next_list(&mut lists)?;
    while let Some(row) = records.next()? {
        let sort_key: String = row.get(0)?;
        let mut record = StoredRecord {
            primary_key: row.get(1)?,
            partition: partition.to_owned(),
            body: packs.body(db, row, 4)?,
            children: Vec::new(),
            missing: Vec::new(),
            gone: row.get(3)?,
        };
        let id: i64 = row.get(2)?;
        while let Some(found) = list
            .take_if(|list| (&list.sort_key, &list.primary_key) <= (&sort_key, &record.primary_key))
        {
            if found.fetched {
                let items = items(db, id, &found.child)?;
                record.children.push(StoredChild { name: found.child, items });
            } else if !record.gone {
                record.missing.push((found.child, found.reason));
            }
            list = next_list(&mut lists)?;
        }
        if each(record).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn items(db: &Connection, record: i64, child: &str) -> rusqlite::Result<Vec<ChildItem>> {
    db.prepare_cached(ITEMS)?
        .query_map(rusqlite::params![record, child], |row| {
            Ok(ChildItem {
                primary_key: row.get(0)?,
                body: Body::from_packed(row.get::<_, Vec<u8>>(1)?, None),
            })
        })?
        .collect()
}

fn reject(row: &Row) -> rusqlite::Result<Reject> {
    let stage: String = row.get(4)?;
    let child: String = row.get(3)?;
    Ok(Reject {
        stream: row.get(0)?,
        partition: row.get(1)?,
        key: row.get(2)?,
        child: (!child.is_empty()).then_some(child),
        stage: Stage::parse(&stage)
            .ok_or_else(|| books::unreadable(4, format!("no stage of a reject: {stage}")))?,
        reason: row.get(5)?,
        message: row.get(6)?,
        pointer: row.get(7)?,
        raw: row.get(8)?,
    })
}

impl Reader for SqliteReader {
    fn records(
        &self,
        stream: &str,
        partitions: &[String],
        each: &mut dyn FnMut(StoredRecord) -> ControlFlow<()>,
    ) -> Result<()> {
        for partition in partitions {
            if self.read(|db| records_of(db, self.records, stream, partition, each))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn rejects(&self, each: &mut dyn FnMut(Reject) -> ControlFlow<()>) -> Result<()> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT stream, partition, key, child, stage, reason, message, pointer, raw
                 FROM rejects ORDER BY stream, partition, key, child, parent",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if each(reject(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn partitions(&self, stream: &str) -> Result<Vec<PartitionRow>> {
        self.read(|db| books::partitions(db, stream))
    }

    fn count_records(&self, stream: &str, partition: &str) -> Result<u64> {
        self.read(|db| keys::count(db, stream, partition))
    }

    fn unfinished_lists(&self) -> Result<Vec<UnfinishedLists>> {
        self.read(children::unfinished)
    }

    fn meta(&self, key: &str) -> Result<Option<String>> {
        self.read(|db| books::meta(db, key))
    }

    fn data_version(&self) -> Result<i64> {
        self.read(books::revision)
    }
}
