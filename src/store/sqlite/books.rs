//! Book-keeping: values of a run, partitions, cursors, files of builds.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use crate::store::{Cursor, PartitionRow, PartitionState};

pub(super) fn meta(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(super) fn set_meta(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
    )?
    .execute([key, value])?;
    Ok(())
}

/// Counts a commit that changed what outputs are made of.
pub(super) fn count_revision(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta VALUES ('revision', 1) ON CONFLICT DO UPDATE SET value = value + 1",
    )?
    .execute([])?;
    Ok(())
}

pub(super) fn revision(db: &Connection) -> rusqlite::Result<i64> {
    number(db, "revision")
}

pub(super) fn last_seq(db: &Connection) -> rusqlite::Result<i64> {
    number(db, "last_seq")
}

/// Notes that the reply to request `seq` is in the store.
pub(super) fn note_seq(db: &Connection, seq: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta VALUES ('last_seq', ?1) ON CONFLICT DO UPDATE
         SET value = max(CAST(value AS INTEGER), ?1)",
    )?
    .execute([seq])?;
    Ok(())
}

fn number(db: &Connection, key: &str) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

pub(super) fn partitions(db: &Connection, stream: &str) -> rusqlite::Result<Vec<PartitionRow>> {
    db.prepare_cached(
        "SELECT stream, partition, state, expected, checked, max_records, reason
         FROM partitions WHERE stream = ?1 ORDER BY partition",
    )?
    .query_map([stream], partition_row)?
    .collect()
}

pub(super) fn all_partitions(db: &Connection) -> rusqlite::Result<Vec<PartitionRow>> {
    db.prepare_cached(
        "SELECT stream, partition, state, expected, checked, max_records, reason
         FROM partitions ORDER BY stream, partition",
    )?
    .query_map([], partition_row)?
    .collect()
}

fn partition_row(row: &Row) -> rusqlite::Result<PartitionRow> {
    let state: String = row.get(2)?;
    Ok(PartitionRow {
        stream: row.get(0)?,
        partition: row.get(1)?,
        state: PartitionState::parse(&state)
            .ok_or_else(|| unreadable(2, format!("no state of a partition: {state}")))?,
        expected: optional_count(row, 3)?,
        checked: row.get(4)?,
        limit: optional_count(row, 5)?,
        reason: row.get(6)?,
    })
}

pub(super) fn put_partition(db: &Connection, row: &PartitionRow) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO partitions
           (stream, partition, state, expected, checked, max_records, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        row.stream,
        row.partition,
        row.state.as_str(),
        row.expected.map(stored_count),
        row.checked,
        row.limit.map(stored_count),
        row.reason
    ])?;
    Ok(())
}

pub(super) fn cursors(
    db: &Connection,
    stream: &str,
    partition: &str,
) -> rusqlite::Result<Vec<Cursor>> {
    db.prepare_cached(
        "SELECT range_number, position, done FROM cursors
         WHERE stream = ?1 AND partition = ?2 ORDER BY range_number",
    )?
    .query_map([stream, partition], |row| {
        Ok(Cursor { range: row.get(0)?, position: position(row, 1)?, done: row.get(2)? })
    })?
    .collect()
}

pub(super) fn put_cursors(
    db: &Connection,
    stream: &str,
    partition: &str,
    cursors: &[Cursor],
) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM cursors WHERE stream = ?1 AND partition = ?2")?
        .execute([stream, partition])?;
    cursors.iter().try_for_each(|cursor| put_cursor(db, stream, partition, cursor))
}

pub(super) fn put_cursor(
    db: &Connection,
    stream: &str,
    partition: &str,
    cursor: &Cursor,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO cursors (stream, partition, range_number, position, done)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        stream,
        partition,
        cursor.range,
        cursor.position.to_string(),
        cursor.done
    ])?;
    Ok(())
}

/// A column that counts something.
pub(super) fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    optional_count(row, column).map(Option::unwrap_or_default)
}

fn optional_count(row: &Row, column: usize) -> rusqlite::Result<Option<u64>> {
    let count: Option<i64> = row.get(column)?;
    count
        .map(|count| {
            u64::try_from(count).map_err(|_| unreadable(column, format!("no count: {count}")))
        })
        .transpose()
}

/// SQLite's integers are signed.
fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A column of JSON.
pub(super) fn position(row: &Row, column: usize) -> rusqlite::Result<Value> {
    serde_json::from_str(&row.get::<_, String>(column)?)
        .map_err(|cause| unreadable(column, format!("no JSON: {cause}")))
}

/// A column holds what this program never wrote.
pub(super) fn unreadable(column: usize, cause: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, cause.into())
}

pub(super) fn announce_outputs(db: &Connection, files: &[String]) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT OR IGNORE INTO outputs (file, build, finished) VALUES (?1, '', 0)",
    )?;
    for file in files {
        statement.execute([file])?;
    }
    Ok(())
}

pub(super) fn withdraw_outputs(db: &Connection, files: &[String]) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("DELETE FROM outputs WHERE file = ?1 AND build = ''")?;
    for file in files {
        statement.execute([file])?;
    }
    Ok(())
}

pub(super) fn begin_outputs(
    db: &Connection,
    build: &str,
    files: &[String],
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT OR REPLACE INTO outputs (file, build, finished) VALUES (?1, ?2, 0)",
    )?;
    for file in files {
        statement.execute([file.as_str(), build])?;
    }
    Ok(())
}

pub(super) fn finish_outputs(db: &Connection, build: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE outputs SET finished = 1 WHERE build = ?1")?.execute([build])?;
    Ok(())
}

pub(super) fn outputs(db: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    db.prepare_cached("SELECT file, finished FROM outputs ORDER BY file")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(super) fn last_build(db: &Connection, file: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT build FROM outputs WHERE file = ?1 AND finished = 1")?
        .query_row([file], |row| row.get(0))
        .optional()
}
