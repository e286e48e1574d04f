//! What is kept of a batch.

use std::io;

use super::{ExampleBatch, MappedBatch};
use crate::plan::Plan;

/// What a worker keeps of a batch, while it grows.
#[derive(Debug)]
pub struct Growing {
    /// The records as they were mapped; none where an earlier build has kept them.
    pub mapped: Option<MappedBatch>,
    /// By task: its examples; none where an earlier build has kept them.
    pub tasks: Vec<Option<ExampleBatch>>,
    /// Of each record: [`print`](super::print) of the examples of each task, then of the
    /// rows of each sink.
    pub prints: Vec<u64>,
}

/// The same, as it lies on disk.
#[derive(Debug)]
pub struct Packed {
    /// A [`MappedBatch`].
    pub mapped: Option<Vec<u8>>,
    /// By task: a [`ExampleBatch`].
    pub tasks: Vec<Option<Vec<u8>>>,
    /// As they are.
    pub prints: Vec<u64>,
}

impl Growing {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        let tasks = plan.tasks.iter().map(|_| Some(ExampleBatch::default())).collect();
        Self { mapped: None, tasks, prints: Vec::new() }
    }

    /// Packs it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(self) -> io::Result<Packed> {
        let tasks = self.tasks.iter().map(|task| task.as_ref().map(ExampleBatch::pack).transpose());
        Ok(Packed {
            mapped: self.mapped.as_ref().map(MappedBatch::pack).transpose()?,
            tasks: tasks.collect::<io::Result<_>>()?,
            prints: self.prints,
        })
    }
}
