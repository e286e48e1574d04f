//! The bytes of records: in their own rows, or parts of packs.

use rusqlite::{Connection, OptionalExtension, Row, params};
use scrape_api::Bytes;

use super::books;
use crate::store::body::is_same;
use crate::store::{Body, Part};

/// Packs that were read last and may be asked for again: those of a page, and of what
/// replaced parts of it.
const READ_KEPT: usize = 8;

/// What a row of `records` says of its bytes.
pub(super) struct Place<'b> {
    /// `body`: empty where there is a pack.
    pub(super) body: &'b [u8],
    /// The pack, and where in it.
    pub(super) part: Option<(i64, Part)>,
}

impl Place<'_> {
    pub(super) fn pack(&self) -> Option<i64> {
        self.part.map(|(pack, _)| pack)
    }

    pub(super) fn start(&self) -> Option<u32> {
        self.part.map(|(_, part)| part.start)
    }

    pub(super) fn length(&self) -> Option<u32> {
        self.part.map(|(_, part)| part.length)
    }
}

/// The packs that a commit has written so far.
#[derive(Default)]
pub(super) struct Written(Vec<(Bytes, i64)>);

impl Written {
    /// Where the bytes of a record go; a pack is written with the first of its records.
    pub(super) fn place<'b>(
        &mut self,
        db: &Connection,
        body: &'b Body,
    ) -> rusqlite::Result<Place<'b>> {
        let Some(part) = body.part() else {
            return Ok(Place { body: body.frame(), part: None });
        };
        // Bodies of one pack share its bytes, and come one after the other.
        let known = self.0.iter().rev().find(|(frame, _)| is_same(frame, body.frame()));
        let known = known.map(|(_, id)| *id);
        let pack = match known {
            Some(id) => id,
            None => {
                db.prepare_cached("INSERT INTO packs (body, coding) VALUES (?1, ?2)")?
                    .execute(params![&body.frame()[..], body.coding()])?;
                let id = db.last_insert_rowid();
                self.0.push((body.frame().clone(), id));
                id
            }
        };
        Ok(Place { body: &[], part: Some((pack, part)) })
    }
}

/// A record is no longer in a pack: if that was the last one, the pack goes.
pub(super) fn left(db: &Connection, pack: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM packs
         WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM records WHERE pack = ?1)",
    )?
    .execute([pack])?;
    Ok(())
}

/// The packs that were read last, the newest first.
#[derive(Default)]
pub(super) struct Read(Vec<(i64, Bytes)>);

impl Read {
    /// The body of a row that has `body`, `pack`, `start` and `length` from column `at`.
    pub(super) fn body(&mut self, db: &Connection, row: &Row, at: usize) -> rusqlite::Result<Body> {
        let Some(pack) = row.get::<_, Option<i64>>(at + 1)? else {
            return Ok(Body::from_packed(row.get::<_, Vec<u8>>(at)?, None));
        };
        let part = Part { start: row.get(at + 2)?, length: row.get(at + 3)? };
        if let Some(found) = self.0.iter().position(|(id, _)| *id == pack) {
            self.0[..=found].rotate_right(1);
        } else {
            let frame: Option<Vec<u8>> = db
                .prepare_cached("SELECT body FROM packs WHERE id = ?1")?
                .query_row([pack], |row| row.get(0))
                .optional()?;
            let frame = frame
                .ok_or_else(|| books::unreadable(at + 1, format!("there is no pack {pack}")))?;
            self.0.truncate(READ_KEPT - 1);
            self.0.insert(0, (pack, frame.into()));
        }
        Ok(Body::from_packed(self.0[0].1.clone(), Some(part)))
    }
}
