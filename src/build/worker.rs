//! One record from its stored bytes to rows: what each worker of a build does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scrape_api::{Row, Scope as TransformScope};
use serde_json::Value;

use super::convert::convert;
use super::counts::Tally;
use super::map::{Left, Mapping, Rejected, Seen, text_of, unreadable};
use super::mapper::Mapper;
use super::projection::Tree;
use super::rejected::push_line;
use super::transform::{apply, at_path};
use crate::plan::{EvalError, Feed, FieldType, Plan, Scope, TransformStep, ValueTransform};
use crate::store::{Reject, Stage, StoredRecord};

/// From how many records on a path that led nowhere is worth a warning.
pub const WATCHED_RECORDS: u64 = 100;

/// Records that a worker takes at a time, all of one stream.
pub struct Batch {
    /// Its place among all batches.
    pub number: u64,
    /// The stream.
    pub stream: usize,
    /// The place of its first record in the stream.
    pub first: u64,
    /// The records.
    pub records: Vec<StoredRecord>,
}

/// What became of a batch.
pub struct Done {
    /// Its place among all batches.
    pub number: u64,
    /// Rows by sink.
    pub rows: Vec<Vec<Row>>,
    /// Lines for `rejected.jsonl`.
    pub rejected: Vec<u8>,
    /// What was counted.
    pub tally: Tally,
    /// The stream, and which of its paths led somewhere, for the first records.
    pub seen: Option<(usize, Vec<Seen>)>,
}

/// What all workers share.
pub struct Worker<'p> {
    pub(super) plan: &'p Plan,
    pub(super) mappers: &'p [Mapper<'p>],
    /// What every template sees.
    pub(super) common: Scope,
    transforms: Vec<Step<'p>>,
    /// Whether some sink's template is to see the tasks.
    pub(super) tasks_are_seen: bool,
}

/// A step of `transforms:`, ready to be applied.
struct Step<'p> {
    plan: &'p TransformStep,
    /// For a value transform.
    value: Option<ValueTransform>,
}

/// The record at hand.
pub(super) struct Current<'r> {
    /// Its stream.
    pub(super) stream: usize,
    /// As it is stored.
    pub(super) record: &'r StoredRecord,
    /// Its JSON.
    pub(super) text: &'r str,
}

