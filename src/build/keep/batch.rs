//! What is kept of a batch.

use std::io;

use super::{Leaf, TaskLeaf};
use crate::plan::Plan;

/// What a worker keeps of a batch, while it grows.
#[derive(Debug)]
pub struct Growing {
    /// The records as they were mapped; none where an earlier build has kept them.
    pub leaf: Option<Leaf>,
    /// By task: its examples; none where an earlier build has kept them.
    pub tasks: Vec<Option<TaskLeaf>>,
    /// Of each record: [`print`](super::print) of the examples of each task, then of the
    /// rows of each sink.
    pub prints: Vec<u64>,
}

/// The same, as it lies on disk.
#[derive(Debug)]
pub struct Packed {
    /// A [`Leaf`].
    pub leaf: Option<Vec<u8>>,
    /// By task: a [`TaskLeaf`].
    pub tasks: Vec<Option<Vec<u8>>>,
    /// As they are.
    pub prints: Vec<u64>,
}

impl Growing {
    /// Nothing yet.
    pub fn new(plan: &Plan) -> Self {
        let tasks = plan.tasks.iter().map(|_| Some(TaskLeaf::default())).collect();
        Self { leaf: None, tasks, prints: Vec::new() }
    }

    /// Packs it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(self) -> io::Result<Packed> {
        let tasks = self.tasks.iter().map(|task| task.as_ref().map(TaskLeaf::pack).transpose());
        Ok(Packed {
            leaf: self.leaf.as_ref().map(Leaf::pack).transpose()?,
            tasks: tasks.collect::<io::Result<_>>()?,
            prints: self.prints,
        })
    }
}
