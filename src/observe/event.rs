//! Everything that a run tells: for each event its name and fields for machines,
//! how much it matters, and its line for people, in this one place.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::board::Spacing;
use super::words::{about, count, counted, duration, pace, rate, so_far};

/// Something that happened. Serialised, it is `event` with its name in snake case
/// and its fields; times in seconds.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// Collecting begins.
    Collecting {
        /// The spec's name.
        spec: &'a str,
        /// The address, or the recording.
        from: &'a str,
        /// The output directory.
        directory: &'a str,
        /// How many partitions the spec lists.
        partitions: usize,
    },
    /// How far a partition is, or a build.
    Progress(Progress<'a>),
    /// How far all of them are.
    Total(Total),
    /// A partition was read to its end.
    Partition {
        /// Its stream.
        stream: &'a str,
        /// Its id.
        partition: &'a str,
        /// Records in the store.
        got: u64,
        /// Records that the server says there are.
        expected: Option<u64>,
        /// How far it is.
        state: &'a str,
        /// Why it is not complete.
        reason: Option<&'a str>,
    },
    /// The number of a partition's records is not the expected one.
    Check {
        /// Its stream.
        stream: &'a str,
        /// Its id.
        partition: &'a str,
        /// Records in the store.
        got: u64,
        /// Records that the server says there are.
        expected: u64,
        /// Whether their number changed while they were read.
        moved: bool,
    },
    /// Records that are missing are fetched.
    Missing {
        /// The stream.
        stream: &'a str,
        /// The partition.
        partition: &'a str,
        /// How many.
        records: usize,
    },
    /// A partition or a child list is given up.
    Failed {
        /// What.
        #[serde(flatten)]
        at: About<'a>,
        /// Why.
        reason: &'a str,
    },
    /// A record is given up.
    Rejected {
        /// What was read.
        #[serde(flatten)]
        at: About<'a>,
        /// The record's key.
        record: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A request is sent again after a wait.
    Retry {
        /// What it is for.
        #[serde(flatten)]
        at: About<'a>,
        /// A short word to count by: `429`, `timeout`.
        reason: &'a str,
        /// What happened, in words.
        what: &'a str,
        /// How long the wait is.
        #[serde(rename = "wait_seconds", serialize_with = "seconds")]
        wait: Duration,
        /// Whether the server named the time.
        as_asked: bool,
        /// Whether it asks for half as many records then.
        halved: bool,
    },
    /// A page or list is asked for again at once, for what came is not whole.
    Again {
        /// What it is for.
        #[serde(flatten)]
        at: About<'a>,
        /// What is wrong.
        reason: &'a str,
        /// Whether from its start.
        from_start: bool,
    },
    /// A host is left alone, as it asked before.
    Wait {
        /// The host.
        host: &'a str,
        /// For how long.
        #[serde(rename = "wait_seconds", serialize_with = "seconds")]
        wait: Duration,
    },
    /// A host is left alone, since everything failed.
    Breaker {
        /// The host.
        host: &'a str,
        /// How often in a row.
        failures: u32,
        /// For how long.
        #[serde(rename = "wait_seconds", serialize_with = "seconds")]
        wait: Duration,
    },
    /// robots.txt asks for a pace.
    CrawlDelay {
        /// The host.
        host: &'a str,
        /// Between requests.
        #[serde(rename = "delay_seconds", serialize_with = "seconds")]
        delay: Duration,
    },
    /// The file with a host's pace was damaged.
    PaceDamaged {
        /// The file.
        file: &'a str,
        /// The host.
        host: &'a str,
    },
    /// A host's pace cannot be shared with other runs.
    PaceUnshared {
        /// The file.
        file: &'a str,
        /// The host.
        host: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A checkpoint is refused, and the partition read from its start.
    Restart {
        /// What is read.
        #[serde(flatten)]
        at: About<'a>,
    },
    /// The key to continue from is gone.
    PreviousKey {
        /// What is read.
        #[serde(flatten)]
        at: About<'a>,
        /// The key.
        gone: &'a str,
        /// The key that takes its place; none for the start.
        to: Option<&'a str>,
    },
    /// A `fetch_if` fails.
    FetchIf {
        /// Why.
        reason: &'a str,
    },
    /// A host must not be asked before a time; the run ends.
    Closed {
        /// The host and the time, in words.
        reason: &'a str,
        /// The time.
        #[serde(serialize_with = "time")]
        back_at: SystemTime,
    },
    /// The disk is nearly full; the run ends.
    DiskLow {
        /// What there is, what is needed, and for what, in words.
        reason: &'a str,
        /// Bytes that are free.
        free: u64,
        /// Bytes that have to stay free.
        needed: u64,
    },
    /// The disk has no room for all that is still to come.
    DiskShort {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are still to come, outputs included.
        needed: u64,
        /// Records that are still to come.
        records: u64,
    },
    /// The first signal came.
    Interrupted,
    /// The second signal came.
    Stopped,
    /// A complete directory, and nothing was asked for.
    NothingToFetch {
        /// The output directory.
        directory: &'a str,
        /// Whether there may be something new on a server.
        live: bool,
    },
    /// Files of an earlier run were removed.
    Cleared {
        /// The output directory.
        directory: &'a str,
        /// How many.
        files: usize,
    },
    /// A spec was checked and found good.
    Valid {
        /// Its file.
        file: &'a str,
        /// Its description.
        description: &'a str,
        /// How many streams.
        streams: usize,
        /// How many tasks.
        tasks: usize,
        /// How many sinks.
        sinks: usize,
    },
    /// A watch waits for a save.
    Watching {
        /// The output directory.
        directory: &'a str,
        /// How many files are watched.
        files: usize,
    },
    /// Files that a watch builds from were saved.
    Saved {
        /// Which.
        files: &'a [String],
    },
    /// A watch has built again.
    Rebuilt {
        /// The output directory.
        directory: &'a str,
        /// What differs in tasks and sinks; none where the records are others.
        #[serde(flatten)]
        changes: Option<&'a Value>,
        /// How long it took.
        #[serde(rename = "took_seconds", serialize_with = "seconds")]
        took: Duration,
        /// The lines.
        #[serde(skip)]
        text: &'a str,
    },
    /// A watch could not build: what was built before is still there.
    NotBuilt {
        /// The output directory.
        directory: &'a str,
        /// Why, where that has not been told.
        reason: Option<&'a str>,
    },
    /// A watch waits for another process that builds.
    BuildElsewhere {
        /// Why.
        reason: &'a str,
    },
    /// The first signal came while a watch builds.
    EndsAfterBuild,
    /// The tests of a spec were checked and found well formed.
    ValidTests {
        /// Their file.
        file: &'a str,
        /// How many there are.
        tests: usize,
    },
    /// Something that looks wrong and hinders nothing.
    Warning {
        /// What.
        warning: &'a str,
    },
    /// The last lines of a verb.
    Summary {
        /// The output directory.
        directory: &'a str,
        /// Whether nothing is missing.
        complete: bool,
        /// Records in the partitions of the spec.
        records: u64,
        /// Requests of this run.
        requests: u64,
        /// Since the start.
        #[serde(rename = "took_seconds", serialize_with = "seconds")]
        took: Duration,
        /// The command that goes on, where something is missing.
        next: Option<&'a str>,
        /// The lines.
        #[serde(skip)]
        text: &'a str,
    },
}

/// What something is about.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct About<'a> {
    /// The stream, where it is about a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<&'a str>,
    /// The partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<&'a str>,
    /// What is asked for: `issues KAFKA`, `issues KAFKA-12 comments`, `robots.txt`.
    pub request: &'a str,
}

/// How far something is.
#[derive(Debug, Clone, Serialize)]
pub struct Progress<'a> {
    /// The stream; none for a build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<&'a str>,
    /// The partition; none for a build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<&'a str>,
    /// Records so far.
    pub got: u64,
    /// Records that there are to be.
    pub expected: Option<u64>,
    /// Records a second over the last minute.
    pub per_second: Option<f64>,
    /// The time that is left at this rate.
    #[serde(rename = "left_seconds", serialize_with = "optional_seconds")]
    pub left: Option<Duration>,
}

