//! One record from its stored bytes to rows: what each worker of a build does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use scrape_api::{Row, RowKey, Scope as TransformScope};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::convert::convert;
use super::counts::Tally;
use super::map::{Left, Mapping, Rejected, Seen, apply, text_of, transform_texts, unreadable};
use super::mapper::Mapper;
use super::minify::minify;
use super::projection::Tree;
use super::rejected::push_line;
use super::tasks;
use crate::plan::{
    Feed, FieldType, Path, Plan, Scope, TransformStep, ValueTransform, template_value,
};
use crate::store::{Reject, Stage, StoredChild, StoredRecord};

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
    plan: &'p Plan,
    mappers: &'p [Mapper<'p>],
    transforms: Vec<Step<'p>>,
    /// Whether some sink's template is to see the tasks.
    tasks_are_seen: bool,
}

/// A step of `transforms:`, ready to be applied.
struct Step<'p> {
    plan: &'p TransformStep,
    /// For a value transform.
    value: Option<ValueTransform>,
}

/// The record at hand.
struct Current<'r> {
    stream: usize,
    record: &'r StoredRecord,
    text: &'r str,
}

impl<'p> Worker<'p> {
    /// A worker for a plan, whose mappers are those of its streams in order.
    pub fn new(plan: &'p Plan, mappers: &'p [Mapper<'p>]) -> Self {
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
        Self { plan, mappers, transforms, tasks_are_seen }
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
                self.outputs(&current, value, label, done);
            }
            Err(Left::Rejected(rejected)) => self.reject(&current, rejected, done),
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
                };
                self.note(current, rejected, false, done);
            }
        }
        true
    }

    /// Rows of the record as the server sent it, and of its fetched lists.
    fn raw_rows(&self, current: &Current, key: Option<&str>, done: &mut Done) {
        let name = &self.plan.streams[current.stream].name;
        let record = current.record;
        for (number, sink) in self.plan.sinks.iter().enumerate() {
            match &sink.feed {
                Feed::Raw(stream) if stream == name => {
                    let mut bytes = Vec::new();
                    minify(current.text.as_bytes(), &mut bytes);
                    done.rows[number].push(Row { key: self.row_key(current, None, 0), bytes });
                }
                Feed::RawChildren { stream, child } if stream == name => {
                    for list in record.children.iter().filter(|c| c.name == *child) {
                        self.child_rows(current, key, list, number, done);
                    }
                }
                _ => {}
            }
        }
    }

    fn child_rows(
        &self,
        current: &Current,
        key: Option<&str>,
        list: &StoredChild,
        sink: usize,
        done: &mut Done,
    ) {
        let parent = &current.record.primary_key;
        let head = format!(
            "{{\"parent_id\":{},\"parent_key\":{},\"item\":",
            Value::from(parent.as_str()),
            Value::from(key)
        );
        let stream = format!("{}.{}", self.plan.streams[current.stream].name, list.name);
        for item in &list.items {
            // An item that is no JSON is named where the list is mapped.
            let Ok(text) = text_of(item.body.unpack()) else { continue };
            if serde_json::from_str::<IgnoredAny>(&text).is_err() {
                continue;
            }
            let mut bytes = head.clone().into_bytes();
            minify(text.as_bytes(), &mut bytes);
            bytes.push(b'}');
            let key = RowKey {
                stream: stream.clone(),
                primary_key: format!("{parent}/{}", item.primary_key),
                task: None,
                example: 0,
            };
            done.rows[sink].push(Row { key, bytes });
        }
    }

    /// The steps of `transforms:`, in order.
    fn transform(&self, mut record: Value) -> Result<Value, Left> {
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

    /// Tasks, then the rows of all sinks that are fed with what is made.
    fn outputs(&self, current: &Current, record: Value, label: &str, done: &mut Done) {
        let plan = self.plan;
        let mut scope = Scope::new([("record".to_owned(), template_value(&record))]);
        let mut results = Map::new();
        let mut made_by_task = Vec::with_capacity(plan.tasks.len());
        for (task, counts) in plan.tasks.iter().zip(&mut done.tally.tasks) {
            made_by_task.push(tasks::make(plan, task, &scope, label, counts));
        }
        for made in &made_by_task {
            for message in &made.failures {
                self.failed(current, Stage::Task, message.clone(), done);
            }
        }
        // Rows of examples as they are need no template, and the examples are
        // then moved, not copied, to where templates see them.
        for (number, sink) in plan.sinks.iter().enumerate() {
            if let (Feed::Task(name), None) = (&sink.feed, &sink.template) {
                for (task, made) in plan.tasks.iter().zip(&made_by_task) {
                    if task.name == *name {
                        for (n, example) in &made.examples {
                            let key = self.row_key(current, Some(name), *n);
                            done.rows[number].push(Row { key, bytes: to_bytes(example) });
                        }
                    }
                }
            }
        }
        let mut examples_of_sinks = Vec::new();
        for (number, sink) in plan.sinks.iter().enumerate() {
            if let (Feed::Task(name), Some(_)) = (&sink.feed, &sink.template) {
                for (task, made) in plan.tasks.iter().zip(&made_by_task) {
                    if task.name == *name {
                        examples_of_sinks.push((number, name, made.examples.clone()));
                    }
                }
            }
        }
        if self.tasks_are_seen {
            for (task, made) in plan.tasks.iter().zip(made_by_task) {
                results.insert(task.name.clone(), made.into_value(task));
            }
            scope = scope.with("tasks", template_value(&Value::Object(results)));
        }
        for (number, sink) in plan.sinks.iter().enumerate() {
            if sink.feed == Feed::Records {
                let bytes = match &sink.template {
                    None => Ok(to_bytes(&record)),
                    Some(template) => template.eval(&plan.env, &scope).map(|v| to_bytes(&v)),
                };
                self.push(current, number, bytes, self.row_key(current, None, 0), label, done);
            }
        }
        for (number, task, examples) in examples_of_sinks {
            let Some(template) = &plan.sinks[number].template else { continue };
            for (n, example) in examples {
                let names = [
                    ("task".to_owned(), minijinja::Value::from(task.as_str())),
                    ("example".to_owned(), template_value(&example)),
                ];
                let bytes = template.eval(&plan.env, &scope.with_all(names)).map(|v| to_bytes(&v));
                self.push(
                    current,
                    number,
                    bytes,
                    self.row_key(current, Some(task), n),
                    label,
                    done,
                );
            }
        }
    }

    fn push(
        &self,
        current: &Current,
        sink: usize,
        bytes: Result<Vec<u8>, crate::plan::EvalError>,
        key: RowKey,
        label: &str,
        done: &mut Done,
    ) {
        match bytes {
            Ok(bytes) => done.rows[sink].push(Row { key, bytes }),
            Err(error) => {
                let place = self.plan.sources.display(error.span);
                let name = &self.plan.sinks[sink].name;
                let message = format!("sink {name}, {place}: {} (record {label})", error.message);
                self.failed(current, Stage::Sink, message, done);
            }
        }
    }

    fn row_key(&self, current: &Current, task: Option<&str>, example: u32) -> RowKey {
        RowKey {
            stream: self.plan.streams[current.stream].name.clone(),
            primary_key: current.record.primary_key.clone(),
            task: task.map(str::to_owned),
            example,
        }
    }

    /// A template failed: the record itself goes on, so its bytes are not told.
    fn failed(&self, current: &Current, stage: Stage, message: String, done: &mut Done) {
        let rejected =
            Rejected { stage, reason: "template_failed", message, pointer: None, child: None };
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
fn display_key(mapper: &Mapper, tree: &Tree) -> Option<String> {
    let mut found = Vec::new();
    tree.select(mapper.key?, &mut found);
    match convert(found.first()?.text()?, FieldType::String) {
        Ok(Some(Value::String(key))) => Some(key),
        _ => None,
    }
}

/// Applies a value transform to the texts of all values that a path selects.
fn at_path(record: &mut Value, path: &Path, transform: &ValueTransform) -> Result<(), Left> {
    // By their addresses: nothing moves between the look and the change.
    let places: Vec<usize> =
        path.all(record).into_iter().map(|v| std::ptr::from_ref(v).addr()).collect();
    if places.is_empty() { Ok(()) } else { at_places(record, &places, transform) }
}

fn at_places(value: &mut Value, places: &[usize], transform: &ValueTransform) -> Result<(), Left> {
    if places.contains(&std::ptr::from_ref::<Value>(value).addr()) {
        return transform_texts(value, transform);
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|v| at_places(v, places, transform)),
        Value::Object(map) => map.values_mut().try_for_each(|v| at_places(v, places, transform)),
        _ => Ok(()),
    }
}

/// A JSON value on one line.
fn to_bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    // Values have text keys, and memory does not fail to be written to.
    let _ = serde_json::to_writer(&mut bytes, value);
    bytes
}
