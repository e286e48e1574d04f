//! Whether a partition is complete: the closing count, and where it differs a
//! sweep over keys, which finds what is missing.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::envelope::Raw;
use super::page;
use super::paginate::{At, Pager, Position, Step};
use super::partition::{PartitionRun, first_cursor};
use super::record::{Item, find, key_of};
use super::run::{Break, Halt};
use super::walk::{self, SecondTry};
use crate::http::{Failure, FailureScope};
use crate::observe::{Event, Phase};
use crate::plan::{PaginationKind, Sweep};
use crate::store::{Cursor, PageCommit, PartitionState, Stage};

/// How often keys are listed while numbers move.
const MOST_SWEEPS: u32 = 3;

/// How many keys a sentence names.
const NAMED: usize = 5;

/// What is known at the end of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: PartitionState,
    pub(super) expected: Option<u64>,
    pub(super) checked: Option<&'static str>,
    pub(super) reason: Option<String>,
}

impl Verdict {
    fn complete(expected: Option<u64>, checked: Option<&'static str>) -> Self {
        Self { state: PartitionState::Complete, expected, checked, reason: None }
    }

    fn incomplete(expected: Option<u64>, checked: Option<&'static str>, reason: String) -> Self {
        Self { state: PartitionState::Incomplete, expected, checked, reason: Some(reason) }
    }
}

/// Compares what the server says there is with what the store has, and fetches
/// what is missing. Records that nobody has seen keep a partition incomplete.
pub(super) async fn check(part: &Arc<PartitionRun>) -> Result<Verdict, Break> {
    part.track.enter(Phase::Checking);
    let verdict = count_and_mend(part).await?;
    // A sweep has told which of them there still are.
    if verdict.state != PartitionState::Complete || verdict.checked == Some("sweep") {
        return Ok(verdict);
    }
    Ok(with_unread(verdict, unaccounted(part).await?))
}

/// A verdict that says which records did not come, if there are any.
fn with_unread(verdict: Verdict, unread: HashSet<String>) -> Verdict {
    if unread.is_empty() {
        return verdict;
    }
    let mut unread: Vec<String> = unread.into_iter().collect();
    unread.sort_unstable();
    let reason = format!(
        "{} records are listed, but do not come ({}): --resume tries them again",
        unread.len(),
        some(&unread)
    );
    Verdict::incomplete(verdict.expected, verdict.checked, reason)
}

async fn count_and_mend(part: &Arc<PartitionRun>) -> Result<Verdict, Break> {
    let retry = unaccounted(part).await?.iter().any(|key| !part.gave_up(key));
    let moved = has_moved(part).await?;
    let expected = match expected(part).await {
        Ok(Some(expected)) => expected,
        Ok(None) => match &part.stream.plan().pagination.sweep {
            Some(sweep) if retry || moved => return by_sweeps(part, sweep).await,
            _ => return Ok(Verdict::complete(None, None)),
        },
        Err(Break::Halt(Halt::Failed(message))) => {
            let reason = format!("the closing count failed: {message}");
            return Ok(Verdict::incomplete(None, None, reason));
        }
        Err(end) => return Err(end),
    };
    if !moved && !retry && is_here(part, expected).await? {
        return Ok(Verdict::complete(Some(expected), Some("count")));
    }
    let got = part.count().await?;
    let (stream, partition) = (&part.stream.plan().name, &part.partition().id);
    let observer = &part.stream.run.observer;
    observer.tell(&Event::Check { stream, partition, got, expected, moved });
    let swept = match &part.stream.plan().pagination.sweep {
        Some(sweep) => by_sweeps(part, sweep).await,
        None => by_reading_again(part).await,
    };
    match swept {
        Err(Break::Halt(Halt::Failed(message))) => {
            let got = part.count().await?;
            let reason = format!(
                "{got} of {expected} records are here, and finding the others failed: {message}"
            );
            Ok(Verdict::incomplete(Some(expected), Some("count"), reason))
        }
        other => other,
    }
}

