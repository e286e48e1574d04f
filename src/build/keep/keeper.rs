//! What is kept of a build, and what the next one takes over.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use scrape_api::{OutputDir, Sink};
use serde_json::Value;
use tracing::debug;

use super::changes::{At, Changes, Comparison};
use super::{Blocks, MappedBatch, Packed, prints};
use crate::build::counts::Tally;
use crate::build::rejected::REJECTED_FILE;
use crate::build::show::show;
use crate::build::worker::Done;
use crate::plan::{Feed, Plan, SinkPlan};
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
    mapped: Arc<Blocks>,
    /// By task.
    tasks: Vec<Arc<Blocks>>,
    prints: Blocks,
    /// What was counted up to where records are mapped.
    read: Tally,
    warnings: Vec<Diagnostic>,
    /// By sink.
    files: Vec<Vec<(PathBuf, Option<Mark>)>>,
}

impl Last {
    /// The number of the same sink.
    fn sink(&self, sink: &SinkPlan) -> Option<usize> {
        let same = |other: &SinkPlan| other.name == sink.name && other.feed == sink.feed;
        self.plan.sinks.iter().position(same)
    }
}

/// How it is seen that a file was written to.
type Mark = (u64, Option<SystemTime>);

/// Keeps what a build makes, and knows what it may take over.
pub struct Keeper {
    plan: Arc<Plan>,
    /// The build before, of the same records.
    former: Option<Last>,
    /// Whether its mapped records are taken over.
    takes: bool,
    /// By task: the examples that are taken over.
    tasks: Vec<Option<Arc<Blocks>>>,
    /// By sink: whether its output stands as it is.
    stands: Vec<bool>,
    /// None once something could not be kept.
    cache: Option<Cache>,
    comparison: Option<Comparison>,
}

/// What is kept of what is made anew.
struct Cache {
    mapped: Option<Blocks>,
    tasks: Vec<Option<Blocks>>,
    prints: Blocks,
}

