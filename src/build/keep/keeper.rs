//! What is kept of a build, and what the next one takes over.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use scrape_api::{OutputDir, Sink};
use serde_json::Value;
use tracing::debug;

use super::changes::{At, Changes, Comparison};
use super::{Blocks, Leaf, prints};
use crate::build::counts::Tally;
use crate::build::rejected::REJECTED_FILE;
use crate::build::show::show;
use crate::build::worker::Done;
use crate::plan::Plan;
use crate::spec::Diagnostic;
use crate::store::{self, Store};

/// What is kept of the last build.
#[derive(Default)]
pub struct Kept(Option<Last>);

struct Last {
    plan: Arc<Plan>,
    /// What it is called in the store.
    build: String,
    data_version: i64,
    partitions: Vec<(String, Vec<String>)>,
    leaves: Arc<Blocks>,
    prints: Blocks,
    /// What was counted up to where records are mapped.
    read: Tally,
    warnings: Vec<Diagnostic>,
    /// The files of raw records.
    raw: Vec<(PathBuf, Option<Mark>)>,
}

/// How it is seen that a file was written to.
type Mark = (u64, Option<SystemTime>);

/// Keeps what a build makes, and knows what it may take over.
pub struct Keeper {
    plan: Arc<Plan>,
    /// The build before, of the same records.
    former: Option<Last>,
    /// Whether its mapped records are taken over, and its outputs of raw records.
    takes: bool,
    /// None once something could not be kept.
    growing: Option<Growing>,
    comparison: Option<Comparison>,
}

struct Growing {
    leaves: Option<Blocks>,
    prints: Blocks,
}

/// What a build begins with that takes over mapped records.
pub(in crate::build) struct Taken {
    /// A [`Leaf`] for each batch.
    pub leaves: Arc<Blocks>,
    /// What was counted up to where records are mapped.
    pub read: Tally,
    /// What looks wrong in the spec's maps.
    pub warnings: Vec<Diagnostic>,
}

