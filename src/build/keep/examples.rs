//! What is kept of a batch for a task: its examples, as they were written.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::build::counts::TaskCounts;
use crate::build::tasks::Made;
use crate::plan::json::Written;
use crate::store::Body;

/// The examples of one record, with their numbers.
pub type Examples = Vec<(u32, Arc<Written>)>;

/// The examples that a task made of the records of a batch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TaskLeaf {
    /// What was counted for those that are kept.
    pub counts: TaskCounts,
    /// One for each record that was mapped; none where a template failed, so that it
    /// fails again and is told of.
    records: Vec<Option<Vec<(u32, Box<RawValue>)>>>,
}

impl TaskLeaf {
    /// Keeps what was made of the next record.
    pub fn note(&mut self, made: &Made, counts: &TaskCounts) {
        let text = |example: &Written| {
            String::from_utf8(example.text().to_vec())
                .ok()
                .and_then(|t| RawValue::from_string(t).ok())
        };
        let examples = made.examples.iter().map(|(n, example)| Some((*n, text(example)?)));
        let examples = examples.collect::<Option<Vec<_>>>().filter(|_| made.failures.is_empty());
        if examples.is_some() {
            self.counts.add(counts);
        }
        self.records.push(examples);
    }

    /// As it lies on disk.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        Ok(Body::pack(&serde_json::to_vec(self)?)?.packed().to_vec())
    }

    /// What was packed.
    ///
    /// # Errors
    /// When that is damaged.
    pub fn unpack(packed: Vec<u8>) -> io::Result<Self> {
        Ok(serde_json::from_slice(&Body::from_packed(packed).unpack()?)?)
    }

    /// What was kept of each record, in order.
    pub fn into_examples(self) -> impl Iterator<Item = Option<Examples>> {
        self.records.into_iter().map(|examples| {
            let written = |text: Box<RawValue>| {
                Arc::new(Written::from_text(Box::<str>::from(text).into_string()))
            };
            Some(examples?.into_iter().map(|(n, text)| (n, written(text))).collect())
        })
    }
}
