//! A build from its first record to the rename of its last output.
//!
//! One thread reads the store, workers build batches of records, and this thread
//! hands the rows to the sinks in the order in which they were read. A batch is
//! read only when one before it has been handed on, so that memory is bounded by
//! the batches in flight, whatever the size of the store.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use scrape_api::{AtomicFile, OutputDir, Sink};

use super::counts::{BuildReport, BuiltFile, Tally};
use super::delta::Delta;
use super::map::Seen;
use super::mapper::Mapper;
use super::outlets::Outlets;
use super::rejected::{REJECTED_FILE, push_line};
use super::warnings::absent_paths;
use super::worker::{Batch, Done, WATCHED_RECORDS, Worker};
use crate::kill;
use crate::observe::Track;
use crate::plan::Plan;
use crate::spec::Diagnostic;
use crate::store::{self, Body, Reader, Store, StoredRecord};

/// Packed bytes of a batch that is full whatever its number of records.
const BATCH_BYTES: usize = 1 << 20;

/// Unpacked, records may take as many times the bytes; what takes more, as a text
/// without end of one character does, counts for that much.
const UNPACKED: usize = 16;

/// How a build is done. Nothing of it changes what comes out.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Threads that map and render; all cores if not given.
    pub workers: Option<NonZero<usize>>,
    /// Records that a worker takes at a time.
    pub batch: NonZero<usize>,
    /// Files that the caller writes beside those of the build, relative to the
    /// output directory: they are listed in the store with the build's own.
    pub beside: Vec<String>,
    /// Where to show how many records are done.
    pub track: Option<Arc<Track>>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        let batch = NonZero::new(64).unwrap_or(NonZero::<usize>::MIN);
        Self { workers: None, batch, beside: Vec::new(), track: None }
    }
}

/// Why a build came to nothing. The former outputs are still there, but for
/// [`Error::Sink`] while files are being put in place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be read, or the files of the build not be listed in it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An output cannot be written.
    #[error("sink {name}: {source}")]
    Sink {
        /// The sink's name in the spec.
        name: String,
        /// What went wrong.
        source: scrape_api::Error,
    },
    /// `rejected.jsonl` cannot be written.
    #[error(transparent)]
    Rejected(scrape_api::Error),
    /// The options of a sink do not fit.
    #[error("sink {name}: {source}")]
    Options {
        /// The sink's name in the spec.
        name: String,
        /// What does not fit.
        source: scrape_api::OptionsError,
    },
    /// A thread of the build broke off.
    #[error("the build broke off ({0}); this is a defect, please report it")]
    Broken(&'static str),
}

/// Builds all outputs from the store: `rejected.jsonl` and those of the sinks,
/// all new or all as they were.
///
/// # Errors
/// When the store cannot be read or an output cannot be written.
pub fn run(
    plan: &Plan,
    store: &mut dyn Store,
    dir: &OutputDir,
    options: &BuildOptions,
) -> Result<BuildReport, Error> {
    let mut sinks = make_sinks(plan, store)?;
    let files = files(&sinks, &options.beside);
    let known = store.outputs()?;
    if files.iter().any(|file| known.iter().all(|(known, _)| known != file)) {
        // Before their first byte: what a kill leaves of them has an owner.
        store.announce_outputs(&files)?;
    }
    let reader = store.reader()?;
    let data_version = reader.data_version()?;
    let (tally, warnings, rejected) = match fill(plan, reader, &mut sinks, dir, options) {
        Ok(filled) => filled,
        Err(error) => {
            sinks.iter_mut().for_each(|sink| sink.abort());
            // Should this fail too, they are announced and not there.
            let _ = store.withdraw_outputs(&files);
            return Err(error);
        }
    };
    let build = build_id(data_version);
    kill::point("outputs synced");
    let listed = store.begin_outputs(&build, &files);
    kill::point("outputs listed");
    let committed = listed.map_err(Error::from).and_then(|()| {
        rejected.commit().map_err(Error::Rejected)?;
        kill::point("rejected renamed");
        for (sink, plan) in sinks.iter_mut().zip(&plan.sinks) {
            sink.commit().map_err(|source| Error::Sink { name: plan.name.clone(), source })?;
            kill::point("output renamed");
        }
        Ok(store.finish_outputs(&build)?)
    });
    if let Err(error) = committed {
        sinks.iter_mut().for_each(|sink| sink.abort());
        return Err(error);
    }
    let rows = |path: String| BuiltFile { rows: rows_of(&path, &sinks, &tally), path };
    let files = files.into_iter().map(rows).collect();
    let counts = tally.named(plan);
    let failures = tally.failures.into_vec();
    Ok(BuildReport { counts, warnings, failures, files, data_version })
}

