//! Child lists that are fetched apart: workers over what the store says is
//! pending.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::time::SystemTime;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::envelope::Records;
use super::page::{self, PageSize};
use super::paginate::{At, Pager, Position, Step};
use super::record::child_items;
use super::request::Ask;
use super::run::{Break, Halt, Result, joined};
use super::stream::StreamRun;
use super::walk;
use crate::http::Failure;
use crate::observe::{About, Event};
use crate::plan::{ChildPlan, parse_json, template_value};
use crate::store::{ChildCommit, ChildKey, PendingChild, Store};

/// How many pending lists are taken from the store at a time, each with its
/// parent.
const BATCH: usize = 16;

/// Tells those who fetch child lists that there are more, or that there will be
/// no more.
#[derive(Debug, Default)]
pub(super) struct Signal {
    notify: Notify,
    commits: AtomicU64,
    ended: AtomicBool,
}

impl Signal {
    /// A page with pending lists was committed.
    pub(super) fn more(&self) {
        self.commits.fetch_add(1, SeqCst);
        self.notify.notify_one();
    }

    /// All pages were read.
    pub(super) fn no_more(&self) {
        self.ended.store(true, SeqCst);
        self.notify.notify_one();
    }
}

/// What became of the child lists of a stream.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Lists that failed for good.
    pub(super) failed: u64,
    /// Whether some are still to be fetched.
    pub(super) left: bool,
    /// A host that must not be asked before that time.
    pub(super) closed: Option<(SystemTime, String)>,
}

/// Fetches pending child lists until all pages were read and nothing is pending.
///
/// It passes over the pending rows in their order, again and again: a pass that
/// began after the last page was committed, and met no list that was still in
/// flight, is the last.
pub(super) async fn collect(stream: Arc<StreamRun>) -> Result<Ended> {
    let workers = stream.run.options.concurrency.clamp(1, 256);
    let mut ended = Ended::default();
    let mut tasks = JoinSet::new();
    let mut in_flight: HashSet<ChildKey> = HashSet::new();
    let mut pass = Pass::begin(&stream.signal);
    loop {
        let stopping = stream.run.stop.is_requested() || ended.closed.is_some();
        if stopping {
            pass.queue.clear();
        }
        while tasks.len() < workers
            && let Some(list) = pass.queue.pop_front()
        {
            in_flight.insert(list.key.clone());
            let stream = stream.clone();
            let label = label(&stream, &list);
            let named = (list.key.clone(), list.parent_seq, label);
            tasks.spawn(async move { (named, fetch(&stream, list).await) });
        }
        if !stopping && !pass.at_end && tasks.len() < workers {
            pass.read(&stream, &in_flight).await?;
            continue;
        }
        if tasks.is_empty() {
            if stopping {
                ended.left = !pending(&stream, None).await?.is_empty();
                return Ok(ended);
            }
            if !pass.is_stale(&stream.signal) && !pass.skipped && pass.pages_ended {
                stream.lists.store(0, Relaxed);
                return Ok(ended);
            }
        }
        let free = tasks.len() < workers;
        if free && (pass.is_stale(&stream.signal) || pass.skipped && tasks.is_empty()) {
            pass = Pass::begin(&stream.signal);
            continue;
        }
        tokio::select! {
            Some(done) = tasks.join_next() => {
                let Some(((key, seq, label), result)) = joined(Some(done))? else { continue };
                in_flight.remove(&key);
                // A parent that was replaced may have made it one less before.
                let _ = stream.lists.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1));
                match result {
                    Ok(()) | Err(Break::Halt(Halt::Stopped)) => {}
                    Err(Break::Error(error)) => return Err(error),
                    Err(Break::Halt(Halt::Closed(back_at, message))) => {
                        ended.closed.get_or_insert((back_at, message));
                    }
                    Err(Break::Halt(Halt::Failed(cause))) => {
                        stream.run.tell_failure(at(&key, &label), &cause);
                        let reason = without_attempts(&cause.text);
                        let fail = move |store: &mut dyn Store| {
                            store.fail_child(&key, seq, &reason)
                        };
                        ended.failed += u64::from(stream.store(fail).await?);
                    }
                }
            }
            () = stream.signal.notify.notified() => {}
            () = stream.run.stop.requested(), if !stopping => {}
        }
    }
}

