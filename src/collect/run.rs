//! A whole run: all streams, side by side.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::findings::{Finding, Findings};
use super::preflight::{Ready, preflight};
use super::stream::StreamRun;
use crate::http::{Cause, Client, Failure, FailureScope, Stop};
use crate::observe::{About, Event, Observer, Track};
use crate::plan::Plan;
use crate::store::{self, PartitionState, Writer};

/// What the command line says about collecting.
#[derive(Debug, Clone, Default)]
pub struct CollectOptions {
    /// `--limit`: the first records of each partition; `None` for all.
    pub limit: Option<u64>,
    /// `--resume`: complete partitions are asked for what is new as well.
    pub resume: bool,
    /// Requests in flight.
    pub concurrency: usize,
    /// Under replay, where partitions are cut as the recording notes.
    pub offline: bool,
}

/// What became of a run.
#[derive(Debug, Clone, Default)]
pub struct CollectReport {
    /// The partitions of the plan, in its order.
    pub partitions: Vec<PartitionReport>,
    /// Child lists that failed for good in this run.
    pub failed_children: u64,
    /// Whether child lists are still to be fetched.
    pub children_left: bool,
    /// Whether the run was asked to end before it was done.
    pub interrupted: bool,
    /// A host that must not be asked before a certain time: the time, and a
    /// sentence.
    pub closed: Option<(SystemTime, String)>,
    /// What failed by a fault of the spec, or of what it asks for.
    pub findings: Vec<Finding>,
}

impl CollectReport {
    /// Whether everything that was asked for is in the store.
    pub fn is_complete(&self) -> bool {
        let whole = |p: &PartitionReport| {
            matches!(p.state, PartitionState::Complete | PartitionState::Limited)
        };
        self.partitions.iter().all(whole)
            && self.failed_children == 0
            && !self.children_left
            && !self.interrupted
            && self.closed.is_none()
    }
}

/// What became of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionReport {
    /// Its stream.
    pub stream: String,
    /// Its id.
    pub partition: String,
    /// How far it is.
    pub state: PartitionState,
    /// How many records the server says there are.
    pub expected: Option<u64>,
    /// How many are in the store, gone ones left out.
    pub got: u64,
    /// How that was checked: `count` or `sweep`.
    pub checked: Option<String>,
    /// Why it failed or is incomplete, one sentence.
    pub reason: Option<String>,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A check before the first page, or a rule that says `fail_run`.
    #[error("{0}")]
    Failed(Cause),
}

/// The result of collecting.
pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

/// What all tasks of a run share.
pub(super) struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) writer: Writer,
    pub(super) client: Client,
    pub(super) options: CollectOptions,
    pub(super) stop: Stop,
    pub(super) observer: Arc<Observer>,
    /// Bounds the pages in hand. More than there are permits for requests, so
    /// that a partition which waits for its turn to try again holds up no other.
    pub(super) hands: Semaphore,
    /// Bounds the pages that are read at a time, each with memory of its own: more
    /// than there are processors are no quicker.
    pub(super) readers: Semaphore,
    /// What failed, as findings about the spec.
    pub(super) findings: Findings,
}

/// One permit for each processor.
pub(super) fn readers() -> Semaphore {
    Semaphore::new(thread::available_parallelism().map_or(1, NonZero::get))
}

/// Why a task of a run has ended early, and the run goes on.
#[derive(Debug, Clone)]
pub(super) enum Halt {
    /// The run is ending.
    Stopped,
    /// The host must not be asked before that time.
    Closed(SystemTime, String),
    /// What was being read is given up.
    Failed(Cause),
}