/// How many records the server says there are, where it says so.
pub(super) async fn expected(part: &PartitionRun) -> Result<Option<u64>, Break> {
    let plan = part.stream.plan();
    let Some(count) = &plan.pagination.count else {
        // What is left behind a key is not what there is.
        let whole = !matches!(part.kind(), PaginationKind::Keyset { .. });
        let named = match part.named.load(Relaxed).checked_sub(1) {
            // All pages were read by an earlier run: the last of them said it.
            None => part.cursors().await?.iter().find_map(|c| walk::position(&c.position)?.total),
            named => named,
        };
        return Ok(named.filter(|_| whole));
    };
    let ask = part.ask(Some(count));
    let start = Position::start(part.kind());
    let limit = plan.pagination.limit;
    let page = page::fetch(&part.stream.run, &ask, part.records(), &start, limit).await?;
    page.seen.total.into_iter().for_each(|total| part.track.expect(total));
    Ok(page.seen.total)
}

/// Whether the number of records changed while they were read by position.
async fn has_moved(part: &PartitionRun) -> Result<bool, Break> {
    let moved = |cursor: &Cursor| walk::position(&cursor.position).is_some_and(|p| p.moved);
    Ok(part.cursors().await?.iter().any(moved))
}

/// Whether so many records are in the store, or were rejected.
async fn is_here(part: &PartitionRun, expected: u64) -> Result<bool, Break> {
    let got = part.count().await?;
    Ok(got == expected || got < expected && got + rejected(part).await?.len() as u64 == expected)
}

/// The keys of records that were rejected on the way in and are not here: their
/// bytes were seen, or this run has given them up.
pub(super) async fn rejected(part: &PartitionRun) -> Result<HashSet<String>, Break> {
    let rejects = rejects(part).await?.into_iter();
    Ok(rejects.filter(|(key, seen)| *seen || part.gave_up(key)).map(|(key, _)| key).collect())
}

/// The keys of records that nobody has seen.
pub(super) async fn unaccounted(part: &PartitionRun) -> Result<HashSet<String>, Break> {
    Ok(rejects(part).await?.into_iter().filter(|(_, seen)| !seen).map(|(key, _)| key).collect())
}

/// The keys of records that were rejected on the way in, and are in the store in
/// no other version; whether their bytes came.
async fn rejects(part: &PartitionRun) -> Result<Vec<(String, bool)>, Break> {
    let (stream, partition) = part.names();
    let read = move |store: &mut dyn crate::store::Store| {
        let mut found = Vec::new();
        store.reader()?.rejects(&mut |reject| {
            let own = reject.stream == stream && reject.partition == partition;
            if own && reject.child.is_none() && reject.stage == Stage::Collect {
                let seen = reject.reason != walk::UNREADABLE;
                found.push((reject.key, seen));
            }
            std::ops::ControlFlow::Continue(())
        })?;
        if !found.is_empty() {
            let keys: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
            let (_, lacking) = store.compare_keys(&stream, &partition, &keys)?;
            found.retain(|(key, _)| lacking.binary_search(key).is_ok());
        }
        Ok(found)
    };
    Ok(part.stream.store(read).await?)
}

/// A record as a sweep lists it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) primary_key: String,
    /// The key to continue from, in a keyset.
    key: Option<String>,
    /// What people call it, where the spec says so.
    pub(super) name: Option<String>,
}

pub(super) async fn by_sweeps(part: &Arc<PartitionRun>, sweep: &Sweep) -> Result<Verdict, Break> {
    let mut unlisted_before: Vec<String> = Vec::new();
    let (mut missing, mut expected) = (Vec::new(), 0);
    for _ in 0..MOST_SWEEPS {
        let (listed, is_whole) = list(part, sweep).await?;
        expected = listed.len() as u64;
        let (mut unlisted, lacking) = compare(part, &listed).await?;
        missing = lacking;
        if is_whole {
            // What two sweeps do not list is gone.
            let gone: Vec<String>;
            (gone, unlisted) = unlisted.into_iter().partition(|key| unlisted_before.contains(key));
            unlisted_before.clone_from(&unlisted);
            if !gone.is_empty() {
                let (stream, partition) = part.names();
                let mark = move |store: &mut dyn crate::store::Store| {
                    store.mark_gone(&stream, &partition, &gone)
                };
                part.stream.store(mark).await?;
            }
        }
        if !missing.is_empty() {
            let (stream, partition) = (&part.stream.plan().name, &part.partition().id);
            let event = Event::Missing { stream, partition, records: missing.len() };
            part.stream.run.observer.tell(&event);
            fetch_missing(part, &listed, &missing).await?;
            (_, missing) = compare(part, &listed).await?;
        }
        if is_whole && missing.is_empty() && unlisted.is_empty() {
            let mut unread = unaccounted(part).await?;
            unread.retain(|key| listed.iter().any(|l| l.primary_key == *key));
            let verdict = Verdict::complete(Some(expected), Some("sweep"));
            return Ok(with_unread(verdict, unread));
        }
    }
    let reason = if missing.is_empty() {
        format!("what there is changed during all of {MOST_SWEEPS} sweeps: go on with --resume")
    } else {
        format!("{} of {expected} records are missing: {}", missing.len(), some(&missing))
    };
    Ok(Verdict::incomplete(Some(expected), Some("sweep"), reason))
}

