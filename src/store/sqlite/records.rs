//! Records and rejects: the reply to a stream's own request.

use rusqlite::{Connection, OptionalExtension, params};

use super::packs::Place;
use super::{books, children, packs};
use crate::store::{Committed, NewRecord, PageCommit, Reject};

/// What decides whether a record replaces the stored one.
struct Stored {
    id: i64,
    partition: String,
    sort_key: String,
    version: String,
    seq: i64,
    gone: bool,
    pack: Option<i64>,
}

pub(super) fn commit_page(db: &Connection, page: &PageCommit) -> rusqlite::Result<Committed> {
    let mut committed = Committed::default();
    for reject in &page.rejects {
        put_reject(db, reject, "", page.seq)?;
    }
    let mut packs = packs::Written::default();
    for record in &page.records {
        put_record(db, page, record, &mut packs, &mut committed)?;
    }
    if let Some(cursor) = &page.cursor {
        books::put_cursor(db, &page.stream, &page.partition, cursor)?;
    }
    books::note_seq(db, page.seq)?;
    Ok(committed)
}

fn put_record(
    db: &Connection,
    page: &PageCommit,
    record: &NewRecord,
    packs: &mut packs::Written,
    committed: &mut Committed,
) -> rusqlite::Result<()> {
    let stored = db
        .prepare_cached(
            "SELECT id, partition, sort_key, version, seq, gone, pack FROM records
             WHERE stream = ?1 AND primary_key = ?2",
        )?
        .query_row([&page.stream, &record.primary_key], |row| {
            Ok(Stored {
                id: row.get(0)?,
                partition: row.get(1)?,
                sort_key: row.get(2)?,
                version: row.get(3)?,
                seq: row.get(4)?,
                gone: row.get(5)?,
                pack: row.get(6)?,
            })
        })
        .optional()?;
    match stored {
        None => {
            insert(db, page, record, &packs.place(db, &record.body)?)?;
            committed.added += 1;
        }
        Some(old) if (&record.version, page.seq) >= (&old.version, old.seq) => {
            children::discard(db, old.id, &page.stream, &old.partition, &old.sort_key, record)?;
            replace(db, page, record, &packs.place(db, &record.body)?, old.id)?;
            old.pack.map_or(Ok(()), |pack| packs::left(db, pack))?;
            committed.replaced += 1;
        }
        Some(old) => {
            // Older than what is stored, but the server does list it.
            db.prepare_cached("UPDATE records SET gone = 0, seen = max(seen, ?2) WHERE id = ?1")?
                .execute([old.id, page.seq])?;
            // Those of a record that was gone until now were passed over.
            if old.gone {
                committed.pending += children::pending_of(
                    db,
                    &page.stream,
                    &old.partition,
                    &old.sort_key,
                    &record.primary_key,
                )?;
            }
            return mended(db, &page.stream, "", "", &record.primary_key, page.seq);
        }
    }
    mended(db, &page.stream, "", "", &record.primary_key, page.seq)?;
    committed.pending += children::pend(db, page, record)?;
    Ok(())
}

fn insert(
    db: &Connection,
    page: &PageCommit,
    record: &NewRecord,
    place: &Place,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO records
           (stream, primary_key, partition, sort_key, version, seq, seen, gone, body, original,
            pack, start, length)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        page.stream,
        record.primary_key,
        page.partition,
        record.sort_key,
        record.version,
        page.seq,
        place.body,
        record.original.as_ref().map(|body| &body.frame()[..]),
        place.pack(),
        place.start(),
        place.length(),
    ])?;
    Ok(())
}

fn replace(
    db: &Connection,
    page: &PageCommit,
    record: &NewRecord,
    place: &Place,
    id: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE records
         SET partition = ?2, sort_key = ?3, version = ?4, seq = ?5, seen = max(seen, ?5),
             gone = 0, body = ?6, original = ?7, pack = ?8, start = ?9, length = ?10
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        page.partition,
        record.sort_key,
        record.version,
        page.seq,
        place.body,
        record.original.as_ref().map(|body| &body.frame()[..]),
        place.pack(),
        place.start(),
        place.length(),
    ])?;
    Ok(())
}

/// Writes a reject, unless a later reply has brought the same thing whole, or
/// has rejected it as well.
pub(super) fn put_reject(
    db: &Connection,
    reject: &Reject,
    parent: &str,
    seq: i64,
) -> rusqlite::Result<()> {
    let child = reject.child.as_deref().unwrap_or_default();
    if child.is_empty() {
        let whole = db
            .prepare_cached(
                "SELECT 1 FROM records WHERE stream = ?1 AND primary_key = ?2 AND seen >= ?3",
            )?
            .exists(params![reject.stream, reject.key, seq])?;
        if whole {
            return Ok(());
        }
    }
    db.prepare_cached(
        "INSERT INTO rejects
           (stream, parent, child, key, partition, seq, stage, reason, message, pointer, raw)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (stream, parent, child, key) DO UPDATE
         SET partition = excluded.partition, seq = excluded.seq, stage = excluded.stage,
             reason = excluded.reason, message = excluded.message, pointer = excluded.pointer,
             raw = excluded.raw
         WHERE excluded.seq >= seq",
    )?
    .execute(params![
        reject.stream,
        parent,
        child,
        reject.key,
        reject.partition,
        seq,
        reject.stage.as_str(),
        reject.reason,
        reject.message,
        reject.pointer,
        reject.raw,
    ])?;
    Ok(())
}

/// Something arrived whole: what earlier replies made of it is no longer true.
pub(super) fn mended(
    db: &Connection,
    stream: &str,
    parent: &str,
    child: &str,
    key: &str,
    seq: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM rejects
         WHERE stream = ?1 AND parent = ?2 AND child = ?3 AND key = ?4 AND seq <= ?5",
    )?
    .execute(params![stream, parent, child, key, seq])?;
    Ok(())
}
