//! One record from its stored bytes to rows: what each worker of a build does.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use scrape_api::{Row, Scope as TransformScope};
use serde_json::Value;

use super::convert::convert;
use super::counts::Tally;
use super::failures::Blame;
use super::keep::{ExampleBatch, Growing, Known, Mapped, MappedBatch, Packed};
use super::map::{Left, Mapping, Rejected, Seen, text_of, unreadable};
use super::mapper::Mapper;
use super::projection::Tree;
use super::rejected::push_line;
use super::transform::{apply, at_path};
use crate::plan::{
    EvalError, Feed, FieldType, Plan, Scope, TransformStep, ValueTransform, is_json, native,
    template_value,
};
use crate::store::{Reject, Stage, StoredRecord};

/// From how many records on a path that led nowhere is worth a warning.
pub const WATCHED_RECORDS: u64 = 100;

/// Records that a worker takes at a time, all of one stream.
pub struct Batch {
    /// Its place among all batches.
    pub number: u64,
    /// The records.
    pub records: Records,
}

/// Where the records of a batch come from.
pub enum Records {
    /// The store.
    Stored {
        /// The stream.
        stream: usize,
        /// The place of the first in the stream.
        first: u64,
        /// As they are stored.
        records: Vec<StoredRecord>,
    },
    /// An earlier build, which has mapped them.
    Kept {
        /// A [`MappedBatch`] as it lies on disk.
        mapped: Vec<u8>,
        /// By task: a [`ExampleBatch`], where the task makes what it made.
        tasks: Vec<Option<Vec<u8>>>,
    },
}

/// What became of a batch.
pub struct Done {
    /// Its place among all batches.
    pub number: u64,
    /// How many records it has.
    pub records: usize,
    /// Rows by sink.
    pub rows: Vec<Vec<Row>>,
    /// Lines for `rejected.jsonl`.
    pub rejected: Vec<u8>,
    /// What was counted while records were read and mapped; nothing where an
    /// earlier build has done so.
    pub read: Tally,
    /// What was counted while tasks and sinks made something of them.
    pub made: Tally,
    /// The stream, and which of its paths led somewhere, for the first records.
    pub seen: Option<(usize, Vec<Seen>)>,
    /// What is kept for the next build, while the batch is built.
    pub keeping: Option<Growing>,
    /// What is kept for the next build.
    pub kept: Option<Packed>,
    /// Whether something broke off, so that nothing of it can be kept.
    pub panicked: bool,
}

impl Done {
    /// Nothing yet.
    pub fn new(number: u64, plan: &Plan) -> Self {
        Self {
            number,
            records: 0,
            rows: (0..plan.sinks.len()).map(|_| Vec::new()).collect(),
            rejected: Vec::new(),
            read: Tally::new(plan),
            made: Tally::new(plan),
            seen: None,
            keeping: None,
            kept: None,
            panicked: false,
        }
    }

    /// The bytes that wait to be written.
    pub fn bytes(&self) -> u64 {
        let rows = self.rows.iter().map(|rows| bytes_of(rows)).sum::<u64>();
        rows + self.rejected.len() as u64
    }
}

/// What rows take.
pub fn bytes_of(rows: &[Row]) -> u64 {
    rows.iter().map(|row| row.bytes.len() as u64).sum()
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
    /// Whether the next build is to take over from this one.
    keeping: bool,
    /// By sink: those whose output stands as it is.
    pub(super) stands: &'p [bool],
}

/// A step of `transforms:`, ready to be applied.
struct Step<'p> {
    plan: &'p TransformStep,
    /// For a value transform.
    value: Option<ValueTransform>,
}