fn some(keys: &[String]) -> String {
    let more = if keys.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", keys[..keys.len().min(NAMED)].join(", "))
}

/// The keys that the store has and the list has not, and the reverse; what was
/// rejected is not missing.
pub(super) async fn compare(
    part: &PartitionRun,
    listed: &[Listed],
) -> Result<(Vec<String>, Vec<String>), Break> {
    let (stream, partition) = part.names();
    let keys: Vec<String> = listed.iter().map(|l| l.primary_key.clone()).collect();
    let (unlisted, mut missing) =
        part.stream.store(move |store| store.compare_keys(&stream, &partition, &keys)).await?;
    if !missing.is_empty() {
        let rejected = rejected(part).await?;
        missing.retain(|key| !rejected.contains(key));
    }
    Ok((unlisted, missing))
}

/// All keys of the partition, in the server's order, and whether there are as
/// many as its first page said: a sweep that lists fewer proves nothing about
/// those that it does not list.
pub(super) async fn list(part: &PartitionRun, sweep: &Sweep) -> Result<(Vec<Listed>, bool), Break> {
    let plan = part.stream.plan();
    let run = &part.stream.run;
    let ask = part.ask(Some(&sweep.overlay));
    let mut pager = Pager::new(part.kind());
    let mut position = Position::start(part.kind());
    let mut size = page::PageSize::new(Some(sweep.limit));
    let mut listed: Vec<Listed> = Vec::new();
    let mut promised = None;
    let is_whole = |listed: &[Listed], promised: Option<u64>| {
        promised.is_none_or(|promised| promised == listed.len() as u64)
    };
    loop {
        let asked = size.get(&position);
        let page = match page::fetch(run, &ask, part.records(), &position, asked).await {
            Ok(page) => page,
            Err(Failure::End) => {
                let is_whole = is_whole(&listed, promised);
                return Ok((listed, is_whole));
            }
            Err(Failure::PreviousKey) => {
                // Those listed before it are the keys to fall back on.
                listed.pop();
                let after = listed.iter().rev().find_map(|l| l.key.clone());
                position =
                    Position { taken: listed.len() as u64, ..Position::at(At::after(after)) };
                continue;
            }
            Err(failure) => return Err(failure.into()),
        };
        size.good(asked, page.halvings);
        let mut seen = page.seen;
        seen.keys = page.records.iter().map(|raw| key_of(plan, raw)).collect();
        seen.digest = page.seq as u64;
        let (keys, total) = (seen.keys.clone(), seen.total);
        match pager.advance(&position, &seen) {
            Step::Taken { next, keep, done } => {
                let found = page.records.iter().zip(keys).take(keep).filter_map(|(raw, key)| {
                    let primary_key = find(&plan.primary_key, &raw.bytes).text()?;
                    let named = plan.pagination.gaps.as_ref().map(|gaps| &gaps.key);
                    let name = named.and_then(|path| find(path, &raw.bytes).text());
                    Some(Listed { primary_key, name: name.or_else(|| key.clone()), key })
                });
                listed.extend(found);
                if position.taken == 0 {
                    promised = total;
                }
                if done {
                    let is_whole = is_whole(&listed, promised);
                    return Ok((listed, is_whole));
                }
                position = next;
            }
            Step::Again(_) => {}
            Step::Fail(reason) => {
                return Err(Break::Halt(Halt::Failed(part.paging(reason))));
            }
        }
    }
}

