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

/// An example with its number.
#[derive(Debug, Serialize, Deserialize)]
struct Example(u32, Box<RawValue>);

/// The examples that a task made of the records of a batch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ExampleBatch {
    /// What was counted for those that are kept.
    pub counts: TaskCounts,
    /// One for each record that was mapped; none where a template failed, so that it
    /// fails again and is told of.
    records: Vec<Option<Vec<Example>>>,
}

impl ExampleBatch {
    /// Keeps what was made of the next record.
    pub fn note(&mut self, made: &Made, counts: &TaskCounts) {
        let example = |(number, example): &(u32, Arc<Written>)| {
            let text = String::from_utf8(example.text().to_vec()).ok()?;
            Some(Example(*number, RawValue::from_string(text).ok()?))
        };
        let whole = made.failures.is_empty();
        let examples: Option<Vec<_>> =
            made.examples.iter().map(example).collect::<Option<_>>().filter(|_| whole);
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
        Ok(Body::pack(&serde_json::to_vec(self)?)?.frame().to_vec())
    }

    /// What was packed.
    ///
    /// # Errors
    /// When that is damaged.
    pub fn unpack(packed: Vec<u8>) -> io::Result<Self> {
        Ok(serde_json::from_slice(&Body::from_packed(packed, None).unpack()?)?)
    }

    /// What was kept of each record, in order.
    pub fn into_examples(self) -> impl Iterator<Item = Option<Examples>> {
        self.records.into_iter().map(|examples| {
            let written = |Example(number, text)| {
                let text: Box<str> = text.into();
                (number, Arc::new(Written::from_text(text.into_string())))
            };
            Some(examples?.into_iter().map(written).collect())
        })
    }
}