/// The record at hand.
#[derive(Clone, Copy)]
pub(super) struct Current<'r> {
    /// Its stream.
    pub(super) stream: usize,
    /// Its partition.
    pub(super) partition: &'r str,
    /// Its identity.
    pub(super) primary_key: &'r str,
    /// Its JSON, as long as it is at hand.
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
        Self { plan, mappers, common, transforms, tasks_are_seen, keeping: false, stands: &[] }
    }

    /// A worker of a build that leaves outputs as they are, by sink, and that the next
    /// one is to take over from if it is `keeping`.
    #[must_use]
    pub fn again(self, keeping: bool, stands: &'p [bool]) -> Self {
        Self { keeping, stands, ..self }
    }

    /// Builds a batch. Nothing in it can fail the build: what cannot be used is
    /// rejected, record by record.
    pub fn batch(&self, batch: Batch) -> Done {
        let mut done = Done::new(batch.number, self.plan);
        done.keeping = self.keeping.then(|| Growing::new(self.plan));
        match batch.records {
            Records::Stored { stream, first, records } => {
                self.stored(stream, first, &records, &mut done);
            }
            Records::Kept { mapped, tasks } => {
                done.panicked |= self.kept(mapped, tasks, &mut done).is_err();
            }
        }
        for (n, (plan, rows)) in self.plan.sinks.iter().zip(&done.rows).enumerate() {
            let tally = if plan.feed.is_raw() { &mut done.read } else { &mut done.made };
            tally.sinks[n].rows += rows.len() as u64;
            tally.sinks[n].bytes += rows.iter().map(|r| r.bytes.len() as u64 + 1).sum::<u64>();
        }
        done.kept = done.keeping.take().and_then(|keeping| keeping.pack().ok());
        done
    }

    fn stored(&self, stream: usize, first: u64, records: &[StoredRecord], done: &mut Done) {
        if first < WATCHED_RECORDS {
            let watched = self.mappers[stream].watched.len();
            done.seen = Some((stream, vec![Seen::default(); watched]));
        }
        done.records = records.len();
        if let Some(keeping) = &mut done.keeping {
            keeping.mapped = Some(MappedBatch { stream, records: Vec::new() });
        }
        for (place, record) in (first..).zip(records) {
            let whole = guarded(done, |done| {
                let begun = done.rejected.len();
                let mapped = self.read(stream, record, place < WATCHED_RECORDS, done);
                let told = begun..done.rejected.len();
                self.outputs(stream, mapped.as_ref(), |_| None, done);
                if let Some(batch) = done.keeping.as_mut().and_then(|k| k.mapped.as_mut()) {
                    let rejected = String::from_utf8_lossy(&done.rejected[told]).into_owned();
                    batch.records.push(Known { rejected, mapped });
                }
            });
            if !whole {
                // A plugin that panics costs the record at hand, no more.
                done.read.streams[stream].read += 1;
                let message = "a plugin or a template broke off while this record was built";
                let stage = Stage::Transform;
                let rejected =
                    Rejected { stage, ..Rejected::map("panicked", message.into(), None) };
                let bytes = record.body.unpack();
                let text = text_of(&bytes).unwrap_or_default();
                self.reject(&current(stream, record, text), rejected, done);
            }
        }
    }

    /// As [`Worker::stored`], from where the records are mapped on.
    fn kept(
        &self,
        mapped: Vec<u8>,
        tasks: Vec<Option<Vec<u8>>>,
        done: &mut Done,
    ) -> io::Result<()> {
        let batch = MappedBatch::unpack(mapped)?;
        let mut known = Vec::with_capacity(tasks.len());
        for (number, packed) in tasks.into_iter().enumerate() {
            let Some(packed) = packed else {
                known.push(None);
                continue;
            };
            let task = ExampleBatch::unpack(packed)?;
            done.made.tasks[number].add(&task.counts);
            if let Some(keeping) = &mut done.keeping {
                keeping.tasks[number] = None;
            }
            known.push(Some(task.into_examples()));
        }
        done.records = batch.records.len();
        for record in batch.records {
            done.rejected.extend_from_slice(record.rejected.as_bytes());
            let known = |task: usize| known[task].as_mut()?.next()?;
            guarded(done, |done| {
                self.outputs(batch.stream, record.mapped.as_ref(), known, done);
            });
        }
        Ok(())
    }

    /// A record up to where it is mapped and transformed, and the rows of it as it
    /// came.
    fn read(
        &self,
        stream: usize,
        record: &StoredRecord,
        watch: bool,
        done: &mut Done,
    ) -> Option<Mapped> {
        let counts = &mut done.read.streams[stream];
        counts.read += 1;
        if record.gone {
            counts.gone += 1;
            if self.plan.streams[stream].drop_gone {
                counts.gone_left_out += 1;
                return None;
            }
        }
        let mapper = &self.mappers[stream];
        let unpacked = record.body.unpack();
        let text = match text_of(&unpacked) {
            Ok(text) => text,
            Err(rejected) => {
                self.reject(&current(stream, record, ""), rejected, done);
                return None;
            }
        };
        let current = current(stream, record, text);
        // Whether it is JSON was seen before it was stored.
        let known = record.body.is_checked() || is_json(text.as_bytes());
        let projected = if known {
            mapper.shape.project_known(text)
        } else {
            mapper.shape.project(text).map(|tree| (tree, true))
        };
        let (tree, spaced) = match projected {
            Ok(read) => read,
            Err(error) => {
                self.reject(&current, unreadable(&error), done);
                return None;
            }
        };
        let key = display_key(mapper, &tree);
        if let Ok(bytes) = &unpacked {
            self.raw_rows(&current, (bytes, spaced), record, key.as_deref(), done);
        }
        if self.is_incomplete(&current, record, done) {
            return None;
        }
        let seen = done.seen.as_mut().filter(|_| watch).map(|(_, seen)| seen.as_mut_slice());
        let vars = mapper.vars(&record.partition);
        let mapping =
            Mapping { plan: self.plan, mapper, vars: &vars, children: &record.children, seen };
        let mapped = mapping.record(&tree).and_then(|record| self.transform(record));
        match mapped {
            Ok(value) => {
                done.read.streams[stream].mapped += 1;
                Some(Mapped {
                    partition: record.partition.clone(),
                    primary_key: record.primary_key.clone(),
                    label: key.unwrap_or_else(|| record.primary_key.clone()),
                    record: value,
                })
            }
            Err(Left::Rejected(rejected)) => {
                if let Some(blame) = &rejected.blame {
                    let label = key.as_deref().unwrap_or(&record.primary_key);
                    done.read.failures.note(blame, label);
                }
                self.reject(&current, rejected, done);
                None
            }
            Err(Left::Dropped { transform, reason }) => {
                done.read.streams[stream].dropped += 1;
                *done.read.dropped.entry((transform, reason)).or_default() += 1;
                None
            }
        }
    }

    /// Whether child lists are missing; those that failed are told of.
    fn is_incomplete(&self, current: &Current, record: &StoredRecord, done: &mut Done) -> bool {
        let missing = &record.missing;
        if missing.is_empty() {
            return false;
        }
        let counts = &mut done.read.streams[current.stream];
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
                    blame: None,
                };
                self.note(current, rejected, false, &mut done.read, &mut done.rejected);
            }
        }
        true
    }

    /// The steps of `transforms:`, in order.
    pub(super) fn transform(&self, record: minijinja::Value) -> Result<minijinja::Value, Left> {
        if self.transforms.is_empty() {
            return Ok(record);
        }
        let mut record = native::json_of(&record);
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
        Ok(template_value(&record))
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
        done.made.failures.note(&Blame::template(what, error.clone()), label);
        let message = format!("{what}, {} (record {label})", error.told(&self.plan.sources));
        let rejected = Rejected { stage, ..Rejected::map("template_failed", message, None) };
        self.note(current, rejected, false, &mut done.made, &mut done.rejected);
    }

    /// The record goes no further.
    fn reject(&self, current: &Current, rejected: Rejected, done: &mut Done) {
        done.read.streams[current.stream].rejected += 1;
        self.note(current, rejected, true, &mut done.read, &mut done.rejected);
    }

    fn note(
        &self,
        current: &Current,
        rejected: Rejected,
        with_raw: bool,
        tally: &mut Tally,
        lines: &mut Vec<u8>,
    ) {
        let reject = Reject {
            stream: self.plan.streams[current.stream].name.clone(),
            partition: current.partition.to_owned(),
            key: current.primary_key.to_owned(),
            child: rejected.child,
            stage: rejected.stage,
            reason: rejected.reason.to_owned(),
            message: rejected.message,
            pointer: rejected.pointer,
            raw: with_raw.then(|| current.text.as_bytes().to_vec()),
        };
        push_line(&reject, lines);
        *tally.rejects.entry((reject.stage, reject.reason)).or_default() += 1;
    }
}

/// Does something with one record; false when a plugin or a template broke off: then
/// it is as if nothing had been done.
fn guarded(done: &mut Done, work: impl FnOnce(&mut Done)) -> bool {
    let lengths: Vec<usize> = done.rows.iter().map(Vec::len).collect();
    let (streams, tasks) = (done.read.streams.clone(), done.made.tasks.clone());
    if catch_unwind(AssertUnwindSafe(|| work(done))).is_ok() {
        return true;
    }
    for (rows, length) in done.rows.iter_mut().zip(lengths) {
        rows.truncate(length);
    }
    (done.read.streams, done.made.tasks) = (streams, tasks);
    done.panicked = true;
    false
}

fn current<'r>(stream: usize, record: &'r StoredRecord, text: &'r str) -> Current<'r> {
    Current { stream, partition: &record.partition, primary_key: &record.primary_key, text }
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
