//! The last lines of a run: what is there, what is missing, what to do next.

use std::fmt::Write as _;

use super::stats::{PartitionStats, Stats};
use crate::observe::words::size;

/// The summary as lines for people. `next` is the command that goes on.
pub fn summary(stats: &Stats, dir: &str, next: Option<&str>) -> String {
    let mut text = String::new();
    let width =
        stats.counts.partitions.iter().map(|p| p.partition.chars().count()).max().unwrap_or(0);
    for partition in &stats.counts.partitions {
        let _ = writeln!(text, "{}", partition_line(partition, width));
    }
    let counts = &stats.counts.build;
    for (name, sink) in &counts.sinks {
        let _ = writeln!(text, "{name}: {} rows, {}", sink.rows, size(sink.bytes));
    }
    for (name, task) in &counts.tasks {
        let leaks = match (task.leaks.dropped, task.leaks.reported) {
            (0, 0) => String::new(),
            (dropped, 0) => format!(", {dropped} left out since the target stands in the input"),
            (_, reported) => format!(", {reported} with the target in the input"),
        };
        let errors =
            if task.errors > 0 { format!(", {} failed", task.errors) } else { String::new() };
        let _ = writeln!(text, "task {name}: {} examples{leaks}{errors}", task.examples);
    }
    for (stage, reasons) in &counts.rejects {
        for (reason, count) in reasons {
            let _ =
                writeln!(text, "rejected ({stage}): {count} {reason}, see {dir}/rejected.jsonl");
        }
    }
    for (name, stream) in &counts.streams {
        let missing = stream.pending + stream.failed;
        if missing > 0 {
            let _ = writeln!(
                text,
                "{name}: {missing} records left out, since a list that belongs to them is missing"
            );
        }
    }
    let run = &stats.run;
    if run.requests > 0 {
        let retries = match run.retries {
            0 => String::new(),
            n => {
                let reasons: Vec<_> =
                    run.retry_reasons.iter().map(|(r, n)| format!("{r} {n}")).collect();
                format!(", {n} of them again ({})", reasons.join(", "))
            }
        };
        let waited = match run.waited_seconds {
            s if s >= 0.1 => format!(", {s:.1} s of waiting"),
            _ => String::new(),
        };
        let repairs = match run.repairs {
            0 => String::new(),
            n => format!(", {n} values repaired"),
        };
        let _ = writeln!(
            text,
            "{} requests{retries}, {} in {:.1} s{waited}{repairs}",
            run.requests,
            size(run.bytes),
            run.seconds
        );
    }
    let verdict = match (stats.is_complete(), stats.is_sound()) {
        (false, _) => "not complete",
        (true, false) => "complete, but spec or templates failed, see rejected.jsonl",
        (true, true) => "complete",
    };
    let _ = write!(text, "{dir}: {verdict}");
    if let Some(next) = next {
        let _ = write!(text, "\nnext: {next}");
    }
    text
}

fn partition_line(partition: &PartitionStats, width: usize) -> String {
    let mut line = format!("{:width$}  {:>7}", partition.partition, partition.got);
    if let Some(expected) = partition.expected {
        let _ = write!(line, " of {expected}");
    }
    let _ = write!(line, " records, {}", partition.state);
    if let Some(limit) = partition.limit {
        let _ = write!(line, " (--limit {limit})");
    } else if let Some(checked) = &partition.checked {
        let _ = write!(line, " (checked by {checked})");
    }
    if let Some(reason) = &partition.reason {
        let _ = write!(line, ": {reason}");
    }
    line.trim_end().to_owned()
}