impl Keeper {
    /// A keeper for a build that begins. With `whole` it takes over nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn begin(
        kept: &mut Kept,
        plan: &Arc<Plan>,
        (store, data_version): (&dyn Store, i64),
        (sinks, dir): (&[Box<dyn Sink>], &OutputDir),
        whole: bool,
    ) -> store::Result<Self> {
        let build = store.last_build(REJECTED_FILE)?;
        let former = kept.0.take().filter(|last| {
            last.data_version == data_version
                // Nobody has built since, and it is the same store.
                && build.as_ref() == Some(&last.build)
                && last.partitions == partitions(plan)
        });
        let takes = !whole
            && former.as_ref().is_some_and(|last| {
                plan.reading.is_some()
                    && last.plan.reading == plan.reading
                    && last.raw == raw_files(plan, sinks, dir)
            });
        let growing = || -> io::Result<Growing> {
            let leaves = (!takes).then(|| Blocks::create(dir.root())).transpose()?;
            Ok(Growing { leaves, prints: Blocks::create(dir.root())? })
        };
        let growing = growing().inspect_err(|error| debug!("nothing is kept: {error}")).ok();
        let comparison = former.as_ref().map(|last| Comparison::new(&last.plan, plan));
        Ok(Self { plan: plan.clone(), former, takes, growing, comparison })
    }

    /// Whether mapped records are taken over.
    pub fn takes(&self) -> bool {
        self.takes
    }

    /// What the build begins with, if it takes over mapped records.
    pub fn taken(&self) -> Option<Taken> {
        let last = self.former.as_ref().filter(|_| self.takes)?;
        let mut read = Tally { sinks: Tally::new(&self.plan).sinks, ..last.read.clone() };
        read.tasks = Tally::new(&self.plan).tasks;
        for (sink, count) in self.plan.sinks.iter().zip(&mut read.sinks) {
            let mut before = last.plan.sinks.iter().zip(&last.read.sinks);
            let same = before.find(|(other, _)| other.name == sink.name && other.feed == sink.feed);
            if let Some((_, former)) = same {
                *count = *former;
            }
        }
        Some(Taken { leaves: last.leaves.clone(), read, warnings: last.warnings.clone() })
    }

    /// Whether an output stands as it is.
    pub fn stands(&self, sink: usize) -> bool {
        self.takes && self.plan.sinks[sink].feed.is_raw()
    }

    /// Keeps what was made of a batch; they come in order.
    pub fn take(&mut self, done: &mut Done) {
        if done.panicked {
            self.growing = None;
        }
        let Some(growing) = &mut self.growing else { return };
        let number = usize::try_from(done.number).unwrap_or(usize::MAX);
        let mut keep = || -> io::Result<()> {
            if let (Some(leaves), Some(leaf)) = (&mut growing.leaves, done.leaf.take()) {
                leaves.push(&leaf)?;
            }
            growing.prints.push(&prints::pack(&done.prints))?;
            if let (Some(former), Some(comparison)) = (&self.former, &mut self.comparison) {
                let before = prints::unpack(&former.prints.get(number)?);
                comparison.batch(number, &before, &done.prints);
            }
            Ok(())
        };
        if let Err(error) = keep() {
            debug!("nothing is kept: {error}");
            self.growing = None;
        }
    }

    /// The build failed: what was kept before is kept.
    pub fn give_back(self, kept: &mut Kept) {
        kept.0 = self.former;
    }

    /// The outputs are in place: gives what differs from the build before, where
    /// that was one of the same records.
    pub fn end(
        self,
        kept: &mut Kept,
        (build, data_version): (String, i64),
        (read, warnings): (Tally, Vec<Diagnostic>),
        (sinks, dir): (&[Box<dyn Sink>], &OutputDir),
    ) -> Option<Changes> {
        let Self { plan, former, growing, comparison, .. } = self;
        let Growing { leaves, prints } = growing?;
        let leaves = match (leaves, &former) {
            (Some(leaves), _) => Arc::new(leaves),
            (None, Some(former)) => former.leaves.clone(),
            (None, None) => return None,
        };
        let changes = former.zip(comparison).map(|(former, comparison)| {
            comparison.done(|at, part, former_part| {
                let (key, after) = made(&plan, &leaves, at, Some(part))?;
                let (old_key, before) = made(&former.plan, &former.leaves, at, former_part)?;
                Some((key.or(old_key)?, before, after))
            })
        });
        let partitions = partitions(&plan);
        let raw = raw_files(&plan, sinks, dir);
        kept.0 = Some(Last {
            plan,
            build,
            data_version,
            partitions,
            leaves,
            prints,
            read,
            warnings,
            raw,
        });
        changes
    }
}

/// What a task or a sink makes of a record, with its key where it was mapped.
fn made(
    plan: &Plan,
    leaves: &Blocks,
    (batch, index): At,
    part: Option<usize>,
) -> Option<(Option<String>, Option<Value>)> {
    let mut leaf = Leaf::unpack(leaves.get(batch).ok()?).ok()?;
    let known = (index < leaf.records.len()).then(|| leaf.records.swap_remove(index))?;
    let Some(mapped) = known.mapped else { return Some((None, None)) };
    let made = part.and_then(|part| show(plan, |show| show.part(leaf.stream, &mapped, part)));
    Some((Some(mapped.label), made))
}

fn partitions(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let ids = |stream: &crate::plan::StreamPlan| {
        stream.partitions.iter().map(|partition| partition.id.clone()).collect()
    };
    plan.streams.iter().map(|stream| (stream.name.clone(), ids(stream))).collect()
}

fn raw_files(
    plan: &Plan,
    sinks: &[Box<dyn Sink>],
    dir: &OutputDir,
) -> Vec<(PathBuf, Option<Mark>)> {
    let raw = plan.sinks.iter().zip(sinks).filter(|(plan, _)| plan.feed.is_raw());
    raw.flat_map(|(_, sink)| sink.files())
        .map(|file| {
            let meta = std::fs::metadata(dir.root().join(&file)).ok();
            let mark = meta.map(|meta| (meta.len(), meta.modified().ok()));
            (file, mark)
        })
        .collect()
}
