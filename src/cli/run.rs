//! `scrape run`: collect, then build.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scrape_api::OutputDir;

use super::memory::{Memory, Source};
use super::spec_args::SpecArgs;
use super::{finish, signals, transport};
use crate::build;
use crate::collect::{self, CollectOptions};
use crate::http::{Client, ClientOptions, Stop};
use crate::observe::Observer;
use crate::plan::Plan;
use crate::report::{Ended, Outcome, STATS_FILE};
use crate::store::{
    Contents, Lock, LockKind, OutputState, PartitionState, STORE_FILE, SqliteReader, SqliteStore,
    Store, Writer,
};

/// Runs the verb.
pub fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let source = match spec.path("replay") {
        Some(_) => Source::Recording,
        None => Source::Live,
    };
    let dir = spec.output_dir(source == Source::Recording);
    let shown = dir.display().to_string();
    let fresh = spec.flag("fresh");
    let resume = spec.flag("resume");

    let (earlier, remembered) = look(&dir, fresh)?;
    let stored_params = remembered.as_ref().filter(|_| resume).map(|m| &m.params);
    let plan = Arc::new(spec.compile(stored_params)?);
    let limit = match spec.limit() {
        Some(0) => None,
        Some(limit) => Some(limit),
        None => remembered.as_ref().filter(|_| resume).and_then(|m| m.limit),
    };
    let memory = Memory::of(&plan, source, limit);
    if let Some(remembered) = &remembered {
        remembered.must_match(&memory, &shown)?;
    }
    decide(&plan, &earlier, limit, resume, &shown)?;

    std::fs::create_dir_all(&dir)
        .map_err(|e| Ended::failed(format!("cannot make the output directory {shown}: {e}")))?;
    let lock = Lock::acquire(&dir, LockKind::Collect).map_err(store_error)?;
    // Another run may have ended here between the first look and the lock.
    let (earlier, remembered) = look(&dir, fresh)?;
    if let Some(remembered) = &remembered {
        remembered.must_match(&memory, &shown)?;
    }
    let work = decide(&plan, &earlier, limit, resume, &shown)?;
    if fresh {
        let build_lock = Lock::acquire(&dir, LockKind::Build).map_err(store_error)?;
        let cleared = OutputState::clear(&dir, [&lock, &build_lock]).map_err(store_error)?;
        if cleared.removed > 0 {
            observer.line(
                "fresh",
                &format!("{shown}: removed {} files of an earlier run", cleared.removed),
            );
        }
    }
    let file = dir.join(STORE_FILE);
    let opened = if file.exists() { SqliteStore::open(&file) } else { SqliteStore::create(&file) };
    let mut store: Box<dyn Store> = Box::new(opened.map_err(store_error)?);
    memory.write(&mut *store)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Ended::failed(format!("cannot start: {e}")))?;
    let stop = Stop::default();
    let (mut closed, mut interrupted) = (None, false);
    if work == Work::Collect {
        let (back, report) = runtime.block_on(async {
            signals::listen(stop.clone(), observer.clone());
            collect(spec, &plan, store, limit, resume, &stop, &observer).await
        })?;
        store = back;
        closed = report.closed;
        interrupted = report.interrupted;
    } else {
        observer.important(
            "complete",
            &format!(
                "{shown} is complete: nothing is fetched, only built. To fetch what is new: --resume; to start over: --fresh"
            ),
        );
    }
    let built = build_into(&plan, &mut *store, &dir)?;
    drop(lock);
    if let Some((_, reason)) = closed {
        observer.important("closed", &reason);
    }
    finish::finish(&plan, &*store, &dir, &built, &observer, interrupted)
}

/// Builds under the build lock; also the whole of `scrape build`.
pub fn build_into(plan: &Plan, store: &mut dyn Store, dir: &Path) -> Outcome<build::BuildReport> {
    let _lock = Lock::acquire(dir, LockKind::Build).map_err(store_error)?;
    let options = build::BuildOptions { beside: vec![STATS_FILE.to_owned()], ..Default::default() };
    build::run(plan, store, &OutputDir::new(dir), &options)
        .map_err(|e| Ended::failed(e.to_string()))
}

