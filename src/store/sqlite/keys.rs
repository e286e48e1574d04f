//! Which records there are, by key alone.

use rusqlite::{Connection, OptionalExtension, params};

use super::books;
use super::packs;
use crate::store::Body;

/// The statement of [`count`].
pub(super) const COUNT: &str =
    "SELECT count(*) FROM records WHERE stream = ?1 AND partition = ?2 AND gone = 0";

pub(super) fn count(db: &Connection, stream: &str, partition: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(COUNT)?.query_row([stream, partition], |row| books::count(row, 0))
}

/// The keys of a partition that are not listed, in the store's order, and the
/// listed ones that it lacks, sorted. A record that is marked gone counts as
/// lacking: if it is listed again, it has to be fetched again.
pub(super) fn compare(
    db: &Connection,
    stream: &str,
    partition: &str,
    listed: &[String],
) -> rusqlite::Result<(Vec<String>, Vec<String>)> {
    let mut listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    listed.sort_unstable();
    listed.dedup();
    let mut found = vec![false; listed.len()];
    let mut unlisted = Vec::new();
    let mut statement = db.prepare_cached(
        "SELECT primary_key FROM records WHERE stream = ?1 AND partition = ?2 AND gone = 0
         ORDER BY sort_key, primary_key",
    )?;
    let mut rows = statement.query([stream, partition])?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        match listed.binary_search(&key.as_str()) {
            Ok(index) => found[index] = true,
            Err(_) => unlisted.push(key),
        }
    }
    let missing =
        listed.iter().zip(found).filter(|(_, found)| !found).map(|(key, _)| (*key).to_owned());
    Ok((unlisted, missing.collect()))
}

pub(super) fn mark_gone(
    db: &Connection,
    stream: &str,
    partition: &str,
    primary_keys: &[String],
) -> rusqlite::Result<()> {
    // One that has moved meanwhile is not gone.
    let mut statement = db.prepare_cached(
        "UPDATE records SET gone = 1 WHERE stream = ?1 AND partition = ?2 AND primary_key = ?3",
    )?;
    for key in primary_keys {
        statement.execute([stream, partition, key])?;
    }
    Ok(())
}

pub(super) fn record_before(
    db: &Connection,
    stream: &str,
    partition: &str,
    sort_key: &str,
) -> rusqlite::Result<Option<(String, Body)>> {
    db.prepare_cached(
        "SELECT sort_key, body, pack, start, length FROM records
         WHERE stream = ?1 AND partition = ?2 AND sort_key < ?3 AND gone = 0
         ORDER BY sort_key DESC, primary_key DESC LIMIT 1",
    )?
    .query_row(params![stream, partition, sort_key], |row| {
        Ok((row.get(0)?, packs::Read::default().body(db, row, 1)?))
    })
    .optional()
}