/// How far all partitions are.
#[derive(Debug, Clone, Serialize)]
pub struct Total {
    /// Partitions that have ended.
    pub partitions_ended: usize,
    /// All partitions.
    pub partitions: usize,
    /// Records so far.
    pub got: u64,
    /// Records that there are to be, as far as partitions have said it.
    pub expected: u64,
    /// Records a second over the last minute.
    pub per_second: Option<f64>,
    /// The time that is left at this rate.
    #[serde(rename = "left_seconds", serialize_with = "optional_seconds")]
    pub left: Option<Duration>,
    /// Child lists still to fetch.
    pub lists_left: u64,
    /// The time between requests to the host that is asked.
    #[serde(rename = "spacing_seconds", serialize_with = "between")]
    pub spacing: Option<Spacing>,
    /// Requests left of its budget.
    pub budget_left: Option<u64>,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Left out with `--quiet`.
    Info,
    /// Something is to be known.
    Warning,
    /// Something is lost, or not done.
    Error,
    /// What the verb was called for.
    Result,
}

impl Event<'_> {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::DiskLow { .. }
            | Self::NotBuilt { .. } => Level::Error,
            Self::PaceDamaged { .. }
            | Self::PaceUnshared { .. }
            | Self::FetchIf { .. }
            | Self::Closed { .. }
            | Self::DiskShort { .. }
            | Self::Interrupted
            | Self::EndsAfterBuild
            | Self::BuildElsewhere { .. }
            | Self::Stopped
            | Self::Warning { .. } => Level::Warning,
            Self::NothingToFetch { .. } | Self::Rebuilt { .. } | Self::Summary { .. } => {
                Level::Result
            }
            _ => Level::Info,
        }
    }

    /// Its line for people; of a summary, its lines.
    pub fn text(&self) -> Cow<'_, str> {
        Cow::Owned(match self {
            Self::Collecting { from, directory, partitions, .. } => {
                format!(
                    "collecting {} from {from} into {directory}",
                    counted(*partitions as u64, "partition")
                )
            }
            Self::Progress(progress) => progress.text(),
            Self::Total(total) => total.text(),
            Self::Partition { stream, partition, got, expected, state, reason } => {
                let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
                let so_far = so_far(*got, *expected);
                format!("{}: {so_far} records, {state}{why}", label(stream, partition))
            }
            Self::Check { stream, partition, got, expected, moved } => {
                let why = if *moved { ", and their number changed on the way" } else { "" };
                let (label, got, expected) =
                    (label(stream, partition), count(*got), count(*expected));
                format!("{label}: {got} records of {expected}{why}: looking closer")
            }
            Self::Missing { stream, partition, records } => {
                let label = label(stream, partition);
                format!("{label}: fetching {} that are missing", counted(*records as u64, "record"))
            }
            Self::Failed { reason, .. }
            | Self::FetchIf { reason }
            | Self::Closed { reason, .. } => {
                return Cow::Borrowed(reason);
            }
            Self::Rejected { at, record, reason } => {
                let request = at.request;
                format!("{request}: giving up record {record}: {reason}")
            }
            Self::Retry { at, what, wait, as_asked, halved, .. } => {
                let wait = match (wait.is_zero(), as_asked) {
                    (true, _) => None,
                    (false, true) => {
                        Some(format!("waiting {}, as the server asked", duration(*wait)))
                    }
                    (false, false) => Some(format!("waiting {}", duration(*wait))),
                };
                let then = match (wait, halved) {
                    (Some(wait), true) => format!("{wait}, then asking for half"),
                    (Some(wait), false) => wait,
                    (None, true) => String::from("asking for half"),
                    (None, false) => String::from("asking again"),
                };
                format!("{}: {what}: {then}", at.request)
            }
            Self::Again { at, reason, from_start: false } => {
                format!("{}: {reason}: asking again", at.request)
            }
            Self::Again { at, reason, from_start: true } => {
                format!("{}: {reason}: starting the list again", at.request)
            }
            Self::Wait { host, wait } => {
                format!("{host}: waiting {}, as it asked an earlier request to", duration(*wait))
            }
            Self::Breaker { host, failures, wait } => format!(
                "{host}: {failures} failures in a row: leaving it alone for {}",
                duration(*wait)
            ),
            Self::CrawlDelay { host, delay } => {
                format!("{host}: robots.txt asks for {} between requests", duration(*delay))
            }
            Self::PaceDamaged { file, host } => format!(
                "{file} was damaged and begins anew: earlier requests to {host} no longer count"
            ),
            Self::PaceUnshared { file, host, reason } => format!(
                "{file}: {reason}: pace and budget of {host} are not shared with other runs"
            ),
            Self::Restart { at } => {
                format!("{}: the checkpoint is refused: starting again", at.request)
            }
            Self::PreviousKey { at, gone, to } => {
                let to = to.unwrap_or("the start");
                format!("{}: {gone} is gone: going on from {to}", at.request)
            }
            Self::DiskLow { reason, .. } => return Cow::Borrowed(reason),
            Self::DiskShort { free, needed, records } => format!(
                "warning: the disk has {} free, and the {} still to come need about {} with their \
                 outputs: the run will stop before the disk is full",
                super::words::size(*free),
                counted(*records, "record"),
                super::words::size(*needed)
            ),
            Self::Watching { files, .. } => format!(
                "watching {}: save one to build again, Ctrl-C to end",
                counted(*files as u64, "file")
            ),
            Self::Saved { files } => format!("\nsaved: {}", files.join(", ")),
            Self::Rebuilt { text, .. } => return Cow::Borrowed(text),
            Self::NotBuilt { directory, reason } => {
                let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
                format!(
                    "not built{why}\nwhat was built before stays in {directory}; waiting for the next save"
                )
            }
            Self::BuildElsewhere { reason } => format!("waiting: {reason}"),
            Self::EndsAfterBuild => {
                String::from("interrupted: ending once this build is done (again to stop at once)")
            }
            Self::Interrupted => String::from(
                "interrupted: finishing the pages in hand, then building (again to stop at once)",
            ),
            Self::Stopped => {
                String::from("stopped; nothing that was committed is lost: go on with --resume")
            }
            Self::NothingToFetch { directory, live } => {
                // A recording has nothing new.
                let new = if *live { "to fetch what is new: --resume; " } else { "" };
                format!(
                    "{directory} is complete: nothing is fetched, only built ({new}to start over: \
                     --fresh)"
                )
            }
            Self::Cleared { directory, files } => {
                format!("{directory}: removed {} of an earlier run", counted(*files as u64, "file"))
            }
            Self::Valid { file, description, streams, tasks, sinks } => {
                let about =
                    if description.is_empty() { String::new() } else { format!("{description}; ") };
                format!(
                    "{file}: ok: {about}{}, {}, {}",
                    counted(*streams as u64, "stream"),
                    counted(*tasks as u64, "task"),
                    counted(*sinks as u64, "sink")
                )
            }
            Self::ValidTests { file, tests } => {
                format!("{file}: ok: {}", counted(*tests as u64, "test"))
            }
            Self::Warning { warning } => format!("warning: {warning}"),
            Self::Summary { text, .. } => return Cow::Borrowed(text),
        })
    }
}