async fn collect(
    spec: &SpecArgs,
    plan: &Arc<Plan>,
    store: Box<dyn Store>,
    limit: Option<u64>,
    resume: bool,
    stop: &Stop,
    observer: &Arc<Observer>,
) -> Outcome<(Box<dyn Store>, collect::CollectReport)> {
    let first_seq = store.last_seq().map_err(store_error)? + 1;
    let options = ClientOptions {
        concurrency: spec.concurrency(),
        rate_limit: spec.rate_limit(),
        state_dir: state_dir()?,
        first_seq,
        record: spec.path("record").cloned(),
        replay: spec.path("replay").cloned(),
        ..ClientOptions::default()
    };
    let client =
        Client::new(plan.clone(), transport::make(plan)?, options, stop.clone(), observer.clone())
            .map_err(|e| Ended::failed(e.to_string()))?;
    let writer = Writer::start(store).map_err(store_error)?;
    let options = CollectOptions {
        limit,
        resume,
        concurrency: spec.concurrency().unwrap_or(plan.http.concurrency),
        offline: spec.path("replay").is_some(),
    };
    let report = collect::run(
        plan.clone(),
        writer.clone(),
        client.clone(),
        options,
        stop.clone(),
        observer.clone(),
    )
    .await;
    let recorded = client.finish();
    let store = writer.close().await.map_err(store_error)?;
    let report = report.map_err(|e| Ended::failed(e.to_string()))?;
    recorded.map_err(|e| Ended::failed(e.to_string()))?;
    Ok((store, report))
}

/// What is to be done with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Collect,
    BuildOnly,
}

fn look(dir: &Path, fresh: bool) -> Outcome<(Option<Contents>, Option<Memory>)> {
    let contents = match OutputState::inspect(dir) {
        Ok(OutputState::Empty) => return Ok((None, None)),
        Ok(OutputState::Foreign { file }) => {
            return Err(Ended::usage(format!(
                "{} holds {file} and is not an output of scrape: name another folder with --output-dir",
                dir.display()
            )));
        }
        Err(error) if !fresh => return Err(Ended::failed(error.to_string())),
        _ if fresh => return Ok((None, None)),
        Ok(OutputState::Unfinished(contents) | OutputState::Complete(contents)) => contents,
        Err(error) => return Err(Ended::failed(error.to_string())),
    };
    let memory = match SqliteReader::open(&dir.join(STORE_FILE)) {
        Ok(reader) => Memory::read(|key| crate::store::Reader::meta(&reader, key))?,
        Err(_) => None,
    };
    Ok((Some(contents), memory))
}

fn decide(
    plan: &Plan,
    earlier: &Option<Contents>,
    limit: Option<u64>,
    resume: bool,
    dir: &str,
) -> Outcome<Work> {
    let Some(contents) = earlier else { return Ok(Work::Collect) };
    if resume {
        return Ok(Work::Collect);
    }
    let state = |stream: &str, partition: &str| {
        contents
            .partitions
            .iter()
            .find(|(row, _)| row.stream == stream && row.partition == partition)
            .map(|(row, _)| (row.state, row.limit))
    };
    let wanted = plan.streams.iter().flat_map(|s| s.partitions.iter().map(|p| (&s.name, &p.id)));
    let mut more = false;
    let mut unfinished = contents.pending_children + contents.failed_children > 0;
    for (stream, partition) in wanted {
        match state(stream, partition) {
            None => more = true,
            Some((PartitionState::Complete, _)) => {}
            Some((PartitionState::Limited, had)) => {
                more |= limit.is_none_or(|limit| had.is_none_or(|had| limit > had));
            }
            Some(_) => unfinished = true,
        }
    }
    // Killed before the first commit: there is nothing that could be lost.
    if unfinished && !contents.partitions.is_empty() {
        let held: u64 = contents.partitions.iter().map(|(_, records)| records).sum();
        let mut what = format!("{dir} holds an unfinished run with {held} records");
        for (row, records) in &contents.partitions {
            let reason = row.reason.as_ref().map_or(String::new(), |r| format!(": {r}"));
            what.push_str(&format!(
                "\n  {:<12} {:>8}  {}{reason}",
                row.partition,
                records,
                row.state.as_str()
            ));
        }
        return Err(Ended::usage(format!(
            "{what}\ngo on with --resume, or throw it away with --fresh"
        )));
    }
    Ok(if more { Work::Collect } else { Work::BuildOnly })
}

/// Where pace and budgets of hosts are kept, per user.
fn state_dir() -> Outcome<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("SCRAPE_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|d| d.join("scrape")))
        .or_else(|| set("HOME").map(|d| d.join(".local/state/scrape")))
        .ok_or_else(|| {
            Ended::failed(
                "no folder for the pace of hosts: set SCRAPE_STATE_DIR, XDG_STATE_HOME or HOME",
            )
        })
}

/// A store's error as the end of a verb.
pub fn store_error(error: crate::store::Error) -> Ended {
    Ended::failed(error.to_string())
}
