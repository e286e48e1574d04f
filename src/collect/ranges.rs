//! Cuts a keyset partition into ranges of keys, so that several of its requests
//! can be in flight.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::page;
use super::paginate::{At, Position};
use super::partition::{PartitionRun, first_cursor};
use super::record::key_of;
use super::run::{Break, joined};
use super::walk;
use crate::http::{Failure, FailureScope};
use crate::plan::{KeyOrder, PaginationKind, Ranges, order_key, template_value};
use crate::store::Cursor;

/// How many keys a probe asks for: the start of a range and the keys before it,
/// to fall back on when the start is gone by the time it is used.
const PROBED: u64 = 3;

/// The cursors of a partition that was never begun: one, or one for each range.
pub(super) async fn cut(part: &Arc<PartitionRun>) -> Result<Vec<Cursor>, Break> {
    let whole = vec![first_cursor(part.kind())];
    let run = &part.stream.run;
    let PaginationKind::Keyset { order, ranges: Some(ranges), .. } = part.kind() else {
        return Ok(whole);
    };
    let most = if run.options.limit.is_some() {
        1
    } else if run.options.offline {
        noted(part, run.client.notes())
    } else {
        most(ranges, run.options.concurrency)
    };
    if most <= 1 {
        return Ok(whole);
    }
    let Some(total) = total(part, ranges).await? else { return Ok(whole) };
    part.track.expect(total);
    let step = u64::from(part.stream.plan().pagination.limit.unwrap_or(1).max(1));
    let offsets = offsets(total, number(total, most, ranges.min_records), step);
    if offsets.is_empty() {
        return Ok(whole);
    }
    if !run.options.offline {
        let (stream, partition) = part.names();
        run.client.note(json!({ "ranges": {
            "stream": stream, "partition": partition, "count": most,
        } }));
    }
    let mut probes = JoinSet::new();
    for offset in offsets {
        let part = part.clone();
        probes.spawn(async move { probe(&part, offset).await });
    }
    let mut starts = Vec::new();
    while let Some(keys) = joined(probes.join_next().await)? {
        starts.push(keys?);
    }
    Ok(cursors(*order, starts))
}

/// Where ranges but the first would begin in a partition with so many records.
pub(super) fn starts(ranges: &Ranges, total: u64, concurrency: usize, page: u64) -> Vec<u64> {
    let most = most(ranges, concurrency);
    offsets(total, number(total, most, ranges.min_records), page)
}

/// More ranges than requests in flight are of no use.
fn most(ranges: &Ranges, concurrency: usize) -> u32 {
    ranges.max.min(u32::try_from(concurrency).unwrap_or(u32::MAX))
}

/// How many ranges a partition is worth.
fn number(total: u64, most: u32, min_records: u64) -> u64 {
    (total / min_records.max(1)).min(u64::from(most))
}

/// Where ranges begin, but for the first: at multiples of the page size, so that
/// no range ends with a page that is nearly empty.
fn offsets(total: u64, ranges: u64, step: u64) -> Vec<u64> {
    let mut offsets: Vec<u64> = (1..ranges)
        .map(|i| (i * total / ranges + step / 2) / step * step)
        .filter(|offset| (1..total).contains(offset))
        .collect();
    offsets.dedup();
    offsets
}

/// Cursors from what probes returned: each the keys up to a start, in order. A
/// range begins after its start.
fn cursors(order: KeyOrder, probed: Vec<Vec<String>>) -> Vec<Cursor> {
    let mut starts: Vec<(String, Vec<String>)> = probed
        .into_iter()
        .filter_map(|mut keys| {
            let start = keys.pop()?;
            keys.reverse();
            Some((start, keys))
        })
        .collect();
    starts.sort_by_cached_key(|(start, _)| order_key(order, start));
    starts.dedup_by(|a, b| a.0 == b.0);
    let ends: Vec<Option<String>> =
        starts.iter().map(|(start, _)| Some(start.clone())).chain([None]).collect();
    let starts = [(None, Vec::new())]
        .into_iter()
        .chain(starts.into_iter().map(|(start, fallbacks)| (Some(start), fallbacks)));
    (0..)
        .zip(starts.zip(ends))
        .map(|(range, ((after, fallbacks), end))| {
            let position = Position::at(At::Key { after, end, fallbacks });
            Cursor { range, position: walk::stored(&position), done: false }
        })
        .collect()
}