/// One pass over the pending lists.
struct Pass {
    queue: VecDeque<PendingChild>,
    after: Option<ChildKey>,
    at_end: bool,
    /// Whether a list was met that is in flight: if its parent is replaced
    /// meanwhile, it is pending once more.
    skipped: bool,
    /// What was known when the pass began.
    commits: u64,
    pages_ended: bool,
}

impl Pass {
    fn begin(signal: &Signal) -> Self {
        Self {
            queue: VecDeque::new(),
            after: None,
            at_end: false,
            skipped: false,
            pages_ended: signal.ended.load(SeqCst),
            commits: signal.commits.load(SeqCst),
        }
    }

    /// Whether something was committed since.
    fn is_stale(&self, signal: &Signal) -> bool {
        self.at_end
            && (signal.commits.load(SeqCst) != self.commits
                || signal.ended.load(SeqCst) != self.pages_ended)
    }

    async fn read(&mut self, stream: &StreamRun, in_flight: &HashSet<ChildKey>) -> Result<()> {
        let batch = pending(stream, self.after.clone()).await?;
        self.at_end = batch.is_empty();
        self.after = batch.last().map(|list| list.key.clone()).or(self.after.take());
        let plan = stream.plan();
        for list in batch {
            let key = &list.key;
            if in_flight.contains(key) {
                self.skipped = true;
            } else if plan.partitions.iter().any(|p| p.id == key.partition)
                && plan.children.iter().any(|c| c.name == key.child)
            {
                self.queue.push_back(list);
            }
        }
        Ok(())
    }
}

/// A reason as it goes into outputs, which do not tell how often something was
/// tried.
fn without_attempts(reason: &str) -> String {
    match reason.split_once(" (given up after ") {
        Some((before, after)) => {
            let after = after.split_once(" attempts)").map_or(after, |(_, after)| after);
            format!("{before}{after}")
        }
        None => reason.to_owned(),
    }
}

async fn pending(stream: &StreamRun, after: Option<ChildKey>) -> Result<Vec<PendingChild>> {
    let name = stream.plan().name.clone();
    Ok(stream.store(move |store| store.pending_children(&name, after.as_ref(), BATCH)).await?)
}