/// Fetches records that are listed and not in the store, each run of neighbours
/// with as few requests as there are pages in it.
async fn fetch_missing(
    part: &Arc<PartitionRun>,
    listed: &[Listed],
    missing: &[String],
) -> Result<(), Break> {
    let missing: HashSet<&str> = missing.iter().map(String::as_str).collect();
    let most = part.stream.plan().pagination.limit.unwrap_or(1).max(1) as usize;
    let mut at = 0;
    while at < listed.len() {
        let run = listed[at..]
            .iter()
            .take(most)
            .take_while(|l| missing.contains(l.primary_key.as_str()))
            .count();
        if run == 0 {
            at += 1;
            continue;
        }
        let came = fetch_run(part, listed, at, run).await?;
        // One that does not come is for the next sweep to say.
        at += came.max(1);
    }
    Ok(())
}

/// Fetches up to `run` records from the `from`th of the list on; how many came.
async fn fetch_run(
    part: &Arc<PartitionRun>,
    listed: &[Listed],
    from: usize,
    run: usize,
) -> Result<usize, Break> {
    let plan = part.stream.plan();
    let mut above = from;
    let mut size = run;
    loop {
        let at = match part.kind() {
            PaginationKind::Offset { .. } => At::Offset(from as u64),
            _ => At::after(listed[..above].iter().rev().find_map(|l| l.key.clone())),
        };
        let position = Position { taken: from as u64, ..Position::at(at) };
        let limit = u32::try_from(size + from - above).ok();
        let ask = part.ask(None);
        match page::fetch(&part.stream.run, &ask, part.records(), &position, limit).await {
            Ok(page) => {
                let came = page.records.len().saturating_sub(from - above);
                commit(part, page.seq, page.records).await?;
                return Ok(came);
            }
            Err(Failure::PreviousKey) if above > 0 => above -= 1,
            Err(Failure::Failed { scope: FailureScope::Record, .. }) if size > 1 => size = 1,
            Err(Failure::Failed { scope: FailureScope::Record, cause }) => {
                let Some(sweep) = &plan.pagination.sweep else {
                    return Err(Break::Halt(Halt::Failed(cause)));
                };
                let key = &listed[from].primary_key;
                let again = walk::second_try(part, sweep, &position, limit, cause).await?;
                let keys = match again {
                    SecondTry::Came(page) => {
                        let came = page.records.len().saturating_sub(from - above);
                        commit(part, page.seq, page.records).await?;
                        return Ok(came);
                    }
                    SecondTry::Unreadable(keys) => keys,
                };
                let is_it =
                    |raw: &Raw| find(&plan.primary_key, &raw.bytes).text().as_ref() == Some(key);
                if !keys.records.iter().any(is_it) {
                    return Ok(0);
                }
                part.give_up(key);
                let (stream, partition) = part.names();
                let rejects = vec![walk::unreadable(part, key.clone())];
                let page = PageCommit {
                    stream,
                    partition,
                    seq: 0,
                    records: Vec::new(),
                    rejects,
                    cursor: None,
                };
                walk::commit(part, page).await?;
                return Ok(1);
            }
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// Commits records outside the order of pages.
async fn commit(part: &Arc<PartitionRun>, seq: i64, records: Vec<Raw>) -> Result<(), Break> {
    let read = walk::read_records(part, records, None).await?;
    let (stream, partition) = part.names();
    let mut page = PageCommit {
        stream,
        partition,
        seq,
        records: Vec::new(),
        rejects: Vec::new(),
        cursor: None,
    };
    for item in read.items {
        match item {
            Item::Record(record) => page.records.push(*record),
            Item::Reject(reject) => page.rejects.push(*reject),
        }
    }
    Ok(walk::commit(part, page).await?)
}

/// Where keys cannot be listed: reads the partition once more.
async fn by_reading_again(part: &Arc<PartitionRun>) -> Result<Verdict, Break> {
    let cursor = first_cursor(part.kind());
    part.put_cursors(vec![cursor.clone()]).await?;
    walk::pages(part, cursor, None).await?;
    let expected = expected(part).await?.unwrap_or_default();
    if is_here(part, expected).await? {
        return Ok(Verdict::complete(Some(expected), Some("count")));
    }
    let got = part.count().await?;
    let reason = format!(
        "the server says that there are {expected} records, and {got} are here, also after \
         reading it twice"
    );
    Ok(Verdict::incomplete(Some(expected), Some("count"), reason))
}
