//! The end of a verb that builds: `stats.json`, the summary, the exit code.

use std::path::Path;

use scrape_api::OutputDir;

use super::history::LastBuild;
use crate::build::{BuildReport, REJECTED_FILE};
use crate::observe::{Event, Observer};
use crate::plan::Plan;
use crate::report::{Ended, Exit, FileLine, Outcome, Stats, diagnostics, failures, summary};
use crate::store::{Store, file_bytes};

/// How what came before the build has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Done,
    /// By a signal.
    Interrupted,
    /// Because the disk was nearly full.
    NoRoom,
}

/// Writes `stats.json`, tells the summary, and says how the verb ends. `again` is
/// the command that goes on where something is missing.
///
/// # Errors
/// When the store cannot be read or the file not be written.
pub fn finish(
    plan: &Plan,
    store: &mut dyn Store,
    dir: &Path,
    built: &BuildReport,
    observer: &Observer,
    end: End,
    again: &str,
) -> Outcome {
    let stats = settle(plan, store, dir, built, observer)?;
    for (file, _) in store.outputs()? {
        if !built.files.iter().any(|built| built.path == file) && dir.join(&file).exists() {
            let warning = format!("{file} is of an earlier build, and no longer made");
            observer.tell(&Event::Warning { warning: &warning });
        }
    }
    let complete = stats.is_complete();
    let next = (!complete).then_some(again);
    let directory = dir.display().to_string();
    let lines = summary(&stats, &directory, &made(dir, built), next);
    // Set apart from what was told before.
    let apart = if observer.voice().is_quiet() { "" } else { "\n" };
    observer.tell(&Event::Summary {
        directory: &directory,
        complete,
        records: stats.counts.partitions.iter().map(|p| p.got).sum(),
        requests: stats.run.requests,
        took: observer.elapsed(),
        next,
        text: &format!("{apart}{lines}"),
    });
    Ok(match (end, complete) {
        (End::Interrupted, _) => Exit::Interrupted,
        (End::NoRoom, false) => Exit::Failed,
        (_, true) if stats.is_sound() => Exit::Complete,
        (_, _) => Exit::Incomplete,
    })
}

/// Writes what is known of a build, `stats.json` among it, and tells what it found.
///
/// # Errors
/// When the store cannot be read or the file not be written.
pub fn settle(
    plan: &Plan,
    store: &mut dyn Store,
    dir: &Path,
    built: &BuildReport,
    observer: &Observer,
) -> Outcome<Stats> {
    let build = LastBuild::of(plan, built);
    build.write(store)?;
    let reader = store.reader()?;
    let stats = Stats::gather(plan, &*reader, built, observer)?;
    stats.write(&OutputDir::new(dir)).map_err(|e| Ended::failed(e.to_string()))?;
    let mut found = failures::findings(&built.failures, &plan.sources, &dir.display().to_string());
    found.extend(built.warnings.iter().cloned());
    diagnostics::print_all(&found, &plan.sources, observer.voice().is_json());
    Ok(stats)
}

/// The files of a build with rows, and where they are.
fn made(dir: &Path, built: &BuildReport) -> Vec<FileLine> {
    // An empty list of what was left out is nothing to look at.
    let told = built.files.iter().filter(|file| file.rows.is_some());
    told.filter(|file| file.rows != Some(0) || file.path != REJECTED_FILE)
        .map(|file| {
            let path = dir.join(&file.path);
            let bytes = file_bytes(&path);
            FileLine { file: path.display().to_string(), rows: file.rows, bytes, note: None }
        })
        .collect()
}
