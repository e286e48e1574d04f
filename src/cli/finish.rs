//! The end of a verb that builds: `stats.json`, the summary, the exit code.

use std::path::Path;

use scrape_api::OutputDir;

use super::run::store_error;
use crate::build::BuildReport;
use crate::observe::{Event, Observer};
use crate::plan::Plan;
use crate::report::{Ended, Exit, Outcome, Stats, diagnostics, failures, summary};
use crate::store::Store;

/// Writes `stats.json`, tells the summary, and says how the verb ends. `again` is
/// the command that goes on where something is missing.
///
/// # Errors
/// When the store cannot be read or the file not be written.
pub fn finish(
    plan: &Plan,
    store: &dyn Store,
    dir: &Path,
    built: &BuildReport,
    observer: &Observer,
    interrupted: bool,
    again: &str,
) -> Outcome {
    let reader = store.reader().map_err(store_error)?;
    let stats = Stats::gather(plan, &*reader, built, observer).map_err(store_error)?;
    stats.write(&OutputDir::new(dir)).map_err(|e| Ended::failed(e.to_string()))?;
    let failed = failures::findings(&built.failures, &plan.sources, &dir.display().to_string());
    diagnostics::print_all(&failed, &plan.sources, observer.voice().is_json());
    for warning in &built.warnings {
        observer.tell(&Event::Warning { warning });
    }
    for (file, _) in store.outputs().map_err(store_error)? {
        if !built.files.contains(&file) && dir.join(&file).exists() {
            let warning = format!("{file} is of an earlier build, and no longer made");
            observer.tell(&Event::Warning { warning: &warning });
        }
    }
    let complete = stats.is_complete();
    let next = (!complete).then_some(again);
    let directory = dir.display().to_string();
    observer.tell(&Event::Summary {
        directory: &directory,
        complete,
        records: stats.counts.partitions.iter().map(|p| p.got).sum(),
        requests: stats.run.requests,
        took: observer.elapsed(),
        next,
        text: &summary(&stats, &directory, next),
    });
    Ok(match (interrupted, complete) {
        (true, _) => Exit::Interrupted,
        (false, true) if stats.is_sound() => Exit::Complete,
        (false, _) => Exit::Incomplete,
    })
}
