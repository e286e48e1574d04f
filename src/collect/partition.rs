//! One partition: from its first page to the word that it is complete.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::task::JoinSet;

use super::complete::Verdict;
use super::envelope::Records;
use super::page::PageSize;
use super::paginate::{At, Position};
use super::request::Ask;
use super::run::{Break, Halt, PartitionReport, Result, joined};
use super::stream::StreamRun;
use super::walk::{self, WalkEnd};
use super::{complete, ranges};
use crate::http::Cause;
use crate::observe::{About, Event, Phase, Track};
use crate::plan::{Overlay, PaginationKind, Partition, Scope, template_value};
use crate::spec::Diagnostic;
use crate::store::{Cursor, PartitionRow, PartitionState};

/// What all tasks of a partition share.
pub(super) struct PartitionRun {
    pub(super) stream: Arc<StreamRun>,
    index: usize,
    /// Its row when the run began.
    before: Option<PartitionRow>,
    /// What its templates see, but for `page`.
    pub(super) scope: Scope,
    /// What it is called in messages.
    pub(super) label: String,
    pub(super) size: Mutex<PageSize>,
    /// The last number of records that a reply named for the whole query, plus
    /// one; 0 where none did.
    pub(super) named: AtomicU64,
    /// Records that were given up in this run, so that it asks for them no more.
    given_up: Mutex<HashSet<String>>,
    /// Whether all its pages were read, and their number checked, in this run.
    pub(super) checked: AtomicBool,
    /// How far it is, to be shown.
    pub(super) track: Arc<Track>,
    /// Whether its row says how many records are expected.
    noted: AtomicBool,
}

impl PartitionRun {
    pub(super) fn new(stream: Arc<StreamRun>, index: usize, before: Option<PartitionRow>) -> Self {
        let partition = &stream.plan().partitions[index];
        let vars = partition.vars.iter().map(|(name, value)| (name.clone(), template_value(value)));
        let scope = stream.scope.with_all(vars);
        let label = format!("{} {}", stream.plan().name, partition.id).trim_end().to_owned();
        let size = Mutex::new(PageSize::new(stream.plan().pagination.limit));
        let (named, given_up) = (AtomicU64::new(0), Mutex::default());
        let (checked, noted) = (AtomicBool::new(false), AtomicBool::new(false));
        let track = stream.run.observer.board.track(&stream.plan().name, &partition.id);
        Self { stream, index, before, scope, label, size, named, given_up, checked, track, noted }
    }

