//! `stats.json`: what came of a run. `counts` is derived from the store and the
//! build, so it is the same whatever happened on the way; `run` is about this run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use scrape_api::{AtomicFile, OutputDir};
use serde::Serialize;

use super::PartitionLine;
use crate::build::{BuildCounts, BuildReport, StreamCounts, TaskCounts};
use crate::kill;
use crate::observe::Observer;
use crate::plan::Plan;
use crate::store::{PartitionRow, PartitionState, Reader, Stage};

/// The file's name.
pub const STATS_FILE: &str = "stats.json";

/// The whole file.
#[derive(Debug, Serialize)]
pub struct Stats {
    /// The version of this form.
    pub format: u32,
    /// The spec's name.
    pub spec: String,
    /// Derived from store, spec and templates alone.
    pub counts: Counts,
    /// About this run alone.
    pub run: Run,
}

/// What is there.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// Every partition that the spec lists, in its order.
    pub partitions: Vec<PartitionStats>,
    /// Streams, transforms, tasks, sinks, rejects.
    #[serde(flatten)]
    pub build: BuildCounts,
}

/// One partition.
#[derive(Debug, Serialize)]
pub struct PartitionStats {
    /// Its stream.
    pub stream: String,
    /// Its id.
    pub partition: String,
    /// `complete`, `limited`, `incomplete`, `failed`, `running`, or `missing`.
    pub state: &'static str,
    /// How many records the server says there are.
    pub expected: Option<u64>,
    /// How many the store has.
    pub got: u64,
    /// How that was compared: `count` or `sweep`.
    pub checked: Option<String>,
    /// `--limit`, where it cut the partition.
    pub limit: Option<u64>,
    /// Why it is not complete.
    pub reason: Option<String>,
}

/// What it cost.
#[derive(Debug, Default, Serialize)]
pub struct Run {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Why, with how often.
    pub retry_reasons: BTreeMap<String, u64>,
    /// Seconds in which something waited, since a server or a breaker asked for it.
    pub waited_seconds: f64,
    /// Bytes of decoded bodies.
    pub bytes: u64,
    /// The most bytes of bodies that were in memory at a time.
    pub peak_body_bytes: u64,
    /// The most bytes that the batches of the build were reckoned to take at a time.
    pub peak_batch_bytes: u64,
    /// Values that had to be repaired in replies.
    pub repairs: u64,
    /// Seconds from start to end.
    pub seconds: f64,
}

impl Stats {
    /// Gathers them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn gather(
        plan: &Plan,
        reader: &dyn Reader,
        built: &BuildReport,
        observer: &Observer,
    ) -> crate::store::Result<Self> {
        let mut partitions = Vec::new();
        for stream in &plan.streams {
            let rows = reader.partitions(&stream.name)?;
            for partition in &stream.partitions {
                let row = rows.iter().find(|r| r.partition == partition.id);
                let got = reader.count_records(&stream.name, &partition.id)?;
                partitions.push(PartitionStats::new(&stream.name, &partition.id, row, got));
            }
        }
        let counters = &observer.counters;
        Ok(Self {
            format: 1,
            spec: plan.name.clone(),
            counts: Counts { partitions, build: built.counts.clone() },
            run: Run {
                requests: counters.requests.load(Relaxed),
                retries: counters.retries.load(Relaxed),
                retry_reasons: observer.retry_reasons(),
                waited_seconds: counters.waited_ms.load(Relaxed) as f64 / 1000.0,
                bytes: counters.bytes.load(Relaxed),
                peak_body_bytes: counters.in_flight.most(),
                peak_batch_bytes: built.most_bytes,
                repairs: counters.repairs.load(Relaxed),
                seconds: observer.elapsed().as_millis() as f64 / 1000.0,
            },
        })
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, dir: &OutputDir) -> scrape_api::Result<()> {
        let mut file = AtomicFile::create(dir.file(STATS_FILE)?)?;
        serde_json::to_writer_pretty(&mut file, self).map_err(scrape_api::Error::msg)?;
        file.write_all(b"\n").map_err(scrape_api::Error::io("write stats.json"))?;
        kill::point("stats written");
        file.commit()?;
        kill::point("stats renamed");
        Ok(())
    }

    /// Whether spec and templates did their work: no row of a sink failed, no task
    /// failed wherever it was tried, and of no stream all records were rejected.
    pub fn is_sound(&self) -> bool {
        let failed = |t: &TaskCounts| t.errors > 0 && t.examples == 0;
        let unusable = |s: &StreamCounts| s.rejected > 0 && s.mapped + s.dropped == 0;
        !self.counts.build.tasks.values().any(failed)
            && !self.counts.build.streams.values().any(unusable)
            && !self.counts.build.rejects.contains_key(Stage::Sink.as_str())
    }

    /// Whether every partition is complete, or cut on purpose, and every record
    /// has its child lists.
    pub fn is_complete(&self) -> bool {
        self.counts.partitions.iter().all(PartitionStats::is_done)
            && self.counts.build.streams.values().all(|s| s.pending + s.failed == 0)
    }
}

impl PartitionStats {
    /// Of a partition's row, where it was begun, and the number of its records.
    pub fn new(stream: &str, partition: &str, row: Option<&PartitionRow>, got: u64) -> Self {
        Self {
            stream: stream.to_owned(),
            partition: partition.to_owned(),
            state: row.map_or("missing", |r| r.state.as_str()),
            expected: row.and_then(|r| r.expected),
            got,
            checked: row.and_then(|r| r.checked.clone()),
            limit: row.and_then(|r| r.limit),
            reason: row.and_then(|r| r.reason.clone()),
        }
    }

    /// It as people read of it.
    pub fn line(&self) -> PartitionLine<'_> {
        PartitionLine {
            stream: &self.stream,
            partition: &self.partition,
            got: self.got,
            expected: self.expected,
            state: self.state,
            checked: self.checked.as_deref(),
            limit: self.limit,
            reason: self.reason.as_deref(),
        }
    }

    /// Whether nothing is missing here.
    pub fn is_done(&self) -> bool {
        [PartitionState::Complete, PartitionState::Limited].iter().any(|s| s.as_str() == self.state)
    }
}
