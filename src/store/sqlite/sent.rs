//! What upsert sinks have confirmed, beside what a build makes now.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
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

/// The books of one sink, on a connection of their own.
pub(super) struct SqliteSent {
    connection: Connection,
    path: PathBuf,
    sink: String,
    target: String,
    /// The target's row, when it is known and still holds what it held.
    known: Option<i64>,
}

impl SqliteSent {
    pub(super) fn open(path: &Path, sink: &str) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(configured)
            .map_err(|cause| error::explain(path, &cause))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            sink: sink.to_owned(),
            target: String::new(),
            known: None,
        })
    }

    fn on<T>(&mut self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&mut self.connection).map_err(|cause| error::explain(&self.path, &cause))
    }

    /// Ends the snapshot that lookups share.
    fn end_snapshot(&mut self) -> Result<()> {
        self.on(|db| if db.is_autocommit() { Ok(()) } else { db.execute_batch("COMMIT") })
    }
}

impl SentRows for SqliteSent {
    fn begin(&mut self, target: &str, empty: bool) -> Result<()> {
        self.end_snapshot()?;
        self.target = target.to_owned();
        let (sink, target) = (self.sink.clone(), target.to_owned());
        let id = self.on(|db| {
            db.execute_batch(BUILT)?;
            db.execute_batch("BEGIN")?;
            db.query_row(
                "SELECT id FROM sinks WHERE name = ?1 AND target = ?2",
                [sink, target],
                |row| row.get(0),
            )
            .optional()
        })?;
        self.known = if empty { None } else { id };
        Ok(())
    }

    fn is_news(&mut self, key: &RowKey, hash: u128) -> Result<bool> {
        let (key, hash, known) = (encoded(key), hash.to_be_bytes(), self.known);
        self.on(|db| {
            let sent: Option<bool> = db
                .prepare_cached("SELECT hash = ?3 FROM sent WHERE sink = ?1 AND key = ?2")?
                .query_row(params![known, key, hash], |row| row.get(0))
                .optional()?;
            let news = sent != Some(true);
            db.prepare_cached("INSERT OR REPLACE INTO temp.built VALUES (?1, ?2, ?3)")?
                .execute(params![key, hash, news])?;
            Ok(news)
        })
    }

    fn gone(&mut self, after: Option<&RowKey>) -> Result<Vec<RowKey>> {
        let (after, known) = (after.map(encoded).unwrap_or_default(), self.known);
        self.on(|db| {
            db.prepare_cached(
                "SELECT key FROM sent WHERE sink = ?1 AND key > ?2
                   AND NOT EXISTS (SELECT 1 FROM temp.built WHERE built.key = sent.key)
                 ORDER BY key LIMIT ?3",
            )?
            .query_map(params![known, after, KEYS], |row| decoded(&row.get::<_, String>(0)?))?
            .collect()
        })
    }

    fn confirm(&mut self) -> Result<()> {
        self.end_snapshot()?;
        let (sink, target, known) = (self.sink.clone(), self.target.clone(), self.known);
        self.on(|db| {
            let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            step.execute(
                "INSERT INTO sinks (name, target) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [&sink, &target],
            )?;
            let id: i64 = step.query_row(
                "SELECT id FROM sinks WHERE name = ?1 AND target = ?2",
                [&sink, &target],
                |row| row.get(0),
            )?;
            step.execute(
                "DELETE FROM sent WHERE sink = ?1 AND (?2
                   OR NOT EXISTS (SELECT 1 FROM temp.built WHERE built.key = sent.key))",
                params![id, known.is_none()],
            )?;
            step.execute(
                "INSERT OR REPLACE INTO sent SELECT ?1, key, hash FROM temp.built WHERE news",
                [id],
            )?;
            step.commit()
        })
    }
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
