//! What the first records that are here are like, to tell what others will be.

use std::ops::ControlFlow;

use crate::plan::Plan;
use crate::store::{Reader, Result, StoredRecord};

/// Records of each stream that are looked at.
const SAMPLED: u64 = 200;

/// Records of one stream.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// How many were looked at.
    pub records: u64,
    /// Their bytes as JSON, with those of the lists that were fetched apart.
    bytes: u64,
    /// Fetched lists, by child list in the order of the spec.
    lists: Vec<u64>,
}

impl Sample {
    /// Looks at the first records of each stream.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(plan: &Plan, reader: &dyn Reader) -> Result<Vec<Self>> {
        let mut samples = Vec::new();
        for stream in &plan.streams {
            let ids: Vec<String> = stream.partitions.iter().map(|p| p.id.clone()).collect();
            let mut sample = Self { lists: vec![0; stream.children.len()], ..Self::default() };
            reader.records(&stream.name, &ids, &mut |record| {
                sample.bytes += size(&record);
                let names = stream.children.iter().map(|child| child.name.as_str());
                for (count, name) in sample.lists.iter_mut().zip(names) {
                    *count += u64::from(record.children.iter().any(|list| list.name == name));
                }
                sample.records += 1;
                if sample.records < SAMPLED {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            samples.push(sample);
        }
        Ok(samples)
    }

    /// The bytes of so many records; `None` where there is nothing to tell by.
    pub fn bytes_of(&self, records: u64) -> Option<u64> {
        (self.bytes * records).checked_div(self.records)
    }

    /// The lists of a child list that so many records need fetched.
    pub fn lists_of(&self, child: usize, records: u64) -> Option<u64> {
        (self.lists.get(child)? * records).checked_div(self.records)
    }
}

fn size(record: &StoredRecord) -> u64 {
    let items = record.children.iter().flat_map(|list| &list.items).map(|item| &item.body);
    let bodies = std::iter::once(&record.body).chain(items);
    bodies.filter_map(|body| body.unpack().ok()).map(|bytes| bytes.len() as u64).sum()
}
