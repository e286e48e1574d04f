//! Lists that are fetched apart: pending, fetched or failed, and their items.

use rusqlite::{Connection, OptionalExtension, params};

use super::{books, packs, records};
use crate::store::{ChildCommit, ChildKey, NewRecord, PageCommit, PendingChild, UnfinishedLists};

/// A record is replaced: the lists of the old one go, with all that came of them.
pub(super) fn discard(
    db: &Connection,
    id: i64,
    stream: &str,
    partition: &str,
    sort_key: &str,
    record: &NewRecord,
) -> rusqlite::Result<()> {
    let lists = db
        .prepare_cached(
            "DELETE FROM children
             WHERE stream = ?1 AND partition = ?2 AND sort_key = ?3 AND primary_key = ?4",
        )?
        .execute(params![stream, partition, sort_key, record.primary_key])?;
    if lists > 0 {
        db.prepare_cached("DELETE FROM child_items WHERE record = ?1")?.execute([id])?;
        db.prepare_cached("DELETE FROM rejects WHERE stream = ?1 AND parent = ?2 AND child <> ''")?
            .execute([stream, record.primary_key.as_str()])?;
    }
    Ok(())
}

/// Writes a pending row for each list that a record needs; how many.
pub(super) fn pend(
    db: &Connection,
    page: &PageCommit,
    record: &NewRecord,
) -> rusqlite::Result<u64> {
    for child in &record.pending {
        db.prepare_cached(
            "INSERT OR REPLACE INTO children
               (stream, partition, sort_key, primary_key, child, state)
             VALUES (?1, ?2, ?3, ?4, ?5, 'pending')",
        )?
        .execute(params![
            page.stream,
            page.partition,
            record.sort_key,
            record.primary_key,
            child
        ])?;
    }
    Ok(record.pending.len() as u64)
}

pub(super) fn commit(db: &Connection, page: &ChildCommit) -> rusqlite::Result<()> {
    let key = &page.key;
    let parent: Option<i64> = db
        .prepare_cached(
            "SELECT id FROM records WHERE stream = ?1 AND primary_key = ?2 AND seq = ?3",
        )?
        .query_row(params![key.stream, key.primary_key, page.parent_seq], |row| row.get(0))
        .optional()?;
    let Some(parent) = parent else {
        return Ok(());
    };
    if page.first {
        db.prepare_cached("DELETE FROM child_items WHERE record = ?1 AND child = ?2")?
            .execute(params![parent, key.child])?;
        db.prepare_cached("DELETE FROM rejects WHERE stream = ?1 AND parent = ?2 AND child = ?3")?
            .execute([&key.stream, &key.primary_key, &key.child])?;
    }
    for reject in &page.rejects {
        records::put_reject(db, reject, &key.primary_key, page.parent_seq)?;
    }
    for item in &page.items {
        // An item that moved to a later page while the list was read keeps its place.
        db.prepare_cached(
            "INSERT INTO child_items (record, child, primary_key, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (record, child, primary_key) DO UPDATE SET body = excluded.body",
        )?
        .execute(params![parent, key.child, item.primary_key, &item.body.frame()[..]])?;
        records::mended(
            db,
            &key.stream,
            &key.primary_key,
            &key.child,
            &item.primary_key,
            page.parent_seq,
        )?;
    }
    let state = if page.position.is_some() { "pending" } else { "fetched" };
    let position = page.position.as_ref().map(ToString::to_string);
    db.prepare_cached(
        "INSERT OR REPLACE INTO children
           (stream, partition, sort_key, primary_key, child, state, position)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        key.stream,
        key.partition,
        key.sort_key,
        key.primary_key,
        key.child,
        state,
        position
    ])?;
    Ok(())
}

