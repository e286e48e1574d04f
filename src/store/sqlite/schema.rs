//! The format of the file: its marks, its version, its tables.

use rusqlite::{Connection, TransactionBehavior};

use crate::kill;

/// `application_id` of every store: "scrp".
pub(crate) const APPLICATION_ID: i32 = 0x7363_7270;

/// The steps from each format version to the next: the first makes version 1
/// of an empty file. A released step is never changed; a new format adds one.
pub(super) const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// The first format that has packs.
pub(super) const PACKS: i64 = 3;

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Of the newest version.
    Current,
    /// Older, by its version, which is 0 for one just begun: needs [`migrate`].
    Older(i64),
    /// Newer than this program; holds its version.
    Newer(i64),
    /// A database of something else.
    Foreign,
}

/// Reads a file's marks.
pub(super) fn format(connection: &Connection, steps: &[&str]) -> rusqlite::Result<Format> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application = pragma("application_id")?;
    if application != i64::from(APPLICATION_ID) && (application != 0 || tables > 0) {
        return Ok(Format::Foreign);
    }
    let version = pragma("user_version")?;
    Ok(match usize::try_from(version) {
        Ok(version) if version == steps.len() => Format::Current,
        Ok(older) if older < steps.len() => Format::Older(version),
        _ => Format::Newer(version),
    })
}

/// Brings a file to the newest version, each step a transaction of its own, so
/// that a kill in between leaves a file of a version in between.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    loop {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = step.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let Some(sql) = usize::try_from(version).ok().and_then(|version| steps.get(version)) else {
            return Ok(());
        };
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", version + 1)?;
        kill::point("migration written");
        step.commit()?;
        kill::point("migration done");
    }
}