/// What a build begins with that takes over mapped records.
pub struct Taken {
    /// A [`MappedBatch`] for each batch.
    pub mapped: Arc<Blocks>,
    /// By task: a [`ExampleBatch`](super::ExampleBatch) for each batch, where the task is the
    /// same.
    pub tasks: Vec<Option<Arc<Blocks>>>,
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
        let mut keeper = Self {
            plan: plan.clone(),
            takes: false,
            tasks: vec![None; plan.tasks.len()],
            stands: vec![false; plan.sinks.len()],
            comparison: former.as_ref().map(|last| Comparison::new(&last.plan, plan)),
            former,
            cache: None,
        };
        if !whole {
            keeper.take_over(&files(sinks, dir));
        }
        keeper.cache = match keeper.cache(dir) {
            Ok(cache) => Some(cache),
            Err(error) => {
                debug!("nothing is kept: {error}");
                None
            }
        };
        Ok(keeper)
    }

    /// Takes over what is the same: mapped records, or nothing at all; then examples of
    /// tasks, and outputs that nobody has touched.
    fn take_over(&mut self, files: &[Vec<(PathBuf, Option<Mark>)>]) {
        let Some(last) = &self.former else { return };
        let (now, before) = (&self.plan.fingerprints, &last.plan.fingerprints);
        if now.reading.is_none() || now.reading != before.reading {
            return;
        }
        let same = |name: &str| {
            let print = now.tasks.get(name);
            print.is_some() && print == before.tasks.get(name)
        };
        let former = |name: &str| last.plan.tasks.iter().position(|task| task.name == name);
        let tasks: Vec<_> = self
            .plan
            .tasks
            .iter()
            .map(|task| last.tasks.get(former(&task.name)?).filter(|_| same(&task.name)).cloned())
            .collect();
        let mut stands = Vec::with_capacity(self.plan.sinks.len());
        for (sink, files) in self.plan.sinks.iter().zip(files) {
            let fed_the_same = match &sink.feed {
                Feed::Records => false,
                Feed::Task(name) => {
                    let task = self.plan.tasks.iter().position(|task| task.name == *name);
                    sink.template.is_none() && task.is_some_and(|task| tasks[task].is_some())
                }
                Feed::Raw(_) | Feed::RawChildren { .. } => true,
            };
            let untouched = last.sink(sink).is_some_and(|number| last.files[number] == *files);
            if sink.feed.is_raw() && !untouched {
                // The records as they came are not kept.
                return;
            }
            stands.push(fed_the_same && untouched);
        }
        (self.takes, self.tasks, self.stands) = (true, tasks, stands);
    }

    fn cache(&self, dir: &OutputDir) -> io::Result<Cache> {
        let new = |is_taken: bool| match is_taken {
            true => Ok(None),
            false => Blocks::create(dir.root()).map(Some),
        };
        Ok(Cache {
            mapped: new(self.takes)?,
            tasks: self.tasks.iter().map(|task| new(task.is_some())).collect::<io::Result<_>>()?,
            prints: Blocks::create(dir.root())?,
        })
    }

    /// Whether mapped records are taken over.
    pub fn takes(&self) -> bool {
        self.takes
    }

    /// What the build begins with, if it takes over mapped records.
    pub fn taken(&self) -> Option<Taken> {
        let last = self.former.as_ref().filter(|_| self.takes)?;
        // Nothing but sinks of raw records has been counted by tasks and sinks.
        let Tally { tasks, mut sinks, .. } = Tally::new(&self.plan);
        for (sink, count) in self.plan.sinks.iter().zip(&mut sinks) {
            if let Some(number) = last.sink(sink) {
                *count = last.read.sinks[number];
            }
        }
        let read = Tally { tasks, sinks, ..last.read.clone() };
        let (mapped, tasks) = (last.mapped.clone(), self.tasks.clone());
        Some(Taken { mapped, tasks, read, warnings: last.warnings.clone() })
    }

    /// By sink: whether its output stands as it is.
    pub fn stands(&self) -> &[bool] {
        &self.stands
    }

    /// Keeps what was made of a batch; they come in order.
    pub fn take(&mut self, done: &mut Done) {
        let kept = done.kept.take().filter(|_| !done.panicked);
        let kept = kept.ok_or_else(|| io::Error::other("something broke off"));
        if let Err(error) = kept.and_then(|kept| self.keep(done.number, kept)) {
            debug!("nothing is kept: {error}");
            self.cache = None;
        }
    }

    fn keep(&mut self, number: u64, kept: Packed) -> io::Result<()> {
        let Some(cache) = &mut self.cache else { return Ok(()) };
        if let (Some(blocks), Some(batch)) = (&mut cache.mapped, kept.mapped) {
            blocks.push(&batch)?;
        }
        for (blocks, batch) in cache.tasks.iter_mut().zip(kept.tasks) {
            if let (Some(blocks), Some(batch)) = (blocks, batch) {
                blocks.push(&batch)?;
            }
        }
        cache.prints.push(&prints::pack(&kept.prints))?;
        if let (Some(former), Some(comparison)) = (&self.former, &mut self.comparison) {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let before = prints::unpack(&former.prints.get(number)?);
            comparison.batch(number, &before, &kept.prints);
        }
        Ok(())
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
        let Self { plan, former, cache, comparison, tasks: taken, .. } = self;
        let Cache { mapped, tasks, prints } = cache?;
        let tasks = tasks.into_iter().zip(taken);
        let tasks = tasks.map(|(new, taken)| new.map(Arc::new).or(taken)).collect::<Option<_>>()?;
        let mapped = match (mapped, &former) {
            (Some(mapped), _) => Arc::new(mapped),
            (None, Some(former)) => former.mapped.clone(),
            (None, None) => return None,
        };
        let changes = former.zip(comparison).map(|(former, comparison)| {
            comparison.done(|at, part, former_part| {
                let (key, after) = made(&plan, &mapped, at, Some(part))?;
                let (old_key, before) = made(&former.plan, &former.mapped, at, former_part)?;
                Some((key.or(old_key)?, before, after))
            })
        });
        let partitions = partitions(&plan);
        let files = files(sinks, dir);
        kept.0 = Some(Last {
            plan,
            build,
            data_version,
            partitions,
            mapped,
            tasks,
            prints,
            read,
            warnings,
            files,
        });
        changes
    }
}

/// What a task or a sink makes of a record, with its key where it was mapped.
fn made(
    plan: &Plan,
    batches: &Blocks,
    (number, index): At,
    part: Option<usize>,
) -> Option<(Option<String>, Option<Value>)> {
    let mut batch = MappedBatch::unpack(batches.get(number).ok()?).ok()?;
    let known = (index < batch.records.len()).then(|| batch.records.swap_remove(index))?;
    let Some(mapped) = known.mapped else { return Some((None, None)) };
    let made = part.and_then(|part| show(plan, |show| show.part(batch.stream, &mapped, part)));
    Some((Some(mapped.label), made))
}

fn partitions(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let ids = |stream: &crate::plan::StreamPlan| {
        stream.partitions.iter().map(|partition| partition.id.clone()).collect()
    };
    plan.streams.iter().map(|stream| (stream.name.clone(), ids(stream))).collect()
}

/// The files of each sink, and how they are now.
fn files(sinks: &[Box<dyn Sink>], dir: &OutputDir) -> Vec<Vec<(PathBuf, Option<Mark>)>> {
    let marked = |file: PathBuf| {
        let meta = std::fs::metadata(dir.root().join(&file)).ok();
        (file, meta.map(|meta| (meta.len(), meta.modified().ok())))
    };
    sinks.iter().map(|sink| sink.files().into_iter().map(marked).collect()).collect()
}
