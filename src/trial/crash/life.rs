//! One process that collects and builds, and may be killed on its way.

use std::path::Path;
use std::sync::Arc;

use scrape_api::{OutputDir, Sink};

use super::super::case::{self, Connect};
use super::super::file::TestFile;
use super::steps::{SteppedSink, SteppedStore, Steps};
use crate::build::{self, BuildOptions};
use crate::http::ClientOptions;
use crate::observe::{Observer, Voice};
use crate::plan::{Plan, SinkPlan};
use crate::report::{STATS_FILE, Stats};
use crate::spec::lang::CaseSpec;
use crate::store::{STORE_FILE, SqliteStore, Store};

/// Whether what a sink writes can be compared: it is in the output directory.
pub fn is_compared(sink: &dyn Sink) -> bool {
    !sink.files().is_empty()
}

/// Goes as far as `steps` lets it, in a folder in which an earlier one may have been
/// killed: how many steps there were.
///
/// # Errors
/// Why it cannot go on, one sentence.
pub fn live(
    runtime: &tokio::runtime::Runtime,
    spec: &Path,
    (file, case): (&TestFile, &CaseSpec),
    connect: Connect,
    folder: &Path,
    steps: &Arc<Steps>,
) -> Result<u64, String> {
    let plan = case::plan(spec, &file.allowed, case, is_compared);
    let mut plan = plan.map_err(|_| String::from("the spec is no longer what it was"))?;
    for sink in &mut plan.sinks {
        step(sink, steps);
    }
    let plan = Arc::new(plan);
    let observer = Arc::new(Observer::new(Voice::Quiet));
    let place = folder.join(STORE_FILE);
    let is_begun = place.exists();
    let store = if is_begun { SqliteStore::open(&place) } else { SqliteStore::create(&place) };
    let store =
        SteppedStore { inner: Box::new(store.map_err(|e| e.to_string())?), steps: steps.clone() };
    let last = store.last_seq().map_err(|e| e.to_string())?;
    let replay = Some(file.folder.join(&case.replay));
    let options = ClientOptions { first_seq: last + 1, replay, ..Default::default() };
    let _inside = runtime.enter();
    let client = connect(&plan, options, &observer)?;
    let collected =
        case::collect(&plan, Box::new(store), client, (case.limit, is_begun), &observer);
    let mut store = runtime.block_on(collected)?;
    let dir = OutputDir::new(folder);
    let options = BuildOptions { beside: vec![STATS_FILE.to_owned()], ..Default::default() };
    let built = build::run(&plan, &mut *store, &dir, &options).map_err(|e| e.to_string())?;
    counts(&plan, &*store, &built, &observer, &dir)?;
    Ok(steps.count())
}

fn step(sink: &mut SinkPlan, steps: &Arc<Steps>) {
    let (make, name, steps) = (sink.make.clone(), sink.name.clone(), steps.clone());
    sink.make = Arc::new(move || {
        let inner = make()?;
        Ok(Box::new(SteppedSink { inner, name: name.clone(), steps: steps.clone() }))
    });
}

/// Writes `stats.json` without what tells of the way there.
fn counts(
    plan: &Plan,
    store: &dyn Store,
    built: &build::BuildReport,
    observer: &Observer,
    dir: &OutputDir,
) -> Result<(), String> {
    let reader = store.reader().map_err(|e| e.to_string())?;
    let mut stats = Stats::gather(plan, &*reader, built, observer).map_err(|e| e.to_string())?;
    stats.run = Default::default();
    stats.write(dir).map_err(|e| e.to_string())
}
