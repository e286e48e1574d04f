//! A build from its first record to the rename of its last output.
//!
//! One thread reads the store, workers build batches of records, and this thread
//! hands the rows to the sinks in the order in which they were read. A batch goes to a
//! worker only when there is room for it in the memory that all batches share, until
//! their rows are written: so that is bounded, whatever the size of the store.

use std::num::NonZero;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use scrape_api::{OutputDir, Sink};

use super::counts::{BuildReport, BuiltFile, Tally};
use super::delta::Delta;
use super::fill::{Filled, fill};
use super::keep::{Changes, Keeper, Kept};
use super::rejected::REJECTED_FILE;
use crate::kill;
use crate::observe::Track;
use crate::plan::Plan;
use crate::store::{self, Reader, Store};

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
    let begun = Begun::new(plan, store, &options.beside)?;
    let done = begun.build(plan, store, dir, options, None)?;
    Ok(done.report)
}

/// As [`run`], by a process that builds again and again: what did not change since
/// the build that is kept is taken over, and what differs from it is told, where it
/// was one of the same records. The outputs are the same.
///
/// # Errors
/// As [`run`].
pub fn rebuild(
    plan: &Arc<Plan>,
    store: &mut dyn Store,
    dir: &OutputDir,
    options: &BuildOptions,
    kept: &mut Kept,
) -> Result<(BuildReport, Option<Changes>), Error> {
    let mut whole = false;
    loop {
        let begun = Begun::new(plan, store, &options.beside)?;
        let of = (&*store, begun.data_version);
        let mut keeper = Keeper::begin(kept, plan, of, (&begun.sinks, dir), whole)?;
        match begun.build(plan, store, dir, options, Some(&mut keeper)) {
            Ok(Built { report, build, sinks, read }) => {
                let of = (build, report.data_version);
                let counted = (read, report.warnings.clone());
                let changes = keeper.end(kept, of, counted, (&sinks, dir));
                return Ok((report, changes));
            }
            Err(error) => {
                // What went wrong is told by a build that takes over nothing.
                let again = keeper.takes();
                keeper.give_back(kept);
                if !again {
                    return Err(error);
                }
                whole = true;
            }
        }
    }
}

/// A build that has its place in time.
struct Begun {
    sinks: Vec<Box<dyn Sink>>,
    files: Vec<String>,
    reader: Box<dyn Reader>,
    data_version: i64,
}

/// A build whose outputs are in place.
struct Built {
    report: BuildReport,
    /// What the store calls it.
    build: String,
    sinks: Vec<Box<dyn Sink>>,
    /// What was counted up to where records are mapped.
    read: Tally,
}

impl Begun {
    fn new(plan: &Plan, store: &mut dyn Store, beside: &[String]) -> Result<Self, Error> {
        let sinks = make_sinks(plan, store)?;
        let files = files(&sinks, beside);
        let known = store.outputs()?;
        if files.iter().any(|file| known.iter().all(|(known, _)| known != file)) {
            // Before their first byte: what a kill leaves of them has an owner.
            store.announce_outputs(&files)?;
        }
        let reader = store.reader()?;
        let data_version = reader.data_version()?;
        Ok(Self { sinks, files, reader, data_version })
    }

    fn build(
        self,
        plan: &Plan,
        store: &mut dyn Store,
        dir: &OutputDir,
        options: &BuildOptions,
        mut keeper: Option<&mut Keeper>,
    ) -> Result<Built, Error> {
        let Self { mut sinks, files, reader, data_version } = self;
        let filled = fill(plan, reader, (&mut sinks, dir), options, keeper.as_deref_mut());
        let Filled { read, tally, warnings, rejected, most_bytes } = match filled {
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
            for (number, (sink, plan)) in sinks.iter_mut().zip(&plan.sinks).enumerate() {
                if keeper.as_ref().is_some_and(|keeper| keeper.stands()[number]) {
                    continue;
                }
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
        let report = BuildReport { counts, warnings, failures, files, data_version, most_bytes };
        Ok(Built { report, build, sinks, read })
    }
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
