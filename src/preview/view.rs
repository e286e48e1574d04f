//! Which records are shown.

use std::io::Write;
use std::ops::ControlFlow;

use serde_json::Value;

use super::{json, text};
use crate::build::{Attempt, Fate, Show, show};
use crate::observe::words::printable;
use crate::plan::{Plan, TaskPlan};
use crate::report::outline::Extent;
use crate::store::{self, Reader, StoredRecord};

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose examples, by its place among the tasks; else all of them as data, and
    /// none as text.
    pub task: Option<usize>,
    /// The one record, by the key that people read or its primary key.
    pub key: Option<String>,
    /// How many records, or records with examples.
    pub most: usize,
    /// How much of a long text.
    pub extent: Extent,
    /// One JSON object a line, instead of text.
    pub json: bool,
}

/// One record as it is shown.
pub(super) struct Shown<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stream: usize,
    pub(super) stored: &'a StoredRecord,
    /// The key that people read.
    pub(super) key: &'a str,
    /// Its fields; else why there are none.
    pub(super) record: &'a Result<Value, String>,
    /// What tasks made of it.
    pub(super) attempts: &'a [(&'a TaskPlan, Attempt)],
}

/// Shows records until there are enough.
pub struct View<'a, W> {
    plan: &'a Plan,
    settings: Settings,
    out: W,
    /// Records that were shown.
    pub shown: usize,
    /// Records of which the task makes nothing.
    pub passed: usize,
    /// Templates that failed.
    pub failed: usize,
    first_passed: Option<String>,
}

impl<'a, W: Write> View<'a, W> {
    /// Shows what `settings` say on `out`.
    pub fn new(plan: &'a Plan, settings: Settings, out: W) -> Self {
        Self { plan, settings, out, shown: 0, passed: 0, failed: 0, first_passed: None }
    }

    /// Shows records of a store, in build order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stored(&mut self, reader: &dyn Reader) -> store::Result<()> {
        let plan = self.plan;
        show(plan, |show| {
            for (number, stream) in plan.streams.iter().enumerate() {
                let ids: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
                let mut flow = ControlFlow::Continue(());
                reader.records(&stream.name, &ids, &mut |record| {
                    flow = self.take(show, number, &record);
                    flow
                })?;
                if flow.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Shows records of first pages, each with the number of its stream.
    pub fn sampled<'r>(&mut self, records: impl Iterator<Item = (usize, &'r StoredRecord)>) {
        show(self.plan, |show| {
            for (stream, record) in records {
                if self.take(show, stream, record).is_break() {
                    break;
                }
            }
        });
    }

    /// Shows a record if it is wanted; breaks when no more are.
    fn take(&mut self, show: &Show, stream: usize, stored: &StoredRecord) -> ControlFlow<()> {
        let key = show.key(stream, stored);
        let is_other = |wanted: &String| *wanted != key && *wanted != stored.primary_key;
        if self.settings.key.as_ref().is_some_and(is_other) {
            return ControlFlow::Continue(());
        }
        let record = show.record(stream, stored);
        let tasks = self.plan.tasks.iter().enumerate().filter(|(number, _)| {
            self.settings.task.map_or(self.settings.json, |task| task == *number)
        });
        let attempts: Vec<_> = tasks
            .filter_map(|(_, task)| Some((task, show.task(task, record.as_ref().ok()?))))
            .collect();
        let fates = || attempts.iter().flat_map(|(_, attempt)| &attempt.fates);
        self.failed += fates().filter(|fate| matches!(fate, Fate::Failed(_))).count();
        let applies = self.settings.task.is_none()
            || record.is_err()
            || fates().any(|fate| !matches!(fate, Fate::NotApplicable { .. }));
        let shown = Shown {
            plan: self.plan,
            stream,
            stored,
            key: &key,
            record: &record,
            attempts: &attempts,
        };
        let text = match self.settings.json {
            true => json::line(&shown),
            false => printable(&text::page(&shown, self.settings.extent)).into_owned(),
        };
        if !applies && self.settings.key.is_none() {
            self.passed += 1;
            self.first_passed.get_or_insert(text);
            return ControlFlow::Continue(());
        }
        self.shown += 1;
        // A closed pipe is no error, and nobody is left to read more.
        let written = self.out.write_all(text.as_bytes()).is_ok();
        match written && self.settings.key.is_none() && self.shown < self.settings.most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    /// Shows the first record of which the task makes nothing, where it makes
    /// something of none: it says why. Whether there was one.
    pub fn show_passed(&mut self) -> bool {
        let Some(text) = self.first_passed.take().filter(|_| self.shown == 0) else { return false };
        // A closed pipe is no error.
        let _ = self.out.write_all(text.as_bytes());
        true
    }
}
