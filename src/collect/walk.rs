//! A walk over the pages of a partition, or of one range of it: each reply is
//! one commit.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;

use super::page::{self, Page};
use super::paginate::{At, Pager, Position, Step};
use super::partition::PartitionRun;
use super::record::{Item, PageRecords, find, key_of};
use super::run::{Break, Error, Halt, Result};
use crate::http::{Cause, Failure, FailureScope, Packed};
use crate::observe::Event;
use crate::plan::{PaginationKind, Sweep, order_key};
use crate::store::{Cursor, PageCommit, Reject, Stage};

/// How often in a row a lower key is taken before the walk begins anew.
const MOST_STEPS_BACK: u32 = 20;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalkEnd {
    /// There is nothing more.
    Done,
    /// `--limit` was reached.
    Limited,
}

/// A position as it is stored.
pub(super) fn stored(position: &Position) -> Value {
    // Nothing in a position can fail to be JSON.
    serde_json::to_value(position).unwrap_or_default()
}

/// A stored position.
pub(super) fn position(stored: &Value) -> Option<Position> {
    serde_json::from_value(stored.clone()).ok()
}

/// Walks from a cursor to the end.
pub(super) async fn pages(
    part: &Arc<PartitionRun>,
    cursor: Cursor,
    limit: Option<u64>,
) -> Result<WalkEnd, Break> {
    let start = position(&cursor.position).unwrap_or_else(|| Position::start(part.kind()));
    let mut walk = Walk {
        part,
        range: cursor.range,
        resumed: start.taken > 0,
        position: start,
        pager: Pager::new(part.kind()),
        steps_back: 0,
        limit,
    };
    loop {
        if part.stream.run.stop.is_requested() {
            return Err(Break::Halt(Halt::Stopped));
        }
        if walk.is_limited() {
            return Ok(WalkEnd::Limited);
        }
        if let Some(end) = walk.page().await? {
            return Ok(end);
        }
    }
}

struct Walk<'p> {
    part: &'p Arc<PartitionRun>,
    range: u32,
    position: Position,
    /// Whether the position comes from an earlier run, and no page was read since.
    resumed: bool,
    pager: Pager,
    steps_back: u32,
    limit: Option<u64>,
}

