//! Fills all outputs of a build: one thread reads, workers build batches of records,
//! and one hands the rows to the sinks in the order in which they were read.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use scrape_api::{AtomicFile, OutputDir, Sink};

use super::allowance::{Allowance, Share};
use super::counts::Tally;
use super::feeder::Feeder;
use super::keep::Keeper;
use super::map::Seen;
use super::mapper::Mapper;
use super::outlets::Outlets;
use super::rejected::Rejects;
use super::run::{BuildOptions, Error};
use super::warnings::absent_paths;
use super::worker::{Batch, Done, Worker};
use crate::kill;
use crate::plan::Plan;
use crate::spec::Diagnostic;
use crate::store::Reader;

/// What a build made, durable beside its place.
pub(super) struct Filled {
    /// What was counted up to where records are mapped.
    pub(super) read: Tally,
    /// Everything that was counted.
    pub(super) tally: Tally,
    /// What looks wrong in the spec's maps.
    pub(super) warnings: Vec<Diagnostic>,
    /// `rejected.jsonl`.
    pub(super) rejected: AtomicFile,
    /// The most bytes that batches were reckoned to take at a time.
    pub(super) most_bytes: u64,
}

/// Everything up to the point where all outputs are durable beside their places.
pub(super) fn fill(
    plan: &Plan,
    reader: Box<dyn Reader>,
    (sinks, dir): (&mut [Box<dyn Sink>], &OutputDir),
    options: &BuildOptions,
    mut keeper: Option<&mut Keeper>,
) -> Result<Filled, Error> {
    let stands = match &keeper {
        Some(keeper) => keeper.stands().to_vec(),
        None => vec![false; sinks.len()],
    };
    for ((sink, plan), _) in sinks.iter_mut().zip(&plan.sinks).zip(&stands).filter(|(_, s)| !**s) {
        sink.open(dir).map_err(|source| Error::Sink { name: plan.name.clone(), source })?;
        kill::point("output begun");
    }
    let mut tally = Tally::new(plan);
    let mut rejected = Rejects::create(dir)?;
    rejected.collected(plan, reader.as_ref(), &mut tally)?;

    let common = plan.scope();
    let mappers: Vec<Mapper> = plan.streams.iter().map(|s| Mapper::new(s, &common)).collect();
    let worker = Worker::new(plan, &mappers, common).again(keeper.is_some(), &stands);
    let workers =
        options.workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let mut seen: Vec<Vec<Seen>> =
        mappers.iter().map(|m| vec![Seen::default(); m.watched.len()]).collect();
    let taken = keeper.as_ref().and_then(|keeper| keeper.taken());
    let mut read = taken.as_ref().map_or_else(|| Tally::new(plan), |taken| taken.read.clone());

    let allowance = Allowance::new(workers);
    let (to_workers, batches) = channel::<(Batch, Share)>();
    let batches = Mutex::new(batches);
    let samples = thread::scope(|scope| {
        let outlets = Outlets::start(scope, plan, sinks, &stands);
        let open = allowance.open();
        let (finished, results) = channel::<Option<(Done, Share)>>();
        let feeder = Feeder::new(to_workers, allowance.clone(), options.batch.get());
        let taken = taken.as_ref();
        let reading = scope.spawn(move || match taken {
            Some(taken) => feeder.take(taken).map(|()| Vec::new()),
            None => feeder.read(plan, reader.as_ref()),
        });
        for _ in 0..workers {
            let (finished, worker, batches) = (finished.clone(), &worker, &batches);
            scope.spawn(move || work(worker, batches, &finished));
        }
        drop(finished);
        let handed = hand_on(&results, &outlets, |done| {
            read.add(&done.read);
            tally.add(&done.made);
            if let Some(track) = &options.track {
                track.add(done.records as u64);
            }
            if let Some((stream, found)) = &done.seen {
                for (sum, one) in seen[*stream].iter_mut().zip(found) {
                    sum.looked += one.looked;
                    sum.found += one.found;
                }
            }
            if let Some(keeper) = &mut keeper {
                if taken.is_some() && done.panicked {
                    // Its line in `rejected.jsonl` needs the record as it came.
                    return Err(Error::Broken("a record that was kept"));
                }
                keeper.take(done);
            }
            rejected.write(&done.rejected)
        });
        // Nobody takes what is still to come.
        drop(open);
        drop(results);
        let samples = reading.join().map_err(|_| Error::Broken("reading the store"));
        let whole = handed.is_ok() && matches!(samples, Ok(Ok(_)));
        // The sinks first: what stopped one of them is why the others stopped.
        outlets.close(whole)?;
        handed?;
        samples?
    })?;
    let warnings = taken.map(|taken| taken.warnings).unwrap_or_else(|| {
        let seen = mappers.iter().zip(&seen).zip(&samples);
        seen.flat_map(|((mapper, seen), sample)| absent_paths(mapper, seen, sample)).collect()
    });
    tally.add(&read);
    let most_bytes = allowance.most();
    Ok(Filled { read, tally, warnings, rejected: rejected.finish()?, most_bytes })
}

/// Builds batches until there are no more. `None` says that this worker broke
/// off: its batch is missing, and waiting for it would be for ever.
fn work(
    worker: &Worker,
    batches: &Mutex<Receiver<(Batch, Share)>>,
    finished: &Sender<Option<(Done, Share)>>,
) {
    loop {
        let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((batch, mut share)) = batch else { return };
        let done = catch_unwind(AssertUnwindSafe(|| worker.batch(batch))).ok();
        let broken = done.is_none();
        let done = done.map(|done| {
            share.keep(done.bytes());
            (done, share)
        });
        if finished.send(done).is_err() || broken {
            return;
        }
    }
}

/// Brings results into their order and hands them on, until there are no more or
/// a sink stops.
fn hand_on(
    results: &Receiver<Option<(Done, Share)>>,
    outlets: &Outlets,
    mut each: impl FnMut(&mut Done) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut early: BTreeMap<u64, (Done, Share)> = BTreeMap::new();
    let mut next = 0;
    for done in results {
        let (done, share) = done.ok_or(Error::Broken("a worker"))?;
        early.insert(done.number, (done, share));
        while let Some((mut done, share)) = early.remove(&next) {
            each(&mut done)?;
            if !outlets.give(done.rows, share) {
                return Ok(());
            }
            next += 1;
        }
    }
    Ok(())
}
