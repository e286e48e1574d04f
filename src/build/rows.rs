//! The rows of one record, for each sink.

use scrape_api::{Bytes, Row, RowKey};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::counts::TaskCounts;
use super::keep::{self, Examples, Mapped};
use super::map::text_of;
use super::minify::minify;
use super::tasks::{self, Made};
use super::worker::{Current, Done, Worker};
use crate::plan::{EvalError, Feed, Node, Plan, Scope, SinkPlan, forget_long, json};
use crate::store::{Stage, StoredChild, StoredRecord};

impl Worker<'_> {
    /// Rows of the record as the server sent it, with whether there is space between its
    /// tokens, and of its fetched lists.
    pub(super) fn raw_rows(
        &self,
        current: &Current,
        (bytes, spaced): (&Bytes, bool),
        record: &StoredRecord,
        key: Option<&str>,
        done: &mut Done,
    ) {
        let name = &self.plan.streams[current.stream].name;
        for (number, sink) in self.plan.sinks.iter().enumerate() {
            match &sink.feed {
                Feed::Raw(stream) if stream == name => {
                    let key = self.row_key(current, None, 0);
                    done.rows[number].push(match spaced {
                        true => {
                            let mut minified = Vec::new();
                            minify(bytes, &mut minified);
                            Row::new(key, minified)
                        }
                        // A part of a pack would hold all of it until it is written.
                        false if record.body.part().is_some() => Row::new(key, bytes.to_vec()),
                        false => Row::new(key, bytes.clone()),
                    });
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
        let parent = current.primary_key;
        let head = format!(
            "{{\"parent_id\":{},\"parent_key\":{},\"item\":",
            Value::from(parent),
            Value::from(key)
        );
        let stream = format!("{}.{}", self.plan.streams[current.stream].name, list.name);
        for item in &list.items {
            // An item that is no JSON is named where the list is mapped.
            let bytes = item.body.unpack();
            let Ok(text) = text_of(&bytes) else { continue };
            if serde_json::from_str::<IgnoredAny>(text).is_err() {
                continue;
            }
            let mut bytes = head.clone().into_bytes();
            minify(text.as_bytes(), &mut bytes);
            bytes.push(b'}');
            let key = RowKey::new(stream.clone(), format!("{parent}/{}", item.primary_key));
            done.rows[sink].push(Row::new(key, bytes));
        }
    }

    /// Tasks, then the rows of all sinks that are fed with what is made of a record,
    /// if it was mapped; also their prints, if they are kept. `known` gives what a task
    /// is known to make of it.
    pub(super) fn outputs(
        &self,
        stream: usize,
        mapped: Option<&Mapped>,
        known: impl FnMut(usize) -> Option<Examples>,
        done: &mut Done,
    ) {
        let plan = self.plan;
        let Some(mapped) = mapped else {
            if let Some(keeping) = &mut done.keeping {
                keeping.prints.extend(keep::no_prints(plan));
            }
            return;
        };
        let before: Vec<usize> = done.rows.iter().map(Vec::len).collect();
        let made = self.make(stream, mapped, known, done);
        let Some(keeping) = &mut done.keeping else { return };
        let examples = made.iter().map(|made| made.examples.iter().map(|(_, e)| e.text()));
        keeping.prints.extend(examples.map(keep::print));
        let rows = plan.sinks.iter().zip(&done.rows).zip(before);
        keeping.prints.extend(rows.map(|((sink, rows), before)| {
            let own = rows[before..].iter().filter(|_| keep::has_own_rows(sink));
            keep::print(own.map(|row| &row.bytes[..]))
        }));
    }

    /// What the tasks make of a record; what sinks make of that goes to `done`.
    pub(super) fn make(
        &self,
        stream: usize,
        mapped: &Mapped,
        mut known: impl FnMut(usize) -> Option<Examples>,
        done: &mut Done,
    ) -> Vec<Made> {
        let plan = self.plan;
        let Mapped { partition, primary_key, label, record } = mapped;
        let current = &Current { stream, partition, primary_key, text: "" };
        let mut scope = self.common.with("record", record.clone());
        let mut made = Vec::with_capacity(plan.tasks.len());
        for (number, task) in plan.tasks.iter().enumerate() {
            if let Some(examples) = known(number) {
                made.push(Made { examples, failures: Vec::new() });
                continue;
            }
            let mut counts = TaskCounts::default();
            let one = tasks::make(plan, task, &scope, &mut counts);
            done.made.tasks[number].add(&counts);
            if let Some(batch) = done.keeping.as_mut().and_then(|k| k.tasks[number].as_mut()) {
                batch.note(&one, &counts);
            }
            made.push(one);
        }
        for (task, made) in plan.tasks.iter().zip(&made) {
            for error in &made.failures {
                let what = format!("task {}", task.name);
                self.failed(current, Stage::Task, &what, error, label, done);
            }
        }
        if self.tasks_are_seen {
            let seen = plan.tasks.iter().zip(&made);
            let seen = seen.map(|(task, made)| (task.name.as_str(), made.as_seen(task)));
            scope = scope.with("tasks", minijinja::Value::from_pairs(seen));
        }
        for (number, sink) in plan.sinks.iter().enumerate() {
            match &sink.feed {
                Feed::Records => {
                    let key = self.row_key(current, None, 0);
                    let bytes = match &sink.template {
                        None => Ok(json::text_of_native(record)),
                        Some(template) => rendered(plan, template, &scope),
                    };
                    match bytes {
                        Ok(bytes) => done.rows[number].push(Row::new(key, bytes)),
                        Err(error) => self.sink_failed(current, sink, &error, label, done),
                    }
                }
                Feed::Task(name) => {
                    let stands = self.stands.get(number).is_some_and(|stands| *stands);
                    let mine = plan.tasks.iter().zip(&made).filter(|(task, _)| task.name == *name);
                    for (n, example) in mine.flat_map(|(_, made)| &made.examples) {
                        if stands {
                            let count = &mut done.made.sinks[number];
                            count.rows += 1;
                            count.bytes += example.text().len() as u64 + 1;
                            continue;
                        }
                        let key = self.row_key(current, Some(name), *n);
                        let bytes = match &sink.template {
                            None => Ok(example.shared()),
                            Some(template) => {
                                let scope = scope.with_all([
                                    ("task".to_owned(), minijinja::Value::from(name.as_str())),
                                    ("example".to_owned(), example.seen()),
                                ]);
                                rendered(plan, template, &scope).map(Bytes::from)
                            }
                        };
                        match bytes {
                            Ok(bytes) => done.rows[number].push(Row::new(key, bytes)),
                            Err(error) => self.sink_failed(current, sink, &error, label, done),
                        }
                    }
                }
                Feed::Raw(_) | Feed::RawChildren { .. } => {}
            }
        }
        forget_long();
        made
    }

    fn sink_failed(
        &self,
        current: &Current,
        sink: &SinkPlan,
        error: &EvalError,
        label: &str,
        done: &mut Done,
    ) {
        let what = format!("sink {}", sink.name);
        self.failed(current, Stage::Sink, &what, error, label, done);
    }

    fn row_key(&self, current: &Current, task: Option<&str>, example: u32) -> RowKey {
        let stream = self.plan.streams[current.stream].name.as_str();
        let key = RowKey::new(stream, current.primary_key);
        match task {
            Some(task) => key.of_task(task, example),
            None => key,
        }
    }
}

/// The bytes of a row, as a template makes them.
fn rendered(plan: &Plan, template: &Node, scope: &Scope) -> Result<Vec<u8>, EvalError> {
    let mut bytes = Vec::with_capacity(4096);
    template.write(&plan.env, scope, &mut bytes)?;
    Ok(bytes)
}