/// How many rows a file has, where it is `rejected.jsonl` or the one file of a sink.
fn rows_of(path: &str, sinks: &[Box<dyn Sink>], tally: &Tally) -> Option<u64> {
    if path == REJECTED_FILE {
        return Some(tally.rejects.values().sum());
    }
    let own = |sink: &dyn Sink| matches!(&sink.files()[..], [file] if relative(file) == path);
    let at = sinks.iter().position(|sink| own(sink.as_ref()))?;
    tally.sinks.get(at).map(|sink| sink.rows)
}

/// A name for this build: of use to nobody but the store.
fn build_id(data_version: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{data_version}-{}-{}", now.as_millis(), std::process::id())
}

fn make_sinks(plan: &Plan, store: &dyn Store) -> Result<Vec<Box<dyn Sink>>, Error> {
    plan.sinks
        .iter()
        .map(|sink| {
            let made = (sink.make)();
            let made = made.map_err(|source| Error::Options { name: sink.name.clone(), source })?;
            Ok(Delta::before(made, sink, store)?)
        })
        .collect()
}

/// All files of the build. That none is there twice was checked with the spec.
fn files(sinks: &[Box<dyn Sink>], beside: &[String]) -> Vec<String> {
    let mut files = vec![REJECTED_FILE.to_owned()];
    files.extend(beside.iter().cloned());
    files.extend(sinks.iter().flat_map(|sink| sink.files()).map(|path| relative(&path)));
    files
}