pub(super) fn fail(
    db: &Connection,
    key: &ChildKey,
    parent_seq: i64,
    reason: &str,
) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "UPDATE children SET state = 'failed', reason = ?6
         WHERE stream = ?1 AND partition = ?2 AND sort_key = ?3 AND primary_key = ?4 AND child = ?5
           AND state = 'pending'
           AND EXISTS (SELECT 1 FROM records AS r
                       WHERE r.stream = ?1 AND r.primary_key = ?4 AND r.seq = ?7 AND r.gone = 0)",
    )?
    .execute(params![
        key.stream,
        key.partition,
        key.sort_key,
        key.primary_key,
        key.child,
        reason,
        parent_seq
    ])
    .map(|rows| rows > 0)
}

/// The statement of [`pending`].
pub(super) const PENDING: &str = "
    SELECT c.partition, c.sort_key, c.primary_key, c.child, c.position, r.seq, r.body, r.pack, r.start, r.length
    FROM children AS c INDEXED BY children_pending CROSS JOIN records AS r
      ON r.stream = c.stream AND r.primary_key = c.primary_key
    WHERE c.stream = ?1 AND c.state = 'pending' AND r.gone = 0
      AND (c.partition, c.sort_key, c.primary_key, c.child) > (?2, ?3, ?4, ?5)
    ORDER BY c.partition, c.sort_key, c.primary_key, c.child
    LIMIT ?6";

pub(super) fn pending(
    db: &Connection,
    stream: &str,
    after: Option<&ChildKey>,
    limit: usize,
) -> rusqlite::Result<Vec<PendingChild>> {
    // Nothing is below four empty keys, and a list has a name.
    let (partition, sort_key, primary_key, child) = match after {
        Some(key) => (&*key.partition, &*key.sort_key, &*key.primary_key, &*key.child),
        None => ("", "", "", ""),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut packs = packs::Read::default();
    db.prepare_cached(PENDING)?
        .query_map(params![stream, partition, sort_key, primary_key, child, limit], |row| {
            Ok(PendingChild {
                key: ChildKey {
                    stream: stream.to_owned(),
                    partition: row.get(0)?,
                    sort_key: row.get(1)?,
                    primary_key: row.get(2)?,
                    child: row.get(3)?,
                },
                position: match row.get_ref(4)? {
                    rusqlite::types::ValueRef::Null => None,
                    _ => Some(books::position(row, 4)?),
                },
                parent_seq: row.get(5)?,
                parent: packs.body(db, row, 6)?,
            })
        })?
        .collect()
}

/// How many lists of a record are pending.
pub(super) fn pending_of(
    db: &Connection,
    stream: &str,
    partition: &str,
    sort_key: &str,
    primary_key: &str,
) -> rusqlite::Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM children
         WHERE stream = ?1 AND partition = ?2 AND sort_key = ?3 AND primary_key = ?4
           AND state = 'pending'",
    )?
    .query_row([stream, partition, sort_key, primary_key], |row| books::count(row, 0))
}

pub(super) fn retry_failed(db: &Connection, stream: &str) -> rusqlite::Result<u64> {
    db.prepare_cached(
        "UPDATE children SET state = 'pending', reason = NULL
         WHERE stream = ?1 AND state = 'failed'
           AND NOT EXISTS (SELECT 1 FROM records AS r
                           WHERE r.stream = ?1 AND r.primary_key = children.primary_key
                             AND r.gone = 1)",
    )?
    .execute([stream])
    .map(|rows| rows as u64)
}

/// How many lists of records that are not gone are pending and how many failed.
pub(super) fn unfinished(db: &Connection) -> rusqlite::Result<Vec<UnfinishedLists>> {
    db.prepare_cached(
        "SELECT c.stream, c.partition, count(*) FILTER (WHERE state = 'pending'),
                count(*) FILTER (WHERE state = 'failed')
         FROM children AS c JOIN records AS r
           ON r.stream = c.stream AND r.primary_key = c.primary_key
         WHERE c.state <> 'fetched' AND r.gone = 0
         GROUP BY c.stream, c.partition ORDER BY c.stream, c.partition",
    )?
    .query_map([], |row| {
        Ok(UnfinishedLists {
            stream: row.get(0)?,
            partition: row.get(1)?,
            pending: books::count(row, 2)?,
            failed: books::count(row, 3)?,
        })
    })?
    .collect()
}
