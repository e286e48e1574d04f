//! Sink plugin `sqlite`: rows in a table, put and removed by key.
//!
//! It is a model for sinks that write to a database: [`Delivery::Upsert`]. The
//! engine remembers what it confirmed and feeds only what changed, so that a build
//! after a small change costs little, however large the table is.

use std::path::PathBuf;

use rusqlite::{Connection, params};
use scrape_api::{
    Delivery, Deserialize, Error, JsonSchema, OptionsError, OutputDir, Result, Row, RowKey, Sink,
    register_sink,
};

/// Options of the sink.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(crate = "scrape_api::serde", deny_unknown_fields)]
#[schemars(crate = "scrape_api::schemars")]
pub struct Config {
    /// The database file, relative to the output directory. It may hold other tables.
    pub path: String,
    /// The table, which is made where there is none.
    #[serde(default = "rows")]
    pub table: String,
}

fn rows() -> String {
    "rows".to_owned()
}

/// A table with the four parts of a key and the row as JSON.
///
/// One life is one transaction: readers see the former rows until `commit`. That is
/// more than [`Delivery::Upsert`] asks for; a database for which it would be too
/// large may commit in between.
pub struct Sqlite {
    path: String,
    table: String,
    /// In a transaction while it is there.
    connection: Option<Connection>,
}

impl Sqlite {
    /// Checks the options, without touching the disk.
    ///
    /// # Errors
    /// At the option that does not fit.
    pub fn new(config: Config) -> Result<Self, OptionsError> {
        OutputDir::check(&config.path).map_err(|e| OptionsError::at("path", e.to_string()))?;
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // It goes into statements, where it cannot be a parameter.
        if !config.table.starts_with(|c: char| c.is_ascii_alphabetic())
            || !config.table.chars().all(name)
        {
            return Err(OptionsError::at("table", "a name of letters, digits and `_` is needed"));
        }
        Ok(Self { path: config.path, table: config.table, connection: None })
    }

    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(|| Error::msg(format!("{} is not open", self.path)))
    }

    /// Names the file in an error of SQLite.
    fn failed(&self, error: rusqlite::Error) -> Error {
        Error::msg(format!("{}: {error}", self.path))
    }
}

impl Sink for Sqlite {
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    /// The database goes with `--fresh`, and its absence tells the engine that all
    /// rows have to come again.
    fn files(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(&self.path)]
    }

    fn open(&mut self, dir: &OutputDir) -> Result<()> {
        let place = dir.file(&self.path)?;
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)
                .map_err(Error::io(format!("create {}", folder.display())))?;
        }
        let table = &self.table;
        // What a killed process left half done, SQLite takes back here.
        let opened = Connection::open(place).and_then(|connection| {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 CREATE TABLE IF NOT EXISTS {table} (
                   stream      TEXT NOT NULL,
                   primary_key TEXT NOT NULL,
                   task        TEXT,
                   example     INTEGER NOT NULL,
                   row         TEXT NOT NULL -- JSON
                 ) STRICT;
                 CREATE UNIQUE INDEX IF NOT EXISTS {table}_by_key
                   ON {table} (stream, primary_key, ifnull(task, char(0)), example);
                 CREATE TABLE IF NOT EXISTS {table}_target (id TEXT NOT NULL) STRICT;
                 INSERT INTO {table}_target
                   SELECT lower(hex(randomblob(16)))
                   WHERE NOT EXISTS (SELECT 1 FROM {table}_target);"
            ))?;
            Ok(connection)
        });
        self.connection = Some(opened.map_err(|e| self.failed(e))?);
        Ok(())
    }

    /// Drawn when the table was made: another table, or this one from an older
    /// backup of another, is no longer what the engine knows.
    fn target_id(&mut self) -> Result<Option<String>> {
        let query = format!("SELECT id FROM {}_target", self.table);
        let id = self.connection()?.query_row(&query, [], |row| row.get(0));
        id.map(Some).map_err(|e| self.failed(e))
    }

    fn write(&mut self, batch: &[Row]) -> Result<()> {
        let connection = self.connection()?;
        let put = format!(
            "INSERT OR REPLACE INTO {} (stream, primary_key, task, example, row)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            self.table
        );
        for Row { key, bytes, .. } in batch {
            let text = std::str::from_utf8(bytes).map_err(Error::msg)?;
            connection
                .prepare_cached(&put)
                .and_then(|mut put| {
                    put.execute(params![key.stream, key.primary_key, key.task, key.example, text])
                })
                .map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn delete(&mut self, keys: &[RowKey]) -> Result<()> {
        let connection = self.connection()?;
        let remove = format!(
            "DELETE FROM {} WHERE stream = ?1 AND primary_key = ?2
             AND ifnull(task, char(0)) = ifnull(?3, char(0)) AND example = ?4",
            self.table
        );
        for key in keys {
            connection
                .prepare_cached(&remove)
                .and_then(|mut remove| {
                    remove.execute(params![key.stream, key.primary_key, key.task, key.example])
                })
                .map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// Nothing to do: SQLite syncs when the transaction ends.
    fn finish(&mut self) -> Result<()> {
        self.connection().map(|_| ())
    }

    fn commit(&mut self) -> Result<()> {
        self.connection()?.execute_batch("COMMIT").map_err(|e| self.failed(e))?;
        self.connection = None;
        Ok(())
    }

    /// A connection that goes takes its open transaction back.
    fn abort(&mut self) {
        self.connection = None;
    }
}

register_sink! {
    name: "sqlite",
    summary: "Rows as JSON in a table of an SQLite database, put and removed by key",
    config: Config,
    example: "sinks:\n  table: { type: sqlite, from: records, path: issues.db, table: issues }",
    new: Sqlite::new,
}
