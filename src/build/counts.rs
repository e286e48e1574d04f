//! What a build did, counted: a pure function of the store, the spec and the
//! templates.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::failures::{Failure, Failures};
use crate::plan::Plan;
use crate::spec::Diagnostic;
use crate::store::Stage;

/// What came of a build.
#[derive(Debug, Clone)]
pub struct BuildReport {
    /// For `stats.json`.
    pub counts: BuildCounts,
    /// What looks wrong in the spec, but hinders nothing.
    pub warnings: Vec<Diagnostic>,
    /// Templates that failed, by place.
    pub failures: Vec<Failure>,
    /// The files that it made, and those beside them.
    pub files: Vec<BuiltFile>,
    /// What the records were when it began ([`crate::store::Reader::data_version`]).
    pub data_version: i64,
    /// The most bytes that batches in work were reckoned to take at a time.
    pub most_bytes: u64,
}

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFile {
    /// Relative to the output directory, with `/` between parts.
    pub path: String,
    /// Its rows; `None` for a file that is none of rows, or shares its sink with
    /// another.
    pub rows: Option<u64>,
}

/// The counts of a build, in the spec's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BuildCounts {
    /// By stream.
    pub streams: IndexMap<String, StreamCounts>,
    /// By transform, those that left something out.
    pub transforms: IndexMap<String, TransformCounts>,
    /// By task.
    pub tasks: IndexMap<String, TaskCounts>,
    /// By sink.
    pub sinks: IndexMap<String, SinkCounts>,
    /// By stage and reason: the lines of `rejected.jsonl`.
    pub rejects: IndexMap<String, BTreeMap<String, u64>>,
}

/// Records of a stream: `read` is the sum of `mapped`, `dropped`, `rejected`,
/// `pending`, `failed` and `gone_left_out`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// In the partitions of the spec.
    pub read: u64,
    /// Mapped, transformed, and given to tasks and sinks.
    pub mapped: u64,
    /// Left out by a transform.
    pub dropped: u64,
    /// What could not be used.
    pub rejected: u64,
    /// Not built, because a child list is still to fetch.
    pub pending: u64,
    /// Not built, because a child list could not be fetched.
    pub failed: u64,
    /// Those that the server no longer lists, kept or left out.
    pub gone: u64,
    /// Left out because the server no longer lists them.
    pub gone_left_out: u64,
}

/// Records that a transform left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TransformCounts {
    /// By reason.
    pub dropped: BTreeMap<String, u64>,
}

/// Examples of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Made.
    pub examples: u64,
    /// Records of which it makes none.
    pub not_applicable: u64,
    /// Examples whose target stands in their input.
    pub leaks: LeakCounts,
    /// Examples that failed.
    pub errors: u64,
}

impl TaskCounts {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.examples += other.examples;
        self.not_applicable += other.not_applicable;
        self.leaks.dropped += other.leaks.dropped;
        self.leaks.reported += other.leaks.reported;
        self.leaks.allowed += other.leaks.allowed;
        self.errors += other.errors;
    }
}

/// Examples whose target stands in their input, by what was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakCounts {
    /// Left out.
    pub dropped: u64,
    /// Kept, though it should not be.
    pub reported: u64,
    /// Kept, as it should be.
    pub allowed: u64,
}

/// Rows of a sink.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SinkCounts {
    /// How many.
    pub rows: u64,
    /// Their bytes with line ends, before compression.
    pub bytes: u64,
}

/// Counts while a build goes on: streams, tasks and sinks by their number.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By stream.
    pub streams: Vec<StreamCounts>,
    /// By task.
    pub tasks: Vec<TaskCounts>,
    /// By sink.
    pub sinks: Vec<SinkCounts>,
    /// By transform and reason.
    pub dropped: BTreeMap<(String, &'static str), u64>,
    /// By stage and reason.
    pub rejects: BTreeMap<(Stage, String), u64>,
    /// Templates that failed, by place.
    pub failures: Failures,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            streams: vec![StreamCounts::default(); plan.streams.len()],
            tasks: vec![TaskCounts::default(); plan.tasks.len()],
            sinks: vec![SinkCounts::default(); plan.sinks.len()],
            ..Self::default()
        }
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        for (a, b) in self.streams.iter_mut().zip(&other.streams) {
            a.read += b.read;
            a.mapped += b.mapped;
            a.dropped += b.dropped;
            a.rejected += b.rejected;
            a.pending += b.pending;
            a.failed += b.failed;
            a.gone += b.gone;
            a.gone_left_out += b.gone_left_out;
        }
        for (a, b) in self.tasks.iter_mut().zip(&other.tasks) {
            a.add(b);
        }
        for (a, b) in self.sinks.iter_mut().zip(&other.sinks) {
            a.rows += b.rows;
            a.bytes += b.bytes;
        }
        for (key, n) in &other.dropped {
            *self.dropped.entry(key.clone()).or_default() += n;
        }
        self.failures.add(&other.failures);
        for (key, n) in &other.rejects {
            *self.rejects.entry(key.clone()).or_default() += n;
        }
    }

    /// The counts with the names of a plan.
    pub fn named(&self, plan: &Plan) -> BuildCounts {
        let mut counts = BuildCounts {
            streams: plan
                .streams
                .iter()
                .map(|s| s.name.clone())
                .zip(self.streams.clone())
                .collect(),
            tasks: plan.tasks.iter().map(|t| t.name.clone()).zip(self.tasks.clone()).collect(),
            ..BuildCounts::default()
        };
        // A sink over tasks stands in a plan once for each: one row a sink here.
        for (sink, count) in plan.sinks.iter().zip(&self.sinks) {
            let entry = counts.sinks.entry(sink.name.clone()).or_default();
            entry.rows += count.rows;
            entry.bytes += count.bytes;
        }
        for ((transform, reason), n) in &self.dropped {
            let entry = counts.transforms.entry(transform.clone()).or_default();
            *entry.dropped.entry((*reason).to_owned()).or_default() += n;
        }
        for ((stage, reason), n) in &self.rejects {
            let entry = counts.rejects.entry(stage.as_str().to_owned()).or_default();
            *entry.entry(reason.clone()).or_default() += n;
        }
        counts
    }
}