/// A halt, or the end of the whole run.
#[derive(Debug)]
pub(super) enum Break {
    Halt(Halt),
    Error(Error),
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<store::Error> for Break {
    fn from(error: store::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<Failure> for Break {
    fn from(failure: Failure) -> Self {
        let unexpected = |rule: &str| {
            let message = format!("a rule says `{rule}` where there is nothing to continue from");
            Self::Halt(Halt::Failed(message.into()))
        };
        match failure {
            Failure::Stopped => Self::Halt(Halt::Stopped),
            Failure::PreviousKey => unexpected("previous_key"),
            Failure::End => unexpected("end"),
            Failure::Failed { scope, cause } => match scope {
                FailureScope::Run => Self::Error(Error::Failed(cause)),
                FailureScope::Host { back_at } => Self::Halt(Halt::Closed(back_at, cause.text)),
                FailureScope::Record | FailureScope::Partition => Self::Halt(Halt::Failed(cause)),
            },
        }
    }
}

/// Collects everything that the plan names and the store does not have yet.
///
/// Partitions that fail, and child lists that fail, are in the report; the
/// others go on. `stop` ends it in good order: pages in hand are committed.
///
/// # Errors
/// When the store fails, a check before the first page does, or a rule gives up
/// the run. What was committed stays.
pub async fn run(
    plan: Arc<Plan>,
    writer: Writer,
    client: Client,
    options: CollectOptions,
    stop: Stop,
    observer: Arc<Observer>,
) -> Result<CollectReport> {
    match preflight(&plan, &client).await? {
        Ready::Yes => {}
        Ready::Stopped => {
            return Ok(CollectReport { interrupted: true, ..unread(&plan, &writer).await? });
        }
        Ready::Closed(back_at, reason) => {
            let closed = Some((back_at, reason));
            return Ok(CollectReport { closed, ..unread(&plan, &writer).await? });
        }
    }
    let partitions = plan.streams.iter().flat_map(|stream| {
        stream.partitions.iter().map(|partition| Track::of_partition(&stream.name, &partition.id))
    });
    observer.board.begin(partitions.map(Arc::new).collect());
    let hands = Semaphore::new(16 + 4 * options.concurrency.min(1024));
    let run = Arc::new(Run {
        plan,
        writer,
        client,
        options,
        stop,
        observer,
        hands,
        readers: readers(),
        findings: Findings::default(),
    });
    let mut streams = JoinSet::new();
    for index in 0..run.plan.streams.len() {
        let stream = StreamRun::new(run.clone(), index);
        streams.spawn(async move { (index, super::stream::collect(stream).await) });
    }
    let mut reports: Vec<Option<CollectReport>> = vec![None; run.plan.streams.len()];
    while let Some((index, report)) = joined(streams.join_next().await)? {
        // The tasks of other streams end when the set is dropped.
        reports[index] = Some(report?);
    }
    let mut whole = CollectReport { interrupted: run.stop.is_requested(), ..Default::default() };
    for report in reports.into_iter().flatten() {
        whole.partitions.extend(report.partitions);
        whole.failed_children += report.failed_children;
        whole.children_left |= report.children_left;
        whole.closed = whole.closed.or(report.closed);
    }
    whole.findings = run.findings.take();
    if whole.is_complete_but_for_the_interruption() {
        whole.interrupted = false;
    }
    Ok(whole)
}

impl CollectReport {
    /// The request to end may come when all is done.
    fn is_complete_but_for_the_interruption(&self) -> bool {
        Self { interrupted: false, ..self.clone() }.is_complete()
    }
}

/// The report of a run that ends before its first page.
async fn unread(plan: &Plan, writer: &Writer) -> Result<CollectReport> {
    let mut report = CollectReport::default();
    for stream in &plan.streams {
        for partition in &stream.partitions {
            let (name, id) = (stream.name.clone(), partition.id.clone());
            let got = writer.with(move |store| store.count_records(&name, &id)).await?;
            report.partitions.push(PartitionReport {
                stream: stream.name.clone(),
                partition: partition.id.clone(),
                state: PartitionState::Running,
                expected: None,
                got,
                checked: None,
                reason: None,
            });
        }
    }
    Ok(report)
}

/// What a task of a set returned. A task that panicked ends the run.
pub(super) fn joined<T>(
    result: Option<std::result::Result<T, tokio::task::JoinError>>,
) -> Result<Option<T>> {
    match result {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(error)) => Err(Error::Failed(Cause::from(format!(
            "a part of the program has failed ({error}); what was committed is safe, go on with \
             --resume"
        )))),
    }
}

impl Run {
    /// Tells what has failed, unless that was told often enough.
    pub(super) fn tell_failure(&self, at: About<'_>, cause: &Cause) {
        if self.findings.note(at.request, cause) {
            self.observer.tell(&Event::Failed { at, reason: &cause.text });
        }
    }
}