impl Progress<'_> {
    fn text(&self) -> String {
        let what = match (self.stream, self.partition) {
            (Some(stream), Some(partition)) => label(stream, partition),
            _ => String::from("build"),
        };
        let so_far = so_far(self.got, self.expected);
        format!("{what}: {so_far} records{}", speed(self.per_second, self.left))
    }
}

impl Total {
    fn text(&self) -> String {
        let so_far = so_far(self.got, Some(self.expected).filter(|n| *n >= self.got));
        let mut text = format!(
            "total: {so_far} records, {} of {} partitions{}",
            self.partitions_ended,
            self.partitions,
            speed(self.per_second, self.left)
        );
        if self.lists_left > 0 {
            text += &format!(", {} to fetch", counted(self.lists_left, "child list"));
        }
        if let Some(spacing) = self.spacing {
            text += &format!(", {}", pace(spacing));
        }
        if let Some(left) = self.budget_left {
            text += &format!(", {} left in the budget", counted(left, "request"));
        }
        text
    }
}

fn speed(per_second: Option<f64>, left: Option<Duration>) -> String {
    let rate = per_second.map_or(String::new(), |r| format!(", {}", rate(r)));
    let left = left.map_or(String::new(), |left| format!(", about {} left", about(left)));
    format!("{rate}{left}")
}

/// What a partition is called.
pub fn label(stream: &str, partition: &str) -> String {
    format!("{stream} {partition}").trim().to_owned()
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*duration))
}

fn optional_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(rounded).serialize(serializer)
}

fn between<S: Serializer>(spacing: &Option<Spacing>, serializer: S) -> Result<S::Ok, S::Error> {
    optional_seconds(&spacing.map(|spacing| spacing.between), serializer)
}

/// Seconds, to the millisecond.
fn rounded(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    match jiff::Timestamp::try_from(*time) {
        Ok(time) => serializer.collect_str(&format_args!("{time:.0}")),
        Err(_) => serializer.serialize_none(),
    }
}
