//! The numbers.

use std::time::Duration;

use super::Sample;
use crate::collect::{Look, Outline};
use crate::observe::{Budget, Spacing};
use crate::plan::{Plan, Robots};
use crate::store::Contents;

/// What a run takes.
pub struct Forecast<'p> {
    /// The plan.
    pub plan: &'p Plan,
    /// The partitions, in its order.
    pub rows: Vec<Row>,
    /// Requests in flight.
    pub concurrency: usize,
    /// The time between requests, where there is a pace.
    pub spacing: Option<Spacing>,
    /// What is left of the budget that ends first.
    pub budget: Option<Budget>,
    /// The output directory, where it holds a run to go on from.
    pub directory: Option<String>,
    /// What the records there are like, by stream; none without a directory.
    pub samples: Vec<Sample>,
}

/// One partition.
pub struct Row {
    /// What was seen of it.
    pub look: Look<Option<Outline>>,
    /// How many of its records are here.
    pub here: u64,
    /// Child lists of those that are still to be fetched.
    pub lists: u64,
}

impl Row {
    /// What was seen of a partition, beside what a directory has of it.
    pub fn of(plan: &Plan, look: Look<Option<Outline>>, contents: Option<&Contents>) -> Self {
        let stream = &plan.streams[look.stream];
        let partition = &stream.partitions[look.partition].id;
        let is_own = |s: &str, p: &str| s == stream.name && p == partition;
        let partitions = contents.into_iter().flat_map(|contents| &contents.partitions);
        let own = partitions.filter(|(row, _)| is_own(&row.stream, &row.partition));
        let here = own.map(|(_, records)| records).sum();
        let lists = contents.into_iter().flat_map(|contents| &contents.lists);
        let own = lists.filter(|row| is_own(&row.stream, &row.partition));
        let lists = own.map(|row| row.pending + row.failed).sum();
        Self { look, here, lists }
    }
}

/// A child list of a stream.
pub struct Lists {
    /// Stream and list: `issues.comments`.
    pub name: String,
    /// When a list is fetched, as the spec says it.
    pub fetch_if: Option<String>,
    /// About how many are to be fetched, by those that were.
    pub estimate: Option<u64>,
}

impl Forecast<'_> {
    /// What is to be read of a partition: all of it, or what is not here.
    pub(super) fn left(&self, row: &Row) -> Option<Outline> {
        let outline = row.look.found.as_ref().ok().copied().flatten()?;
        Some(if self.directory.is_some() { outline.after(row.here) } else { outline })
    }

    /// The sum of something of all partitions that could be counted.
    pub(super) fn sum(&self, of: impl Fn(&Outline) -> u64) -> u64 {
        self.rows.iter().filter_map(|row| self.left(row)).map(|outline| of(&outline)).sum()
    }

    /// Whether all partitions could be asked.
    pub fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| row.look.found.is_ok())
    }

    /// Checks before the first page, and counts when the last partition has ended.
    pub(super) fn checks(&self) -> u64 {
        let robots = u64::from(self.plan.http.robots == Robots::Obey);
        // Those that end before the last are counted once more at the end.
        let counting = self.plan.streams.iter().filter(|s| s.pagination.count.is_some());
        let again: u64 = counting.map(|s| (s.partitions.len() as u64).saturating_sub(1)).sum();
        robots + self.plan.preflight.len() as u64 + again
    }

    /// Requests of all partitions and the checks; those of child lists are apart.
    pub(super) fn requests(&self) -> u64 {
        self.checks() + self.sum(|outline| outline.requests)
    }

    /// Child lists that are known to be missing.
    pub(super) fn lists_left(&self) -> u64 {
        self.rows.iter().map(|row| row.lists).sum()
    }

    /// The child lists of all streams.
    pub(super) fn lists(&self) -> Vec<Lists> {
        let mut all = Vec::new();
        for (number, stream) in self.plan.streams.iter().enumerate() {
            let records = self.records_left(number);
            for (place, child) in stream.children.iter().enumerate() {
                let sample = self.samples.get(number);
                all.push(Lists {
                    name: format!("{}.{}", stream.name, child.name),
                    fetch_if: child.fetch_if.as_ref().map(|t| t.source().to_owned()),
                    estimate: match &child.fetch_if {
                        None => Some(records),
                        Some(_) => sample.and_then(|sample| sample.lists_of(place, records)),
                    },
                });
            }
        }
        all
    }

    /// The bytes of the records to be read, as JSON, where there are some to tell by.
    pub(super) fn bytes(&self) -> Option<u64> {
        let streams = self.samples.iter().enumerate();
        let each = streams.map(|(number, s)| match self.records_left(number) {
            0 => Some(0),
            records => s.bytes_of(records),
        });
        each.collect::<Option<Vec<_>>>().filter(|each| !each.is_empty()).map(|e| e.iter().sum())
    }

    fn records_left(&self, stream: usize) -> u64 {
        let own = self.rows.iter().filter(|row| row.look.stream == stream);
        own.filter_map(|row| self.left(row)).map(|outline| outline.records).sum()
    }

    /// All requests, as far as they can be told.
    pub(super) fn all_requests(&self) -> u64 {
        let lists: u64 = self.lists().iter().filter_map(|list| list.estimate).sum();
        self.requests() + self.lists_left() + lists
    }

    /// Whole spans of the budget that a run has to wait for.
    pub(super) fn spans(&self) -> u64 {
        let Some(budget) = self.budget else { return 0 };
        self.all_requests().saturating_sub(budget.left).div_ceil(budget.requests.max(1))
    }

    /// The least time that pace and budget allow; none where neither is set.
    pub(super) fn least(&self) -> Option<Duration> {
        let whole = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let paced = self.spacing.map(|s| s.between.saturating_mul(whole(self.all_requests())));
        let waited = self.budget.map(|b| b.per.saturating_mul(whole(self.spans())));
        match (paced, waited) {
            (Some(paced), Some(waited)) => Some(paced.max(waited)),
            (paced, waited) => paced.or(waited.filter(|waited| !waited.is_zero())),
        }
    }

    /// What a partition is called.
    pub(super) fn name(&self, row: &Row) -> String {
        let stream = &self.plan.streams[row.look.stream];
        let partition = &stream.partitions[row.look.partition].id;
        format!("{} {partition}", stream.name).trim_end().to_owned()
    }
}