    /// Notes that a record cannot be had in this run.
    pub(super) fn give_up(&self, primary_key: &str) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(primary_key.to_owned());
    }

    /// Whether a record was given up in this run.
    pub(super) fn gave_up(&self, primary_key: &str) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).contains(primary_key)
    }

    pub(super) fn partition(&self) -> &Partition {
        &self.stream.plan().partitions[self.index]
    }

    /// The name of the stream and the id of the partition.
    pub(super) fn names(&self) -> (String, String) {
        (self.stream.plan().name.clone(), self.partition().id.clone())
    }

    /// What is told of it is about this.
    pub(super) fn at(&self) -> About<'_> {
        About {
            stream: Some(&self.stream.plan().name),
            partition: Some(&self.partition().id),
            request: &self.label,
        }
    }

    pub(super) fn kind(&self) -> &PaginationKind {
        &self.stream.plan().pagination.kind
    }

    /// Why it is given up where its pages do not lead on.
    pub(super) fn paging(&self, reason: String) -> Cause {
        let place = match self.kind() {
            PaginationKind::Keyset { after, .. } => after.span(),
            PaginationKind::Cursor { token, .. } => token.span(),
            PaginationKind::NextUrl { url } => url.span(),
            _ => self.stream.plan().request.place(None),
        };
        // `what happened (where): a question that leads on`
        let (told, hint) = match reason.split_once(": ") {
            Some((told, hint)) if hint.ends_with('?') => (told, Some(hint.to_owned())),
            _ => (reason.as_str(), None),
        };
        let (told, note) = match told.split_once(" (") {
            Some((told, note)) => (told, Some(note.trim_end_matches(')').to_owned())),
            None => (told, None),
        };
        let found = Diagnostic::error(Some(place), told);
        let finding = Diagnostic { hint, notes: note.into_iter().collect(), ..found };
        Cause::from(format!("{}: {reason}", self.label)).with(finding)
    }

    /// A reason as it stands beside the name of the partition.
    fn without_label(&self, reason: String) -> String {
        let rest = reason.strip_prefix(&self.label).and_then(|rest| rest.strip_prefix(": "));
        rest.map_or_else(|| reason.clone(), str::to_owned)
    }

    /// The request of a page, with what an overlay replaces.
    pub(super) fn ask<'p>(&'p self, overlay: Option<&'p Overlay>) -> Ask<'p> {
        let plan = self.stream.plan();
        Ask {
            request: &plan.request,
            overlay,
            pagination: &plan.pagination,
            scope: self.scope.clone(),
            label: self.label.clone(),
        }
    }

    /// The records of a page, and what is looked for in them.
    pub(super) fn records(&self) -> Records<'_> {
        let firsts = Some(self.stream.reader.firsts());
        Records { path: &self.stream.plan().records, firsts }
    }

    pub(super) fn size(&self) -> std::sync::MutexGuard<'_, PageSize> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reply says how many records there are. The first time this goes into the
    /// store as well, for `scrape status` and for a run that goes on.
    pub(super) async fn expect(&self, records: u64) -> Result<()> {
        let limit = self.stream.run.options.limit.unwrap_or(u64::MAX);
        self.track.expect(records.min(limit));
        if !self.noted.swap(true, Relaxed) {
            self.put(self.row(PartitionState::Running)).await?;
        }
        Ok(())
    }

    pub(super) async fn cursors(&self) -> Result<Vec<Cursor>> {
        let (stream, partition) = self.names();
        Ok(self.stream.store(move |store| store.cursors(&stream, &partition)).await?)
    }

    pub(super) async fn put_cursors(&self, cursors: Vec<Cursor>) -> Result<()> {
        let (stream, partition) = self.names();
        let put = move |store: &mut dyn crate::store::Store| {
            store.put_cursors(&stream, &partition, &cursors)
        };
        Ok(self.stream.store(put).await?)
    }

    /// How many of its records are in the store, gone ones left out.
    pub(super) async fn count(&self) -> Result<u64> {
        let (stream, partition) = self.names();
        Ok(self.stream.store(move |store| store.count_records(&stream, &partition)).await?)
    }

    pub(super) async fn put(&self, row: PartitionRow) -> Result<()> {
        Ok(self.stream.store(move |store| store.put_partition(&row)).await?)
    }

    /// Its row in a state; of a partition that is not at its end, with the number
    /// of records that it is to have.
    fn row(&self, state: PartitionState) -> PartitionRow {
        let (stream, partition) = self.names();
        let is_open = state == PartitionState::Running && self.stream.run.options.limit.is_none();
        let expected = self.track.expected().filter(|_| is_open);
        let (checked, limit, reason) = (None, None, None);
        PartitionRow { stream, partition, state, expected, checked, limit, reason }
    }

    /// Its row after a verdict.
    pub(super) fn judged(&self, verdict: Verdict) -> PartitionRow {
        let mut row = self.row(verdict.state);
        row.expected = verdict.expected;
        row.checked = verdict.checked.map(str::to_owned);
        row.reason = verdict.reason;
        row
    }

    async fn report(&self, row: PartitionRow) -> Result<PartitionReport> {
        let got = self.count().await?;
        Ok(PartitionReport {
            stream: row.stream,
            partition: row.partition,
            state: row.state,
            expected: row.expected,
            got,
            checked: row.checked,
            reason: row.reason,
        })
    }
}

/// The report of a partition, and a host that must not be asked before a time.
pub(super) type Ended = (PartitionReport, Option<(SystemTime, String)>);

/// Collects a partition.
pub(super) async fn collect(part: Arc<PartitionRun>) -> Result<Ended> {
    let options = &part.stream.run.options;
    if let Some(before) = &part.before {
        let enough = match before.state {
            // A recording has nothing new.
            PartitionState::Complete if !options.resume || options.offline => true,
            PartitionState::Complete => match options.limit {
                Some(limit) => part.count().await? >= limit,
                None => false,
            },
            PartitionState::Limited => {
                options.limit.is_some_and(|limit| before.limit.is_some_and(|had| had >= limit))
            }
            _ => false,
        };
        if enough {
            part.track.begin(part.count().await?);
            before.expected.into_iter().for_each(|expected| part.track.expect(expected));
            part.track.enter(Phase::Ended);
            return Ok((part.report(before.clone()).await?, None));
        }
    }
    let ended = all_pages(&part).await;
    part.track.enter(Phase::Ended);
    match ended {
        Ok(row) => {
            tell(&part, &row).await?;
            part.put(row.clone()).await?;
            Ok((part.report(row).await?, None))
        }
        Err(Break::Error(error)) => Err(error),
        Err(Break::Halt(halt)) => {
            let (mut row, mut closed) = (part.row(PartitionState::Running), None);
            match halt {
                Halt::Stopped => {}
                Halt::Closed(back_at, message) => {
                    row.reason = Some(message.clone());
                    closed = Some((back_at, message));
                }
                Halt::Failed(cause) => {
                    part.stream.run.tell_failure(part.at(), &cause);
                    row.state = PartitionState::Failed;
                    row.reason = Some(part.without_label(cause.text));
                }
            }
            part.put(row.clone()).await?;
            Ok((part.report(row).await?, closed))
        }
    }
}

