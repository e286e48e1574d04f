//! Paths of a map that lead nowhere, told once each.

use serde_json::Value;

use super::map::Seen;
use super::mapper::Mapper;
use super::worker::WATCHED_RECORDS;
use crate::plan::{Step, nearest};
use crate::store::Body;

/// One sentence for each field of a stream whose path led nowhere in the first
/// records, with the nearest path that exists.
///
/// In fewer records than that a path may be absent because nobody filled it in:
/// then only those are named that look like a slip, and none inside lists.
pub fn absent_paths(mapper: &Mapper, seen: &[Seen], sample: &[Body]) -> Vec<String> {
    let missing: Vec<_> = mapper
        .watched
        .iter()
        .zip(seen)
        .filter(|(field, seen)| field.is_path && seen.looked > 0 && seen.found == 0)
        .filter(|(field, seen)| !field.of_item || u64::from(seen.looked) >= WATCHED_RECORDS)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let records: Vec<Value> = sample
        .iter()
        .filter_map(|body| serde_json::from_slice(&body.unpack().ok()?).ok())
        .collect();
    missing
        .into_iter()
        .filter_map(|(field, seen)| {
            let near = suggestion(&records, &field.steps);
            let few = u64::from(seen.looked) < WATCHED_RECORDS;
            if few && near.is_none() {
                return None;
            }
            let what = if field.of_item { "items" } else { "records" };
            let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Some(format!(
                "stream {}: the field `{}` finds nothing at `{}` in the first {} {what}{hint}",
                mapper.stream.name, field.name, field.source, seen.looked
            ))
        })
        .collect()
}

/// The deepest of the nearest paths, over all records: one of another name than
/// what leads to it.
fn suggestion(records: &[Value], steps: &[Step]) -> Option<String> {
    records
        .iter()
        .filter_map(|record| {
            let near = nearest(record, steps)?;
            // Without an alike key the path so far is given, which helps nobody.
            let depth = near.matches(['.', '[']).count();
            let broken = (0..steps.len()).find(|n| nearest(record, &steps[..=*n]).is_some())?;
            (depth > broken).then_some((depth, near))
        })
        // The first of the deepest, so that the order of records decides.
        .fold(None, |best: Option<(usize, String)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, near)| near)
}