impl<'p> Worker<'p> {
    /// A worker for a plan, whose mappers are those of its streams in order.
    pub fn new(plan: &'p Plan, mappers: &'p [Mapper<'p>], common: Scope) -> Self {
        let transforms = plan
            .transforms
            .iter()
            .map(|step| Step {
                plan: step,
                value: (step.plugin.scope() == TransformScope::Value).then(|| ValueTransform {
                    name: step.name.clone(),
                    plugin: step.plugin.clone(),
                }),
            })
            .collect();
        let tasks_are_seen = plan
            .sinks
            .iter()
            .any(|s| s.template.is_some() && matches!(s.feed, Feed::Records | Feed::Task(_)));
        Self { plan, mappers, common, transforms, tasks_are_seen }
    }

    /// Builds a batch. Nothing in it can fail the build: what cannot be used is
    /// rejected, record by record.
    pub fn batch(&self, batch: &Batch) -> Done {
        let watching = batch.first < WATCHED_RECORDS;
        let watched = self.mappers[batch.stream].watched.len();
        let mut done = Done {
            number: batch.number,
            rows: (0..self.plan.sinks.len()).map(|_| Vec::new()).collect(),
            rejected: Vec::new(),
            tally: Tally::new(self.plan),
            seen: watching.then(|| (batch.stream, vec![Seen::default(); watched])),
        };
        for (place, record) in (batch.first..).zip(&batch.records) {
            let lengths: Vec<usize> = done.rows.iter().map(Vec::len).collect();
            let watch = place < WATCHED_RECORDS;
            let (streams, tasks) = (done.tally.streams.clone(), done.tally.tasks.clone());
            let result = catch_unwind(AssertUnwindSafe(|| {
                self.record(batch.stream, record, watch, &mut done);
            }));
            if result.is_err() {
                // A plugin that panics costs the record at hand, no more.
                for (rows, length) in done.rows.iter_mut().zip(lengths) {
                    rows.truncate(length);
                }
                (done.tally.streams, done.tally.tasks) = (streams, tasks);
                done.tally.streams[batch.stream].read += 1;
                let rejected = Rejected {
                    stage: Stage::Transform,
                    reason: "panicked",
                    message: String::from(
                        "a plugin or a template broke off while this record was built",
                    ),
                    pointer: None,
                    child: None,
                    failure: None,
                };
                let text = text_of(record.body.unpack()).unwrap_or_default();
                self.reject(
                    &Current { stream: batch.stream, record, text: &text },
                    rejected,
                    &mut done,
                );
            }
        }
        for (rows, count) in done.rows.iter().zip(&mut done.tally.sinks) {
            count.rows += rows.len() as u64;
            count.bytes += rows.iter().map(|r| r.bytes.len() as u64 + 1).sum::<u64>();
        }
        done
    }

    fn record(&self, stream: usize, record: &StoredRecord, watch: bool, done: &mut Done) {
        let counts = &mut done.tally.streams[stream];
        counts.read += 1;
        if record.gone {
            counts.gone += 1;
            if self.plan.streams[stream].drop_gone {
                counts.gone_left_out += 1;
                return;
            }
        }
        let mapper = &self.mappers[stream];
        let text = match text_of(record.body.unpack()) {
            Ok(text) => text,
            Err(rejected) => {
                let current = Current { stream, record, text: "" };
                return self.reject(&current, rejected, done);
            }
        };
        let current = Current { stream, record, text: &text };
        let tree = match mapper.shape.project(&text) {
            Ok(tree) => tree,
            Err(error) => return self.reject(&current, unreadable(&error), done),
        };
        let key = display_key(mapper, &tree);
        self.raw_rows(&current, key.as_deref(), done);
        if self.is_incomplete(&current, done) {
            return;
        }
        let seen = done.seen.as_mut().filter(|_| watch).map(|(_, seen)| seen.as_mut_slice());
        let vars = mapper.vars(&record.partition);
        let mapping =
            Mapping { plan: self.plan, mapper, vars: &vars, children: &record.children, seen };
        let mapped = mapping.record(&tree).and_then(|map| self.transform(Value::Object(map)));
        match mapped {
            Ok(value) => {
                done.tally.streams[stream].mapped += 1;
                let label = key.as_deref().unwrap_or(&record.primary_key);
                self.outputs(&current, &value, label, done);
            }
            Err(Left::Rejected(rejected)) => {
                if let Some((what, error)) = rejected.failure.as_deref() {
                    let label = key.as_deref().unwrap_or(&record.primary_key);
                    done.tally.failures.note(what, error, label);
                }
                self.reject(&current, rejected, done);
            }
            Err(Left::Dropped { transform, reason }) => {
                done.tally.streams[stream].dropped += 1;
                *done.tally.dropped.entry((transform, reason)).or_default() += 1;
            }
        }
    }

    /// Whether child lists are missing; those that failed are told of.
    fn is_incomplete(&self, current: &Current, done: &mut Done) -> bool {
        let missing = &current.record.missing;
        if missing.is_empty() {
            return false;
        }
        let counts = &mut done.tally.streams[current.stream];
        if missing.iter().any(|(_, reason)| reason.is_some()) {
            counts.failed += 1;
        } else {
            counts.pending += 1;
        }
        for (child, reason) in missing {
            if let Some(reason) = reason {
                let rejected = Rejected {
                    stage: Stage::Collect,
                    reason: "child_list_failed",
                    message: reason.clone(),
                    pointer: None,
                    child: Some(child.clone()),
                    failure: None,
                };
                self.note(current, rejected, false, done);
            }
        }
        true
    }

    /// The steps of `transforms:`, in order.
    pub(super) fn transform(&self, mut record: Value) -> Result<Value, Left> {
        for step in &self.transforms {
            match &step.value {
                None => apply(&mut record, &step.plan.name, step.plan.plugin.as_ref())?,
                Some(transform) => {
                    for path in &step.plan.fields {
                        at_path(&mut record, path, transform)?;
                    }
                }
            }
        }
        Ok(record)
    }

    /// A template failed: the record itself goes on, so its bytes are not told.
    pub(super) fn failed(
        &self,
        current: &Current,
        stage: Stage,
        what: &str,
        error: &EvalError,
        label: &str,
        done: &mut Done,
    ) {
        done.tally.failures.note(what, error, label);
        let message = format!("{what}, {} (record {label})", error.told(&self.plan.sources));
        let rejected = Rejected { stage, ..Rejected::map("template_failed", message, None) };
        self.note(current, rejected, false, done);
    }

    /// The record goes no further.
    fn reject(&self, current: &Current, rejected: Rejected, done: &mut Done) {
        done.tally.streams[current.stream].rejected += 1;
        self.note(current, rejected, true, done);
    }

    fn note(&self, current: &Current, rejected: Rejected, with_raw: bool, done: &mut Done) {
        let reject = Reject {
            stream: self.plan.streams[current.stream].name.clone(),
            partition: current.record.partition.clone(),
            key: current.record.primary_key.clone(),
            child: rejected.child,
            stage: rejected.stage,
            reason: rejected.reason.to_owned(),
            message: rejected.message,
            pointer: rejected.pointer,
            raw: with_raw.then(|| current.text.as_bytes().to_vec()),
        };
        push_line(&reject, &mut done.rejected);
        *done.tally.rejects.entry((reject.stage, reject.reason)).or_default() += 1;
    }
}

/// The key that people read.
pub(super) fn display_key(mapper: &Mapper, tree: &Tree) -> Option<String> {
    let mut found = Vec::new();
    tree.select(mapper.key?, &mut found);
    match convert(found.first()?.text()?, FieldType::String) {
        Ok(Some(Value::String(key))) => Some(key),
        _ => None,
    }
}
