//! Cuts what is to be built into batches, in build order.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender};

use super::keep::{Blocks, Taken};
use super::run::Error;
use super::worker::{Batch, Records, WATCHED_RECORDS};
use crate::plan::Plan;
use crate::store::{Body, Reader, StoredRecord};

/// Packed bytes of a batch that is full whatever its number of records.
const BATCH_BYTES: usize = 1 << 20;

/// Unpacked, records may take as many times the bytes; what takes more, as a text
/// without end of one character does, counts for that much.
const UNPACKED: usize = 16;

/// Gives batches to workers, as many as it has permits for.
pub(super) struct Feeder {
    to_workers: Sender<Batch>,
    permitted: Receiver<()>,
    batch_size: usize,
    number: u64,
}

impl Feeder {
    /// One that has given nothing yet.
    pub(super) fn new(
        to_workers: Sender<Batch>,
        permitted: Receiver<()>,
        batch_size: usize,
    ) -> Self {
        Self { to_workers, permitted, batch_size, number: 0 }
    }

    /// Gives what an earlier build has mapped.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub(super) fn take(mut self, taken: &Taken) -> Result<(), Error> {
        let block = |blocks: &Blocks, number| {
            blocks.get(number).map_err(|_| Error::Broken("reading what was kept"))
        };
        for number in 0..taken.mapped.len() {
            let mapped = block(&taken.mapped, number)?;
            let tasks = taken
                .tasks
                .iter()
                .map(|task| task.as_ref().map(|task| block(task, number)).transpose());
            let tasks = tasks.collect::<Result<_, Error>>()?;
            if !self.send(Records::Kept { mapped, tasks }) {
                break;
            }
        }
        Ok(())
    }

    /// Reads all streams of the store; gives the first records of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn read(
        mut self,
        plan: &Plan,
        reader: &dyn Reader,
    ) -> Result<Vec<Vec<Body>>, Error> {
        let mut samples = Vec::with_capacity(plan.streams.len());
        for (number, stream) in plan.streams.iter().enumerate() {
            let partitions: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
            let mut sample = Vec::new();
            let (mut records, mut bytes, mut first) = (Vec::new(), 0, 0);
            let mut stopped = false;
            reader.records(&stream.name, &partitions, &mut |record| {
                if (sample.len() as u64) < WATCHED_RECORDS {
                    sample.push(record.body.clone());
                }
                bytes += weight(&record);
                records.push(record);
                if records.len() < self.batch_size && bytes < BATCH_BYTES {
                    return ControlFlow::Continue(());
                }
                bytes = 0;
                let records = std::mem::take(&mut records);
                let length = records.len() as u64;
                stopped = !self.send(Records::Stored { stream: number, first, records });
                first += length;
                if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            samples.push(sample);
            let more = Records::Stored { stream: number, first, records };
            if stopped || (!more.is_empty() && !self.send(more)) {
                break;
            }
        }
        Ok(samples)
    }

    /// False when nobody takes batches any more.
    fn send(&mut self, records: Records) -> bool {
        if self.permitted.recv().is_err() {
            return false;
        }
        let batch = Batch { number: self.number, records };
        self.number += 1;
        self.to_workers.send(batch).is_ok()
    }
}

fn weight(record: &StoredRecord) -> usize {
    let items = record.children.iter().flat_map(|c| &c.items).map(|item| &item.body);
    let weight = |body: &Body| body.packed().len().max(body.size() / UNPACKED);
    std::iter::once(&record.body).chain(items).map(weight).sum()
}