/// Fetches one list, from where it was left.
async fn fetch(stream: &Arc<StreamRun>, list: PendingChild) -> Result<(), Break> {
    let plan = stream.plan();
    let Some(child) = plan.children.iter().find(|child| child.name == list.key.child) else {
        return Ok(());
    };
    let failed = |message: String| Break::Halt(Halt::Failed(message.into()));
    let parent = list
        .parent
        .unpack()
        .map_err(|e| e.to_string())
        .and_then(|bytes| parse_json(&bytes).map_err(|e| e.to_string()));
    let label = label(stream, &list);
    let parent = parent.map_err(|e| failed(format!("{label}: its parent cannot be read: {e}")))?;
    let vars = plan.partitions.iter().find(|p| p.id == list.key.partition);
    let vars = vars.into_iter().flat_map(|p| &p.vars);
    let scope = stream
        .scope
        .with_all(vars.map(|(name, value)| (name.clone(), template_value(value))))
        .with("parent", template_value(&parent));
    let ask =
        Ask { request: &child.request, overlay: None, pagination: &child.pagination, scope, label };
    let records = Records::at(&child.records);
    let stored = list.position.as_ref().and_then(walk::position);
    let mut first = stored.is_none();
    let mut position = stored.unwrap_or_else(|| Position::start(&child.pagination.kind));
    let mut pager = Pager::new(&child.pagination.kind);
    let mut size = PageSize::new(child.pagination.limit);
    let mut is_second = false;
    loop {
        if stream.run.stop.is_requested() {
            return Err(Break::Halt(Halt::Stopped));
        }
        let asked = size.get(&position);
        let page = page::fetch(&stream.run, &ask, records, &position, asked).await;
        let (mut records, mut seen, hold) = match page {
            Ok(page) => {
                size.good(asked, page.halvings);
                (page.records, Some(page.seen), page.hold)
            }
            Err(Failure::End) => (Vec::new(), None, None),
            Err(failure) => return Err(failure.into()),
        };
        let step = seen.as_mut().map(|seen| {
            seen.keys = keys(child, &records);
            seen.digest = digest(&records);
            pager.advance(&position, seen)
        });
        let end = || Step::Taken { next: position.clone(), keep: 0, done: true };
        let (next, keep, done) = match step.unwrap_or_else(end) {
            Step::Taken { next, keep, done } => (next, keep, done),
            Step::Again(reason) => {
                stream.run.observer.count_retry("page");
                let (at, reason) = (at(&list.key, &ask.label), reason.as_str());
                stream.run.observer.tell(&Event::Again { at, reason, from_start: false });
                continue;
            }
            Step::Fail(reason) => return Err(failed(format!("{}: {reason}", ask.label))),
        };
        if done && let Some(reason) = cut_short(child, &next) {
            // Its items may have moved between its pages: once more from the start.
            if is_second {
                return Err(failed(format!("{}: {reason}, also the second time", ask.label)));
            }
            stream.run.observer.count_retry("list");
            let (at, reason) = (at(&list.key, &ask.label), reason.as_str());
            stream.run.observer.tell(&Event::Again { at, reason, from_start: true });
            (is_second, first) = (true, true);
            position = Position::start(&child.pagination.kind);
            pager = Pager::new(&child.pagination.kind);
            continue;
        }
        records.truncate(keep);
        let after = (!done).then(|| walk::stored(&next));
        commit(stream, child, &list, first, after, records).await?;
        drop(hold);
        if done {
            return Ok(());
        }
        (first, position) = (false, next);
    }
}

/// Why a list that was read to its end is not what the server says there is.
fn cut_short(child: &ChildPlan, end: &Position) -> Option<String> {
    let came = match end.at {
        // With those that the spec's path leaves out.
        At::Offset(came) => came,
        _ if child.records.steps().is_some() => end.taken,
        _ => return None,
    };
    let total = end.total?;
    match (total == came, end.moved) {
        (false, _) => Some(format!("{came} items came, and the server says there are {total}")),
        (true, true) => Some(String::from("the number of items changed on the way")),
        (true, false) => None,
    }
}

/// What is told of a list is about this.
fn at<'a>(key: &'a ChildKey, request: &'a str) -> About<'a> {
    About { stream: Some(&key.stream), partition: Some(&key.partition), request }
}

/// What a list is called in messages: `issues KAFKA-12 comments`.
fn label(stream: &StreamRun, list: &PendingChild) -> String {
    let record = match &stream.plan().sort_key {
        Some(sort) => crate::plan::original_key(sort.order, &list.key.sort_key),
        None => &list.key.primary_key,
    };
    format!("{} {record} {}", stream.plan().name, list.key.child)
}

fn keys(child: &ChildPlan, records: &[super::envelope::Raw]) -> Vec<Option<String>> {
    let crate::plan::PaginationKind::Keyset { after, .. } = &child.pagination.kind else {
        return vec![None; records.len()];
    };
    records.iter().map(|raw| super::record::find(after, &raw.bytes).text()).collect()
}

fn digest(records: &[super::envelope::Raw]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    records.iter().for_each(|raw| hash.update(&raw.bytes));
    hash.digest()
}

/// Commits one page of a list; without effect when its parent was replaced
/// meanwhile.
async fn commit(
    stream: &Arc<StreamRun>,
    child: &ChildPlan,
    list: &PendingChild,
    first: bool,
    position: Option<Value>,
    records: Vec<super::envelope::Raw>,
) -> Result<()> {
    let (items, rejects) = child_items(&list.key.stream, &list.key.partition, child, &records);
    let page = ChildCommit {
        key: list.key.clone(),
        parent_seq: list.parent_seq,
        first,
        items,
        rejects,
        position,
    };
    Ok(stream.store(move |store| store.commit_child(&page)).await?)
}
