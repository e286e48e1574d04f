//! Paths of a map that lead nowhere, told once each.

use serde_json::Value;

use super::map::Seen;
use super::mapper::{Mapper, WatchedField};
use super::worker::WATCHED_RECORDS;
use crate::plan::{Nearest, nearest, parse_json};
use crate::spec::{Diagnostic, Severity, quoted};
use crate::store::Body;

/// Bytes of records that are looked through for a path that is meant.
const SAMPLE_BYTES: usize = 16 << 20;

/// A finding for each field of a stream whose path led nowhere in the first
/// records, with the nearest path that exists.
///
/// In fewer records than that a path may be absent because nobody filled it in:
/// then only those are named that look like a slip, and none inside lists.
pub fn absent_paths(mapper: &Mapper, seen: &[Seen], sample: &[Body]) -> Vec<Diagnostic> {
    let missing: Vec<_> = mapper
        .watched
        .iter()
        .zip(seen)
        .filter(|(field, seen)| field.path.is_some() && seen.looked > 0 && seen.found == 0)
        .filter(|(field, seen)| !field.of_item || u64::from(seen.looked) >= WATCHED_RECORDS)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let mut bytes = 0;
    let records: Vec<Value> = sample
        .iter()
        .take_while(|body| {
            let fits = bytes < SAMPLE_BYTES;
            bytes += body.size();
            fits
        })
        .filter_map(|body| parse_json(&body.unpack().ok()?).ok())
        .collect();
    missing
        .into_iter()
        .filter_map(|(field, seen)| {
            let near = suggestion(&records, field);
            let few = u64::from(seen.looked) < WATCHED_RECORDS;
            if few && near.as_ref().is_none_or(|near| near.alike.is_none()) {
                return None;
            }
            Some(finding(field, seen, near))
        })
        .collect()
}

fn finding(field: &WatchedField, seen: &Seen, near: Option<Nearest>) -> Diagnostic {
    let what = if field.of_item { "items" } else { "records" };
    let message =
        format!("the field `{}` finds nothing in the first {} {what}", field.name, seen.looked);
    let own = |near: &Nearest| near.step.checked_sub(field.above);
    let place = field.path.map(|path| match near.as_ref().and_then(own) {
        Some(step) => path.place_of(step),
        None => path.span(),
    });
    let hint = near.as_ref().and_then(|near| {
        let path = field.path?.with_name(own(near)?, near.alike.as_ref()?)?;
        Some(if path.contains('[') { quoted(&path) } else { path })
    });
    let far = near.as_ref().filter(|near| near.alike.is_none());
    let there = far.and_then(Nearest::listed).map(|keys| format!("there is {keys}"));
    Diagnostic {
        severity: Severity::Warning,
        hint,
        notes: there.into_iter().collect(),
        ..Diagnostic::error(place, message)
    }
}

/// The nearest path over all records: the first that ends with a name like the one
/// that is not there, else the deepest.
fn suggestion(records: &[Value], field: &WatchedField) -> Option<Nearest> {
    records.iter().filter_map(|record| nearest(record, &field.steps)).fold(None, |best, next| {
        let rank = |near: &Nearest| (near.alike.is_some(), near.step);
        match best {
            Some(best) if rank(&best) >= rank(&next) => Some(best),
            _ => Some(next),
        }
    })
}