/// How many records the partition has, as far as that can be known.
async fn total(part: &PartitionRun, ranges: &Ranges) -> Result<Option<u64>, Break> {
    let plan = part.stream.plan();
    let mut ask = part.ask(plan.pagination.count.as_ref());
    if ask.overlay.is_none() {
        ask.overlay = Some(&ranges.probe.overlay);
        ask.scope = probe_scope(part, 0, 1);
    }
    let start = Position::start(part.kind());
    let reply = page::fetch(&part.stream.run, &ask, part.records(), &start, plan.pagination.limit);
    Ok(unless_failed(reply.await)?.and_then(|page| page.seen.total))
}

/// The keys before an offset, in order; none where the probe failed, which only
/// means fewer ranges.
async fn probe(part: &PartitionRun, offset: u64) -> Result<Vec<String>, Break> {
    let plan = part.stream.plan();
    let PaginationKind::Keyset { ranges: Some(ranges), .. } = part.kind() else {
        return Ok(Vec::new());
    };
    let count = PROBED.min(offset);
    let mut ask = part.ask(Some(&ranges.probe.overlay));
    ask.scope = probe_scope(part, offset - count, count);
    let start = Position::start(part.kind());
    let limit = u32::try_from(count).ok();
    let reply = page::fetch(&part.stream.run, &ask, part.records(), &start, limit).await;
    let Some(page) = unless_failed(reply)? else { return Ok(Vec::new()) };
    Ok(page.records.iter().filter_map(|raw| key_of(plan, raw)).collect())
}

fn probe_scope(part: &PartitionRun, offset: u64, count: u64) -> crate::plan::Scope {
    part.scope.with("probe", template_value(&json!({ "offset": offset, "count": count })))
}

/// What failed for the partition alone is no reply; the rest ends more.
fn unless_failed<T>(reply: Result<T, Failure>) -> Result<Option<T>, Break> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(
            Failure::PreviousKey
            | Failure::End
            | Failure::Failed { scope: FailureScope::Record | FailureScope::Partition, .. },
        ) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// How many ranges the recording says there were.
fn noted(part: &PartitionRun, notes: &[Value]) -> u32 {
    let (stream, partition) = part.names();
    let count = notes
        .iter()
        .filter_map(|note| note.get("ranges"))
        .filter(|note| note["stream"] == *stream && note["partition"] == *partition)
        .find_map(|note| note["count"].as_u64());
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_ranges_as_are_worth_it_at_whole_pages() {
        assert_eq!(
            offsets(5000, number(5000, 8, 500), 100),
            [600, 1300, 1900, 2500, 3100, 3800, 4400]
        );
        assert_eq!(number(5000, 16, 500), 10);
        assert!(offsets(999, number(999, 8, 500), 100).is_empty());
        assert_eq!(offsets(1000, number(1000, 8, 500), 100), [500]);
        assert_eq!(offsets(150, 3, 100), [100]);
        assert!(offsets(0, number(0, 8, 0), 100).is_empty());
    }

    #[test]
    fn ranges_are_in_the_order_of_keys_and_end_where_the_next_begins() {
        let keys = |numbers: &[u32]| numbers.iter().map(|n| format!("K-{n}")).collect::<Vec<_>>();
        let probed = vec![keys(&[98, 99, 100]), keys(&[]), keys(&[7, 8, 9]), keys(&[9])];
        let cursors = cursors(KeyOrder::Natural, probed);
        let ranges: Vec<_> = cursors
            .iter()
            .map(|cursor| match walk::position(&cursor.position).unwrap().at {
                At::Key { after, end, fallbacks } => (cursor.range, after, end, fallbacks),
                at => panic!("{at:?}"),
            })
            .collect();
        let key = |n: u32| Some(format!("K-{n}"));
        assert_eq!(
            ranges,
            [
                (0, None, key(9), vec![]),
                (1, key(9), key(100), keys(&[8, 7])),
                (2, key(100), None, keys(&[99, 98])),
            ]
        );
    }
}