/// Says what became of a partition that was read to its end.
async fn tell(part: &PartitionRun, row: &PartitionRow) -> Result<()> {
    let got = part.count().await?;
    part.stream.run.observer.tell(&Event::Partition {
        stream: &row.stream,
        partition: &row.partition,
        got,
        expected: row.expected,
        state: row.state.as_str(),
        reason: row.reason.as_deref(),
    });
    Ok(())
}

/// Reads all pages and checks that nothing is missing; the row that says so.
async fn all_pages(part: &Arc<PartitionRun>) -> Result<PartitionRow, Break> {
    part.track.begin(part.count().await?);
    let expected = part.before.as_ref().and_then(|row| row.expected);
    expected.into_iter().for_each(|expected| part.track.expect(expected));
    let cursors = begin(part).await?;
    // With several ranges there is no order of requests that a limit could mean.
    let limit = part.stream.run.options.limit.filter(|_| cursors.len() == 1);
    let mut walks = JoinSet::new();
    for cursor in cursors.into_iter().filter(|cursor| !cursor.done) {
        let part = part.clone();
        walks.spawn(async move { walk::pages(&part, cursor, limit).await });
    }
    let (mut halt, mut limited) = (None, false);
    while let Some(end) = joined(walks.join_next().await)? {
        match end {
            Ok(WalkEnd::Done) => {}
            Ok(WalkEnd::Limited) => limited = true,
            Err(Break::Error(error)) => return Err(error.into()),
            // What failed tells more than what was stopped.
            Err(Break::Halt(other)) => {
                halt = match (halt, other) {
                    (None | Some(Halt::Stopped), other) => Some(other),
                    (Some(halt), _) => Some(halt),
                }
            }
        }
    }
    if let Some(halt) = halt {
        return Err(Break::Halt(halt));
    }
    if limited {
        let mut row = part.row(PartitionState::Limited);
        row.limit = limit;
        return Ok(row);
    }
    let row = verdict(part).await?;
    part.checked.store(true, Relaxed);
    Ok(row)
}

/// Counts a complete partition once more, and fetches what has come into it from
/// others that were read meanwhile; its report.
pub(super) async fn check_again(
    part: &Arc<PartitionRun>,
    before: PartitionReport,
) -> Result<Ended> {
    let row = match verdict(part).await {
        Ok(row) => row,
        Err(Break::Error(error)) => return Err(error),
        // What was found out before still holds.
        Err(Break::Halt(Halt::Closed(back_at, message))) => {
            return Ok((before, Some((back_at, message))));
        }
        Err(Break::Halt(_)) => return Ok((before, None)),
    };
    let report = part.report(row.clone()).await?;
    if (report.got, report.expected, report.state) != (before.got, before.expected, before.state) {
        tell(part, &row).await?;
        part.put(row).await?;
        return Ok((report, None));
    }
    Ok((before, None))
}

async fn verdict(part: &Arc<PartitionRun>) -> Result<PartitionRow, Break> {
    Ok(part.judged(complete::check(part).await?))
}

/// The cursors to go on from.
async fn begin(part: &Arc<PartitionRun>) -> Result<Vec<Cursor>, Break> {
    let mut cursors = part.cursors().await?;
    let complete =
        matches!(part.before.as_ref().map(|row| row.state), Some(PartitionState::Complete));
    if complete && !cursors.is_empty() {
        // Before its state: killed in between, a running partition whose cursors
        // are all done would never be asked for what is new.
        reopen(part.kind(), &mut cursors);
        part.put_cursors(cursors.clone()).await?;
    }
    part.put(part.row(PartitionState::Running)).await?;
    if cursors.is_empty() {
        let cursors = ranges::cut(part).await?;
        part.put_cursors(cursors.clone()).await?;
        return Ok(cursors);
    }
    Ok(cursors)
}

/// Makes the cursors of a complete partition go on behind its end, or at its
/// start where the end says nothing about what is new.
fn reopen(kind: &PaginationKind, cursors: &mut Vec<Cursor>) {
    let position = cursors.last().and_then(|c| walk::position(&c.position));
    match (position.map(|p| (p.at, p.taken)), cursors.last_mut()) {
        (Some((at @ (At::Key { .. } | At::Offset(_)), taken)), Some(last)) => {
            // What changed before was looked into: the partition was complete.
            last.position = walk::stored(&Position { taken, ..Position::at(at) });
            last.done = false;
        }
        _ => *cursors = vec![first_cursor(kind)],
    }
}

/// The cursor of a partition that is not cut.
pub(super) fn first_cursor(kind: &PaginationKind) -> Cursor {
    Cursor { range: 0, position: walk::stored(&Position::start(kind)), done: false }
}
