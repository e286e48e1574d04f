//! The last lines of a run: what is where, what is missing, what to do next.

use std::fmt::Write as _;
use std::time::Duration;

use super::parts::{FileLine, PartitionLine, files, partitions, rejects};
use super::stats::{PartitionStats, Run, Stats};
use crate::build::TaskCounts;
use crate::observe::words::{count, counted, duration, size};

/// More partitions than this are told one by one only where something is missing.
const MOST_PARTITIONS: usize = 12;

/// The summary as lines for people. `made` is what the build made, `next` the
/// command that goes on.
pub fn summary(stats: &Stats, dir: &str, made: &[FileLine], next: Option<&str>) -> String {
    let mut text = partition_lines(&stats.counts.partitions);
    let counts = &stats.counts.build;
    if !made.is_empty() {
        text.push('\n');
        text.push_str(&files(made, ""));
    }
    let mut notes: Vec<String> =
        counts.tasks.iter().filter_map(|(name, task)| task_note(name, task)).collect();
    let reasons = counts.rejects.iter().flat_map(|(stage, reasons)| {
        reasons.iter().map(move |(reason, n)| (stage.as_str(), reason.as_str(), *n))
    });
    let rejected = rejects(reasons, "  ");
    if !rejected.is_empty() {
        notes.push(format!("left out, see {dir}/rejected.jsonl:\n{}", rejected.trim_end()));
    }
    for (name, stream) in &counts.streams {
        let missing = stream.pending + stream.failed;
        if missing > 0 {
            let records = counted(missing, "record");
            notes.push(format!(
                "{name}: {records} left out, since a list that belongs to them is missing"
            ));
        }
    }
    if stats.run.requests > 0 {
        notes.push(cost(&stats.run));
    }
    if !notes.is_empty() {
        let _ = write!(text, "\n{}\n", notes.join("\n"));
    }
    let _ = write!(text, "\n{dir}: {}", verdict(stats));
    if let Some(next) = next {
        let _ = write!(text, "\nnext: {next}");
    }
    text
}

/// Each partition on a line; of many only those that are not complete.
fn partition_lines(all: &[PartitionStats]) -> String {
    let line = |p: &'_ PartitionStats| -> bool { all.len() <= MOST_PARTITIONS || !p.is_done() };
    let told: Vec<PartitionLine<'_>> =
        all.iter().filter(|p| line(p)).map(PartitionStats::line).collect();
    let mut text = partitions(&told, "");
    let untold = all.iter().filter(|p| !line(p));
    let (number, records) = untold.fold((0, 0), |(n, records), p| (n + 1, records + p.got));
    if number > 0 {
        let partitions = counted(number, "partition");
        let _ = writeln!(text, "{partitions} complete, with {}", counted(records, "record"));
    }
    text
}

/// Whether it is complete, and if not what is missing.
fn verdict(stats: &Stats) -> String {
    match (stats.is_complete(), stats.is_sound()) {
        (true, true) => return String::from("complete"),
        (true, false) => {
            return String::from("complete, but spec or templates failed, see rejected.jsonl");
        }
        (false, _) => {}
    }
    let all = &stats.counts.partitions;
    let open = all.iter().filter(|p| !p.is_done()).count();
    let mut parts = Vec::new();
    if open > 0 {
        parts.push(format!("{open} of {} not complete", counted(all.len() as u64, "partition")));
    }
    let lacking: u64 = stats.counts.build.streams.values().map(|s| s.pending + s.failed).sum();
    if lacking > 0 {
        parts.push(format!("{} left out", counted(lacking, "record")));
    }
    format!("not complete: {}", parts.join(", "))
}

/// What is to be known about a task beside its file.
fn task_note(name: &str, task: &TaskCounts) -> Option<String> {
    let leaks = match (task.leaks.dropped, task.leaks.reported) {
        (0, 0) => None,
        (dropped, 0) => {
            Some(format!("{} left out since the target stands in the input", count(dropped)))
        }
        (_, reported) => Some(format!("{} with the target in the input", count(reported))),
    };
    let errors = (task.errors > 0).then(|| format!("{} failed", count(task.errors)));
    let notes: Vec<String> = leaks.into_iter().chain(errors).collect();
    let examples = counted(task.examples, "example");
    (!notes.is_empty()).then(|| format!("task {name}: {examples}, {}", notes.join(", ")))
}

/// What a run cost.
fn cost(run: &Run) -> String {
    let mut text = format!(
        "{} in {}, {}",
        counted(run.requests, "request"),
        duration(Duration::from_secs_f64(run.seconds.max(0.0))),
        size(run.bytes)
    );
    if run.retries > 0 {
        let reasons: Vec<_> =
            run.retry_reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        let _ = write!(text, ", {} sent again ({})", count(run.retries), reasons.join(", "));
    }
    if run.waited_seconds >= 0.1 {
        let waited = Duration::from_secs_f64(run.waited_seconds);
        let _ = write!(text, ", {} of waiting", duration(waited));
    }
    if run.repairs > 0 {
        let _ = write!(text, ", {} repaired", counted(run.repairs, "value"));
    }
    text
}