impl Walk<'_> {
    fn is_limited(&self) -> bool {
        self.limit.is_some_and(|limit| self.position.taken >= limit)
    }

    /// Reads and commits one page; how the walk ended, if it did.
    async fn page(&mut self) -> Result<Option<WalkEnd>, Break> {
        let part = self.part;
        let run = &part.stream.run;
        let _hand = run.hands.acquire().await.map_err(|_| Break::Halt(Halt::Stopped))?;
        let size = part.size().get(&self.position);
        let ask = part.ask(None);
        let records = part.records();
        match page::fetch(run, &ask, records, &self.position, size).await {
            Ok(page) => {
                part.size().good(size, page.halvings);
                (self.resumed, self.steps_back) = (false, 0);
                self.take(page).await
            }
            Err(Failure::PreviousKey) => self.step_back().await.map(|()| None),
            Err(Failure::End) => {
                self.commit(PageCommit { cursor: Some(self.cursor(true)), ..self.empty(0) })
                    .await?;
                Ok(Some(WalkEnd::Done))
            }
            Err(Failure::Failed { scope: FailureScope::Record, cause }) => {
                self.poisoned(size, cause).await
            }
            Err(Failure::Failed { scope: FailureScope::Partition, .. })
                if self.resumed && matches!(self.position.at, At::Token(_) | At::Url(_)) =>
            {
                // Tokens expire.
                run.observer.tell(&Event::Restart { at: part.at() });
                self.restart();
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn take(&mut self, page: Page) -> Result<Option<WalkEnd>, Break> {
        let part = self.part;
        let run = &part.stream.run;
        let Page { records, mut seen, seq, hold, packed, .. } = page;
        // What is cut away is not to be in the store either.
        let rest = self.limit.map(|limit| limit.saturating_sub(self.position.taken));
        let packed = packed.filter(|_| rest.is_none_or(|rest| records.len() as u64 <= rest));
        let read = read_records(part, records, packed).await?;
        if let Some(misfit) = &read.misfit
            && !part.stream.read_some.load(Relaxed)
        {
            return Err(Break::Halt(Halt::Failed(misfit.cause(&run.plan, &part.label))));
        }
        if !read.items.is_empty() && read.misfit.is_none() {
            part.stream.read_some.store(true, Relaxed);
        }
        if let Some(doubt) = &read.doubt {
            part.stream.doubt(&part.label, doubt);
        }
        (seen.keys, seen.digest) = (read.keys, read.digest);
        if let Some(total) = seen.total {
            part.named.store(total.saturating_add(1), Relaxed);
            match part.kind() {
                // What is left behind a key, whatever the range ends with.
                PaginationKind::Keyset { .. } if self.range == 0 => {
                    part.expect(self.position.taken.saturating_add(total)).await?;
                }
                PaginationKind::Keyset { .. } => {}
                _ => part.expect(total).await?,
            }
        }
        let (mut next, mut keep, mut done) = match self.pager.advance(&self.position, &seen) {
            Step::Taken { next, keep, done } => (next, keep, done),
            Step::Again(reason) => {
                run.observer.count_retry("page");
                let (at, reason) = (part.at(), reason.as_str());
                run.observer.tell(&Event::Again { at, reason, from_start: false });
                return Ok(None);
            }
            Step::Fail(reason) => {
                return Err(Break::Halt(Halt::Failed(part.paging(reason))));
            }
        };
        let mut cut = false;
        if let Some(limit) = self.limit
            && self.position.taken + keep as u64 > limit
        {
            keep = usize::try_from(limit - self.position.taken).unwrap_or(keep);
            next = self.position.cut(&seen.keys, keep);
            (cut, done) = (true, false);
        }
        self.position = next;
        let mut commit = self.empty(seq);
        commit.cursor = Some(self.cursor(done));
        for item in read.items.into_iter().take(keep) {
            match item {
                Item::Record(record) => commit.records.push(*record),
                Item::Reject(reject) => commit.rejects.push(*reject),
            }
        }
        self.commit(commit).await?;
        drop(hold);
        Ok(match (done, cut) {
            (true, _) => Some(WalkEnd::Done),
            (_, true) => Some(WalkEnd::Limited),
            _ => None,
        })
    }

    fn cursor(&self, done: bool) -> Cursor {
        Cursor { range: self.range, position: stored(&self.position), done }
    }

    fn empty(&self, seq: i64) -> PageCommit {
        let (stream, partition) = self.part.names();
        PageCommit { stream, partition, seq, records: vec![], rejects: vec![], cursor: None }
    }

    async fn commit(&self, page: PageCommit) -> Result<()> {
        commit(self.part, page).await
    }

    /// The key continued from is gone: takes the next lower one that is known.
    async fn step_back(&mut self) -> Result<(), Break> {
        let part = self.part;
        let At::Key { after: Some(after), end, fallbacks } = &self.position.at else {
            return Err(Failure::PreviousKey.into());
        };
        self.steps_back += 1;
        let lower = if self.steps_back > MOST_STEPS_BACK {
            None
        } else if let Some((first, rest)) = fallbacks.split_first() {
            Some((first.clone(), rest.to_vec()))
        } else {
            key_below(part, after).await?.map(|key| (key, Vec::new()))
        };
        let to = lower.as_ref().map(|(key, _)| key.as_str());
        let (at, gone) = (part.at(), after.as_str());
        part.stream.run.observer.tell(&Event::PreviousKey { at, gone, to });
        let end = end.clone();
        let (after, fallbacks) = lower.map_or((None, Vec::new()), |(key, rest)| (Some(key), rest));
        self.position.at = At::Key { after, end, fallbacks };
        Ok(())
    }

    fn restart(&mut self) {
        self.position = Position::start(self.part.kind());
        self.pager = Pager::new(self.part.kind());
        self.resumed = false;
    }

    /// A page cannot be had: asks for single records, and gives up the one that
    /// makes it fail if its key can be learnt.
    async fn poisoned(
        &mut self,
        size: Option<u32>,
        cause: Cause,
    ) -> Result<Option<WalkEnd>, Break> {
        let part = self.part;
        let plan = part.stream.plan();
        let by_record = matches!(self.position.at, At::Key { .. } | At::Offset(_));
        let sweep = plan.pagination.sweep.as_ref().filter(|_| by_record);
        let (Some(sweep), Some(size)) = (sweep, size) else {
            return Err(Break::Halt(Halt::Failed(cause)));
        };
        if size > 1 {
            part.size().shrink_to_one();
            return Ok(None);
        }
        let keys = match second_try(part, sweep, &self.position, Some(1), cause.clone()).await? {
            SecondTry::Came(page) => {
                (self.resumed, self.steps_back) = (false, 0);
                return self.take(page).await;
            }
            SecondTry::Unreadable(keys) => keys,
        };
        let Some(raw) = keys.records.first() else {
            return Err(Break::Halt(Halt::Failed(cause)));
        };
        let (key, identity) = (key_of(plan, raw), find(&plan.primary_key, &raw.bytes).text());
        let mut seen = keys.seen;
        (seen.keys, seen.digest) = (vec![key.clone()], keys.seq as u64);
        let Step::Taken { next, keep, done } = self.pager.advance(&self.position, &seen) else {
            return Err(Break::Halt(Halt::Failed(cause)));
        };
        self.position = next;
        let mut commit = self.empty(keys.seq);
        commit.cursor = Some(self.cursor(done));
        if let (1, Some(identity)) = (keep, identity.or(key)) {
            let (at, record) = (part.at(), identity.as_str());
            let event = Event::Rejected { at, record, reason: &cause.text };
            part.stream.run.observer.tell(&event);
            part.give_up(&identity);
            commit.rejects.push(unreadable(part, identity));
        }
        self.commit(commit).await?;
        Ok(done.then_some(WalkEnd::Done))
    }
}

/// What came of a page that had failed, when it was asked for once more.
pub(super) enum SecondTry {
    /// It came.
    Came(Page),
    /// Its keys come and its records do not.
    Unreadable(Page),
}

/// Tells a record that the server cannot send from a server that cannot send:
/// asks for the key alone, and when that comes for the record once more, with all
/// attempts that the rules allow. A server that is down for a while would cost
/// good records otherwise.
pub(super) async fn second_try(
    part: &PartitionRun,
    sweep: &Sweep,
    position: &Position,
    limit: Option<u32>,
    cause: Cause,
) -> Result<SecondTry, Break> {
    let run = &part.stream.run;
    let records = part.records();
    let ask = part.ask(Some(&sweep.overlay));
    let keys = match page::fetch(run, &ask, records, position, limit).await {
        Ok(page) => Page { hold: None, packed: None, ..page },
        Err(Failure::Failed { scope: FailureScope::Record | FailureScope::Partition, .. }) => {
            return Err(Break::Halt(Halt::Failed(cause)));
        }
        Err(failure) => return Err(failure.into()),
    };
    match page::fetch(run, &part.ask(None), records, position, limit).await {
        Ok(page) => Ok(SecondTry::Came(page)),
        Err(Failure::Failed { scope: FailureScope::Record, .. }) => Ok(SecondTry::Unreadable(keys)),
        Err(failure) => Err(failure.into()),
    }
}

/// The `reason` of the reject of a record that cannot be had.
pub(super) const UNREADABLE: &str = "unreadable_record";

/// The reject of a record that cannot be had. It says nothing of how the last
/// attempt failed, which differs from run to run.
pub(super) fn unreadable(part: &PartitionRun, key: String) -> Reject {
    let (stream, partition) = part.names();
    Reject {
        stream,
        partition,
        key,
        child: None,
        stage: Stage::Collect,
        reason: String::from(UNREADABLE),
        message: String::from("the server lists this record, but never sends it whole"),
        pointer: None,
        raw: None,
    }
}

/// Reads records where it may take a while; with the page that they are, if it may be
/// kept as it came.
pub(super) async fn read_records(
    part: &Arc<PartitionRun>,
    records: Vec<super::envelope::Raw>,
    packed: Option<Packed>,
) -> Result<PageRecords> {
    let part = part.clone();
    let run = part.stream.run.clone();
    let _reader = run.readers.acquire().await.map_err(|e| Error::Failed(e.to_string().into()))?;
    tokio::task::spawn_blocking(move || {
        let stream = &part.stream;
        let id = &part.partition().id;
        stream.reader.page(&stream.run.plan, stream.plan(), id, &part.scope, (&records, packed))
    })
    .await
    .map_err(|error| Error::Failed(format!("reading records has failed: {error}").into()))
}

/// Commits a page, and wakes those who fetch child lists.
pub(super) async fn commit(part: &PartitionRun, page: PageCommit) -> Result<()> {
    let committed = part.stream.store(move |store| store.commit_page(&page)).await?;
    part.track.add(committed.added);
    if committed.pending > 0 {
        part.stream.lists.fetch_add(committed.pending, Relaxed);
        part.stream.signal.more();
    }
    Ok(())
}

/// The greatest key below one that the store knows in the partition.
async fn key_below(part: &PartitionRun, after: &str) -> Result<Option<String>> {
    // The store knows records by sort key; another key tells nothing.
    let Some(sort) = part.stream.plan().keyset_by_sort_key() else { return Ok(None) };
    let (stream, partition) = part.names();
    let sort_key = order_key(sort.order, after);
    let before =
        part.stream.store(move |store| store.record_before(&stream, &partition, &sort_key)).await?;
    let body = before.and_then(|(_, body)| body.unpack().ok());
    Ok(body.and_then(|body| find(&sort.path, &body).text()))
}
