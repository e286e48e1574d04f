//! The steps of a build, one by one.

use super::keep::Mapped;
use super::map::{Left, Mapping};
use super::mapper::Mapper;
use super::worker::{Done, Worker};
use crate::plan::Plan;

/// The steps of a build with the first stream of a plan.
pub struct Stages<'p> {
    worker: Worker<'p>,
}

/// Calls `look` with the steps.
pub fn stages<T>(plan: &Plan, look: impl FnOnce(&Stages) -> T) -> T {
    let common = plan.scope();
    let mappers: Vec<Mapper> = plan.streams.iter().map(|s| Mapper::new(s, &common)).collect();
    look(&Stages { worker: Worker::new(plan, &mappers, common) })
}

/// What mapping makes of a record.
pub struct MappedRecord(Mapped);

impl Stages<'_> {
    /// Maps a record, transforms included.
    ///
    /// # Errors
    /// When it is no JSON, is rejected, or left out.
    pub fn map(&self, record: &str) -> Result<MappedRecord, String> {
        let mapper = self.worker.mappers.first().ok_or("no stream")?;
        let tree = mapper.shape.project(record).map_err(|e| e.to_string())?;
        let vars = mapper.vars("");
        let mapping =
            Mapping { plan: self.worker.plan, mapper, vars: &vars, children: &[], seen: None };
        let mapped = mapping.record(&tree).and_then(|record| self.worker.transform(record));
        let record = mapped.map_err(|left| match left {
            Left::Rejected(rejected) => rejected.message,
            Left::Dropped { transform, reason } => format!("{transform}: {reason}"),
        })?;
        let of = String::new;
        Ok(MappedRecord(Mapped { partition: of(), primary_key: of(), label: of(), record }))
    }

    /// Runs the tasks and writes the rows of all sinks; their bytes.
    pub fn render(&self, mapped: &MappedRecord) -> usize {
        let mut done = Done::new(0, self.worker.plan);
        self.worker.make(0, &mapped.0, |_| None, &mut done);
        done.rows.iter().flatten().map(|row| row.bytes.len()).sum()
    }
}
