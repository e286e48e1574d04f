//! One stream: its partitions and its child lists, side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tokio::task::JoinSet;

use super::children::{self, Signal};
use super::partition::{self, PartitionRun};
use super::record::Reader;
use super::run::{CollectReport, PartitionReport, Result, Run, joined};
use crate::observe::Event;
use crate::plan::{Scope, StreamPlan};
use crate::store::{PartitionRow, PartitionState};

/// What all tasks of a stream share.
pub(super) struct StreamRun {
    pub(super) run: Arc<Run>,
    index: usize,
    pub(super) reader: Reader,
    /// What all its templates see.
    pub(super) scope: Scope,
    /// Wakes the workers of child lists.
    pub(super) signal: Signal,
    /// Whether records were read in this run: then a selector that is in none
    /// of a page's records is no misspelling.
    pub(super) read_some: AtomicBool,
    /// Whether a `fetch_if` that fails was told about.
    doubted: AtomicBool,
    /// How many child lists are still to be fetched, to be shown.
    pub(super) lists: Arc<AtomicU64>,
}

impl StreamRun {
    pub(super) fn new(run: Arc<Run>, index: usize) -> Arc<Self> {
        let reader = Reader::new(&run.plan.streams[index], &run.plan.env);
        let scope = run.plan.scope();
        let lists = run.observer.board.lists_of_stream();
        Arc::new(Self {
            run,
            index,
            reader,
            scope,
            signal: Signal::default(),
            read_some: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
            lists,
        })
    }

    pub(super) fn plan(&self) -> &StreamPlan {
        &self.run.plan.streams[self.index]
    }

    /// Does something with the store.
    pub(super) async fn store<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn crate::store::Store) -> crate::store::Result<R> + Send + 'static,
    ) -> crate::store::Result<R> {
        self.run.writer.with(work).await
    }

    /// Tells once why the `fetch_if` of a record failed.
    pub(super) fn doubt(&self, text: &str) {
        if !self.doubted.swap(true, Relaxed) {
            self.run.observer.tell(&Event::FetchIf { reason: text });
        }
    }
}

/// Collects a stream.
pub(super) async fn collect(stream: Arc<StreamRun>) -> Result<CollectReport> {
    let name = stream.plan().name.clone();
    let (rows, unfinished) = stream
        .store(move |store| {
            store.retry_failed_children(&name)?;
            let unfinished = store.reader()?.unfinished_lists()?;
            let own = unfinished.into_iter().filter(|lists| lists.stream == name);
            Ok((store.partitions(&name)?, own.map(|lists| lists.pending).sum()))
        })
        .await?;
    stream.lists.store(unfinished, Relaxed);
    let mut order: Vec<usize> = (0..stream.plan().partitions.len()).collect();
    let row = |index: usize| -> Option<&PartitionRow> {
        let id = &stream.plan().partitions[index].id;
        rows.iter().find(|row| row.partition == *id)
    };
    // What failed before comes first.
    order.sort_by_key(|index| row(*index).map(|row| row.state) != Some(PartitionState::Failed));

    let mut lists = JoinSet::new();
    if !stream.plan().children.is_empty() {
        lists.spawn(children::collect(stream.clone()));
    }
    let mut partitions = JoinSet::new();
    for index in order {
        let part = Arc::new(PartitionRun::new(stream.clone(), index, row(index).cloned()));
        partitions.spawn(async move {
            let ended = partition::collect(part.clone()).await;
            (index, part, ended)
        });
    }
    // Those that were read to their end in this run, in the order of their ends.
    let mut read = Vec::new();
    let mut is_second = false;
    let mut reports: Vec<Option<PartitionReport>> = vec![None; stream.plan().partitions.len()];
    let mut whole = CollectReport::default();
    loop {
        // A child list that ends the run ends it at once.
        tokio::select! {
            done = partitions.join_next() => match joined(done)? {
                None if is_second || whole.closed.is_some() => break,
                None => {
                    is_second = true;
                    check_again(&mut partitions, std::mem::take(&mut read), &reports);
                }
                Some((index, part, ended)) => {
                    let (report, closed) = ended?;
                    reports[index] = Some(report);
                    whole.closed = whole.closed.or(closed);
                    if part.checked.load(Relaxed) {
                        read.push((index, part));
                    }
                }
            },
            Some(done) = lists.join_next() => {
                if let Some(ended) = joined(Some(done))? {
                    add(&mut whole, ended?);
                }
            }
        }
    }
    stream.signal.no_more();
    while let Some(ended) = joined(lists.join_next().await)? {
        add(&mut whole, ended?);
    }
    whole.partitions = reports.into_iter().flatten().collect();
    Ok(whole)
}

type Partitions = JoinSet<(usize, Arc<PartitionRun>, Result<partition::Ended>)>;

/// Counts once more what was complete before the last partition was: a record
/// that moved into it after its closing count, from one that had not yet come to
/// it, is in neither otherwise.
fn check_again(
    partitions: &mut Partitions,
    mut read: Vec<(usize, Arc<PartitionRun>)>,
    reports: &[Option<PartitionReport>],
) {
    // What moved into the last was counted.
    read.pop();
    for (index, part) in read {
        let stream = &part.stream;
        let counts = stream.plan().pagination.count.is_some();
        let report = reports[index].clone().filter(|r| r.state == PartitionState::Complete);
        let Some(report) = report.filter(|_| counts && !stream.run.stop.is_requested()) else {
            continue;
        };
        partitions.spawn(async move {
            let ended = partition::check_again(&part, report).await;
            (index, part, ended)
        });
    }
}

fn add(whole: &mut CollectReport, lists: children::Ended) {
    whole.failed_children += lists.failed;
    whole.children_left |= lists.left;
    whole.closed = whole.closed.take().or(lists.closed);
}