/// A relative path with `/` between its parts and nothing superfluous in it.
fn relative(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .filter(|c| !matches!(c, Component::CurDir))
        .map(|c| c.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// Everything up to the point where all outputs are durable beside their places.
fn fill(
    plan: &Plan,
    reader: Box<dyn Reader>,
    sinks: &mut [Box<dyn Sink>],
    dir: &OutputDir,
    options: &BuildOptions,
) -> Result<(Tally, Vec<Diagnostic>, AtomicFile), Error> {
    for (sink, plan) in sinks.iter_mut().zip(&plan.sinks) {
        sink.open(dir).map_err(|source| Error::Sink { name: plan.name.clone(), source })?;
        kill::point("output begun");
    }
    let mut tally = Tally::new(plan);
    let file = dir.file(REJECTED_FILE).and_then(AtomicFile::create).map_err(Error::Rejected)?;
    let mut rejected = Rejects { file };
    rejected.collected(plan, reader.as_ref(), &mut tally)?;

    let common = plan.scope();
    let mappers: Vec<Mapper> = plan.streams.iter().map(|s| Mapper::new(s, &common)).collect();
    let worker = Worker::new(plan, &mappers, common);
    let workers =
        options.workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let mut seen: Vec<Vec<Seen>> =
        mappers.iter().map(|m| vec![Seen::default(); m.watched.len()]).collect();

    let (to_workers, batches) = channel::<Batch>();
    let batches = Mutex::new(batches);
    let samples = thread::scope(|scope| {
        let outlets = Outlets::start(scope, plan, sinks);
        // One permit for each batch in flight.
        let (permits, permitted) = channel::<()>();
        for _ in 0..2 * workers + 2 {
            let _ = permits.send(());
        }
        let (finished, results) = channel::<Option<Done>>();
        let batch_size = options.batch.get();
        let batches = &batches;
        let reading = scope.spawn(move || {
            Feeder { to_workers, permitted, batch_size, number: 0 }.read(plan, reader.as_ref())
        });
        for _ in 0..workers {
            let (finished, worker) = (finished.clone(), &worker);
            scope.spawn(move || work(worker, batches, &finished));
        }
        drop(finished);
        let handed = hand_on(&results, permits, &outlets, |done| {
            tally.add(&done.tally);
            if let Some(track) = &options.track {
                track.add(done.tally.streams.iter().map(|stream| stream.read).sum());
            }
            if let Some((stream, found)) = &done.seen {
                for (sum, one) in seen[*stream].iter_mut().zip(found) {
                    sum.looked += one.looked;
                    sum.found += one.found;
                }
            }
            rejected.write(&done.rejected)
        });
        drop(results);
        let samples = reading.join().map_err(|_| Error::Broken("reading the store"));
        let whole = handed.is_ok() && matches!(samples, Ok(Ok(_)));
        // The sinks first: what stopped one of them is why the others stopped.
        outlets.close(whole)?;
        handed?;
        samples?
    })?;
    let warnings = mappers
        .iter()
        .zip(&seen)
        .zip(&samples)
        .flat_map(|((mapper, seen), sample)| absent_paths(mapper, seen, sample))
        .collect();
    rejected.file.finish().map_err(Error::Rejected)?;
    Ok((tally, warnings, rejected.file))
}

/// Builds batches until there are no more. `None` says that this worker broke
/// off: its batch is missing, and waiting for it would be for ever.
fn work(worker: &Worker, batches: &Mutex<Receiver<Batch>>, finished: &Sender<Option<Done>>) {
    loop {
        let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = batch else { return };
        let done = catch_unwind(AssertUnwindSafe(|| worker.batch(&batch))).ok();
        let broken = done.is_none();
        if finished.send(done).is_err() || broken {
            return;
        }
    }
}

/// Brings results into their order and hands them on, until there are no more or
/// a sink stops.
fn hand_on(
    results: &Receiver<Option<Done>>,
    permits: Sender<()>,
    outlets: &Outlets,
    mut each: impl FnMut(&Done) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut early: BTreeMap<u64, Done> = BTreeMap::new();
    let mut next = 0;
    for done in results {
        let done = done.ok_or(Error::Broken("a worker"))?;
        early.insert(done.number, done);
        while let Some(done) = early.remove(&next) {
            each(&done)?;
            if !outlets.give(done.rows) {
                return Ok(());
            }
            next += 1;
            // Nobody waits for it any more once all is read.
            let _ = permits.send(());
        }
    }
    drop(permits);
    Ok(())
}

/// Cuts what the store gives into batches.
struct Feeder {
    to_workers: Sender<Batch>,
    permitted: Receiver<()>,
    batch_size: usize,
    number: u64,
}

impl Feeder {
    /// Reads all streams; gives the first records of each.
    fn read(mut self, plan: &Plan, reader: &dyn Reader) -> Result<Vec<Vec<Body>>, Error> {
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
                let batch = std::mem::take(&mut records);
                let length = batch.len() as u64;
                stopped = !self.send(number, first, batch);
                first += length;
                if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            samples.push(sample);
            if stopped || (!records.is_empty() && !self.send(number, first, records)) {
                break;
            }
        }
        Ok(samples)
    }

    /// False when nobody takes batches any more.
    fn send(&mut self, stream: usize, first: u64, records: Vec<StoredRecord>) -> bool {
        if self.permitted.recv().is_err() {
            return false;
        }
        let batch = Batch { number: self.number, stream, first, records };
        self.number += 1;
        self.to_workers.send(batch).is_ok()
    }
}

fn weight(record: &StoredRecord) -> usize {
    let items = record.children.iter().flat_map(|c| &c.items).map(|item| &item.body);
    let weight = |body: &Body| body.packed().len().max(body.size() / UNPACKED);
    std::iter::once(&record.body).chain(items).map(weight).sum()
}

/// `rejected.jsonl` while it is written.
struct Rejects {
    file: AtomicFile,
}

impl Rejects {
    /// Those of collecting come first, of the partitions that are built.
    fn collected(
        &mut self,
        plan: &Plan,
        reader: &dyn Reader,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let built: HashSet<(&str, &str)> = plan
            .streams
            .iter()
            .flat_map(|s| s.partitions.iter().map(|p| (s.name.as_str(), p.id.as_str())))
            .collect();
        let mut written = Ok(());
        let mut line = Vec::new();
        reader.rejects(&mut |reject| {
            if !built.contains(&(reject.stream.as_str(), reject.partition.as_str())) {
                return ControlFlow::Continue(());
            }
            line.clear();
            push_line(&reject, &mut line);
            *tally.rejects.entry((reject.stage, reject.reason)).or_default() += 1;
            written = self.write(&line);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        written
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        let what = || scrape_api::Error::io(format!("write {REJECTED_FILE}"));
        self.file.write_all(lines).map_err(|e| Error::Rejected(what()(e)))
    }
}
