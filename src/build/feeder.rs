//! Cuts what is to be built into batches, in build order.

use std::ops::ControlFlow;
use std::sync::mpsc::Sender;

use super::allowance::{Allowance, Share, Weight};
use super::keep::{Blocks, Taken};
use super::run::Error;
use super::worker::{Batch, Records, WATCHED_RECORDS};
use crate::plan::Plan;
use crate::store::{Body, Reader, StoredRecord, unpacked_size};

/// Unpacked bytes of a batch that is full whatever its number of records. A record that
/// is greater is a batch of its own.
const BATCH_BYTES: u64 = 2 << 20;

/// Gives batches to workers, as far as there is room for them.
pub(super) struct Feeder {
    to_workers: Sender<(Batch, Share)>,
    allowance: Allowance,
    batch_size: usize,
    number: u64,
}

impl Feeder {
    /// One that has given nothing yet.
    pub(super) fn new(
        to_workers: Sender<(Batch, Share)>,
        allowance: Allowance,
        batch_size: usize,
    ) -> Self {
        Self { to_workers, allowance, batch_size, number: 0 }
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
            let tasks = tasks.collect::<Result<Vec<_>, Error>>()?;
            let weight = kept_weight(&mapped, &tasks);
            if !self.send(weight, Records::Kept { mapped, tasks }) {
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
        let batch_size = self.batch_size;
        let mut samples = Vec::with_capacity(plan.streams.len());
        for (number, stream) in plan.streams.iter().enumerate() {
            let partitions: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
            let mut sample = Vec::new();
            let (mut records, mut weight, mut first) = (Vec::new(), Weight::default(), 0);
            let mut send = |records: &mut Vec<StoredRecord>, weight: &mut Weight| {
                let (records, weight) = (std::mem::take(records), std::mem::take(weight));
                let length = records.len() as u64;
                let batch = Records::Stored { stream: number, first, records };
                first += length;
                length == 0 || self.send(weight, batch)
            };
            let mut stopped = false;
            reader.records(&stream.name, &partitions, &mut |record| {
                if (sample.len() as u64) < WATCHED_RECORDS {
                    sample.push(record.body.clone());
                }
                let bytes = unpacked(&record);
                // Where a batch is cut depends on the records alone: what is kept of a
                // build is compared batch by batch.
                if weight.all.saturating_add(bytes) > BATCH_BYTES {
                    stopped = !send(&mut records, &mut weight);
                }
                weight.add(bytes);
                records.push(record);
                if !stopped && (records.len() >= batch_size || weight.all >= BATCH_BYTES) {
                    stopped = !send(&mut records, &mut weight);
                }
                if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            samples.push(sample);
            if stopped || !send(&mut records, &mut weight) {
                break;
            }
        }
        Ok(samples)
    }

    /// False when nobody takes batches any more.
    fn send(&mut self, weight: Weight, records: Records) -> bool {
        let Some(share) = self.allowance.take(weight) else { return false };
        let batch = Batch { number: self.number, records };
        self.number += 1;
        self.to_workers.send((batch, share)).is_ok()
    }
}

/// What a record takes, with its lists, where it is read.
fn unpacked(record: &StoredRecord) -> u64 {
    let items = record.children.iter().flat_map(|c| &c.items).map(|item| &item.body);
    std::iter::once(&record.body).chain(items).map(size).fold(0, u64::saturating_add)
}

fn size(body: &Body) -> u64 {
    // What a damaged store says may be nothing.
    match body.part() {
        Some(_) => body.size() as u64,
        None => body.size().max(body.frame().len()) as u64,
    }
}

/// What a batch weighs that was kept; what is in it of each record is not known.
fn kept_weight(mapped: &[u8], tasks: &[Option<Vec<u8>>]) -> Weight {
    let packed = tasks.iter().flatten().map(Vec::as_slice).chain([mapped]);
    let bytes = packed.map(|packed| unpacked_size(packed).max(packed.len()) as u64);
    Weight { all: bytes.fold(0, u64::saturating_add), greatest: 0 }
}
