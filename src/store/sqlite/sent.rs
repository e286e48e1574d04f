//! What upsert sinks have confirmed, beside what a build makes now.

use std::path::{Path, PathBuf};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use scrape_api::RowKey;

use super::{books, configured, error};
use crate::store::{Result, SentRows};

/// Keys that are read at a time.
const KEYS: i64 = 1000;

/// The rows of this build, in a table of this connection alone, which SQLite keeps on
/// disk: memory does not grow with them.
const BUILT: &str = "
    CREATE TEMP TABLE IF NOT EXISTS built (
      key TEXT NOT NULL PRIMARY KEY, hash BLOB NOT NULL, news INTEGER NOT NULL
    ) WITHOUT ROWID;
    DELETE FROM temp.built;";

/// The hash of a row that is in doubt: no row has it.
const DOUBT: &[u8] = &[];

/// The books of one sink, on a connection of their own.
pub(super) struct SqliteSent {
    connection: Connection,
    path: PathBuf,
    sink: String,
    /// The target's row; none before `begin`.
    target: Option<i64>,
}

impl SqliteSent {
    pub(super) fn open(path: &Path, sink: &str) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(configured)
            .map_err(|cause| error::explain(path, &cause))?;
        Ok(Self { connection, path: path.to_owned(), sink: sink.to_owned(), target: None })
    }

    fn on<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&mut self.connection).map_err(|cause| error::explain(&self.path, &cause))
    }

    /// Ends the snapshot that lookups share.
    fn end_snapshot(&mut self) -> Result<()> {
        self.on(|db| if db.is_autocommit() { Ok(()) } else { db.execute_batch("COMMIT") })
    }

    /// One transaction, outside of that snapshot.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T> {
        self.end_snapshot()?;
        self.on(|db| {
            let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&step)?;
            step.commit()?;
            Ok(done)
        })
    }
}

impl SentRows for SqliteSent {
    fn doubt_all(&mut self, options: &str) -> Result<()> {
        let (sink, prefix) = (self.sink.clone(), target(options, ""));
        self.write(|db| {
            db.execute(
                "UPDATE sent SET hash = ?3 WHERE sink IN
                   (SELECT id FROM sinks WHERE name = ?1 AND substr(target, 1, length(?2)) = ?2)",
                params![sink, prefix, DOUBT],
            )
        })?;
        Ok(())
    }

    fn begin(&mut self, options: &str, id: &str) -> Result<()> {
        let (sink, target) = (self.sink.clone(), target(options, id));
        let find = |db: &Connection| {
            db.query_row(
                "SELECT id FROM sinks WHERE name = ?1 AND target = ?2",
                [&sink, &target],
                |row| row.get(0),
            )
            .optional()
        };
        self.end_snapshot()?;
        self.target = self.on(|db| find(db))?;
        if self.target.is_none() {
            let row = [&sink, &target];
            self.write(|db| db.execute("INSERT INTO sinks (name, target) VALUES (?1, ?2)", row))?;
            self.target = self.on(|db| find(db))?;
        }
        self.on(|db| {
            db.execute_batch(BUILT)?;
            db.execute_batch("BEGIN")
        })
    }

    fn is_news(&mut self, key: &RowKey, hash: u128) -> Result<bool> {
        let (key, hash, target) = (encoded(key), hash.to_be_bytes(), self.target);
        self.on(|db| {
            let sent: Option<bool> = db
                .prepare_cached("SELECT hash = ?3 FROM sent WHERE sink = ?1 AND key = ?2")?
                .query_row(params![target, key, hash], |row| row.get(0))
                .optional()?;
            let news = sent != Some(true);
            db.prepare_cached("INSERT OR REPLACE INTO temp.built VALUES (?1, ?2, ?3)")?
                .execute(params![key, hash, news])?;
            Ok(news)
        })
    }

    fn doubt(&mut self, keys: &[RowKey]) -> Result<()> {
        let target = self.target;
        self.write(|db| {
            let mut put = db.prepare_cached(
                "INSERT OR REPLACE INTO sent (sink, key, hash) VALUES (?1, ?2, ?3)",
            )?;
            keys.iter()
                .try_for_each(|key| put.execute(params![target, encoded(key), DOUBT]).map(drop))
        })?;
        self.on(|db| db.execute_batch("BEGIN"))
    }

    fn gone(&mut self, after: Option<&RowKey>) -> Result<Vec<RowKey>> {
        let (after, target) = (after.map(encoded).unwrap_or_default(), self.target);
        self.on(|db| {
            db.prepare_cached(
                "SELECT key FROM sent WHERE sink = ?1 AND key > ?2
                   AND NOT EXISTS (SELECT 1 FROM temp.built WHERE built.key = sent.key)
                 ORDER BY key LIMIT ?3",
            )?
            .query_map(params![target, after, KEYS], |row| decoded(&row.get::<_, String>(0)?))?
            .collect()
        })
    }

    fn confirm(&mut self) -> Result<()> {
        let target = self.target;
        self.write(|db| {
            db.execute(
                "DELETE FROM sent WHERE sink = ?1
                   AND NOT EXISTS (SELECT 1 FROM temp.built WHERE built.key = sent.key)",
                [target],
            )?;
            db.execute(
                "INSERT OR REPLACE INTO sent SELECT ?1, key, hash FROM temp.built WHERE news",
                [target],
            )
        })?;
        Ok(())
    }
}

/// What names a target among those of a sink.
fn target(options: &str, id: &str) -> String {
    format!("{options} {id}")
}

/// A key as JSON: its parts stay apart whatever they are.
fn encoded(key: &RowKey) -> String {
    serde_json::json!([key.stream, key.primary_key, key.task, key.example]).to_string()
}

fn decoded(text: &str) -> rusqlite::Result<RowKey> {
    let (stream, primary_key, task, example): (String, String, Option<String>, u32) =
        serde_json::from_str(text)
            .map_err(|cause| books::unreadable(0, format!("no key of a row: {cause}")))?;
    let key = RowKey::new(stream, primary_key);
    Ok(match task {
        Some(task) => key.of_task(task, example),
        None => key,
    })
}
