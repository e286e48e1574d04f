//! What an output directory holds, for `scrape status`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::parts::{FileLine, PartitionLine, files, partitions, rejects};
use super::stats::PartitionStats;
use super::table::{Align, table};
use crate::observe::words::{about, counted};

/// The whole; also what `--format json` prints.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The version of this form.
    pub format: u32,
    /// The directory.
    pub directory: String,
    /// Whether all partitions are complete, or cut by `--limit`, and no child list
    /// is missing.
    pub complete: bool,
    /// What it was collected with; absent where no run got so far.
    pub run: Option<RunStatus>,
    /// Who collects into it now: `process 4711`.
    pub collecting: Option<String>,
    /// Who builds in it now.
    pub building: Option<String>,
    /// Partitions that were ever begun, by stream and id.
    pub partitions: Vec<PartitionStatus>,
    /// What was left out, as of the last build.
    pub rejects: Vec<RejectStatus>,
    /// When the last build ended.
    pub built_at: Option<Timestamp>,
    /// Files that builds have made.
    pub outputs: Vec<OutputStatus>,
    /// What to do next, if anything.
    pub next: Option<Next>,
}

/// What a directory was collected with.
#[derive(Debug, Serialize)]
pub struct RunStatus {
    /// The spec's name.
    pub spec: String,
    /// Its file, as it was named.
    pub spec_file: PathBuf,
    /// `live` or `recording`.
    pub source: &'static str,
    /// The base address.
    pub base_url: String,
    /// Effective params.
    pub params: Map<String, Value>,
    /// `--limit`.
    pub limit: Option<u64>,
    /// When the last run began.
    pub began: Option<Timestamp>,
    /// When it ended; null when it goes on or was killed.
    pub ended: Option<Timestamp>,
    /// The exit code that it ended with.
    pub exit: Option<u8>,
}

/// One partition.
#[derive(Debug, Serialize)]
pub struct PartitionStatus {
    /// As `stats.json` has it.
    #[serde(flatten)]
    pub stats: PartitionStats,
    /// Child lists still to fetch.
    pub lists_pending: u64,
    /// Child lists that failed.
    pub lists_failed: u64,
}

/// What was left out for one reason.
#[derive(Debug, Serialize)]
pub struct RejectStatus {
    /// Where: `collect`, `map`, `transform`, `task`, `sink`.
    pub stage: String,
    /// A fixed word.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// One file.
#[derive(Debug, Serialize)]
pub struct OutputStatus {
    /// Relative to the directory.
    pub file: String,
    /// Its rows, where that is known.
    pub rows: Option<u64>,
    /// Its bytes on the disk.
    pub bytes: u64,
    /// `current`, `stale`, `missing`, or `left` by an earlier build.
    pub state: &'static str,
    /// Why it is not current.
    pub reason: Option<String>,
}

/// What to do next.
#[derive(Debug, Serialize)]
pub struct Next {
    /// Why, or what for.
    pub why: String,
    /// The command.
    pub command: String,
}

impl Status {
    /// It as lines for people, at `now`.
    pub fn text(&self, now: Timestamp) -> String {
        let mut text = table(&self.head(now), [Align::Left, Align::Left], "");
        let mut stream = None;
        for partition in &self.partitions {
            let name = &partition.stats.stream;
            if stream == Some(name) {
                continue;
            }
            stream = Some(name);
            let own: Vec<&PartitionStatus> =
                self.partitions.iter().filter(|p| p.stats.stream == *name).collect();
            let lines: Vec<PartitionLine<'_>> = own.iter().map(|p| p.stats.line()).collect();
            let _ = write!(text, "\n{name}\n{}", partitions(&lines, "  "));
            for (count, what) in [
                (own.iter().map(|p| p.lists_pending).sum::<u64>(), "still to be fetched"),
                (own.iter().map(|p| p.lists_failed).sum(), "failed"),
            ] {
                if count > 0 {
                    let _ = writeln!(text, "  {} {what}", counted(count, "child list"));
                }
            }
        }
        if !self.rejects.is_empty() {
            let lines = self.rejects.iter().map(|r| (r.stage.as_str(), r.reason.as_str(), r.count));
            let _ = write!(text, "\nleft out, see rejected.jsonl\n{}", rejects(lines, "  "));
        }
        if !self.outputs.is_empty() {
            let built =
                self.built_at.map_or(String::new(), |at| format!(", built {}", ago(at, now)));
            let lines: Vec<FileLine> = self.outputs.iter().map(OutputStatus::line).collect();
            let _ = write!(text, "\noutputs{built}\n{}", files(&lines, "  "));
        }
        let _ = write!(text, "\n{}: {}", self.directory, self.verdict());
        if let Some(Next { why, command }) = &self.next {
            let _ = write!(text, "\n{why}: {command}");
        }
        text.push('\n');
        text
    }

    fn head(&self, now: Timestamp) -> Vec<[String; 2]> {
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
        if let Some(run) = &self.run {
            row("spec", format!("{} ({})", run.spec_file.display(), run.spec));
            let source = if run.source == "recording" { " (a recording)" } else { "" };
            row("source", format!("{}{source}", run.base_url));
            let params = run.params.iter().filter(|(_, value)| {
                !value.is_null()
                    && value.as_str().is_none_or(|text| !run.base_url.starts_with(text))
            });
            for (at, (name, value)) in params.enumerate() {
                row(if at == 0 { "params" } else { "" }, format!("{name}: {}", plain(value)));
            }
            if let Some(limit) = run.limit {
                row("limit", format!("the first {} of each partition", counted(limit, "record")));
            }
            if let Some(began) = run.began {
                row("last run", run.last(began, self.collecting.is_some(), now));
            }
        }
        for (who, what) in [(&self.collecting, "collecting"), (&self.building, "building")] {
            if let Some(who) = who {
                row("now", format!("{who} is {what}"));
            }
        }
        rows
    }

    fn verdict(&self) -> String {
        let stale = self.outputs.iter().any(|output| matches!(output.state, "stale" | "missing"));
        match (self.complete, stale) {
            (true, false) => String::from("complete"),
            (true, true) => String::from("complete, but outputs are not up to date"),
            (false, _) => {
                let open = |p: &&PartitionStatus| !p.stats.is_done();
                let open = self.partitions.iter().filter(open).count();
                let lists: u64 =
                    self.partitions.iter().map(|p| p.lists_pending + p.lists_failed).sum();
                let mut parts = Vec::new();
                if open > 0 {
                    let all = counted(self.partitions.len() as u64, "partition");
                    parts.push(format!("{open} of {all} not complete"));
                }
                if lists > 0 {
                    parts.push(format!("{} missing", counted(lists, "child list")));
                }
                if parts.is_empty() {
                    parts.push(String::from("no partition was begun"));
                }
                format!("not complete: {}", parts.join(", "))
            }
        }
    }
}

impl RunStatus {
    /// When the last run was, how long it took, how it ended.
    fn last(&self, began: Timestamp, goes_on: bool, now: Timestamp) -> String {
        let took = |ended: Timestamp| {
            let took = Duration::try_from(ended.duration_since(began)).unwrap_or_default();
            format!("took {}", about(took))
        };
        let end = match (self.ended, self.exit) {
            (None, _) if goes_on => String::from("goes on"),
            (None, _) => String::from("was cut"),
            (Some(ended), Some(0)) => format!("{}, complete", took(ended)),
            (Some(ended), Some(1)) => format!("{}, failed", took(ended)),
            (Some(ended), Some(130)) => format!("{}, interrupted", took(ended)),
            (Some(ended), _) => format!("{}, not complete", took(ended)),
        };
        format!("began {}, {end}", ago(began, now))
    }
}

impl OutputStatus {
    fn line(&self) -> FileLine {
        let note = match (self.state, &self.reason) {
            ("current", _) => None,
            (state, Some(reason)) => Some(format!("{state}: {reason}")),
            (state, None) => Some(state.to_owned()),
        };
        FileLine { file: self.file.clone(), rows: self.rows, bytes: self.bytes, note }
    }
}

/// A time with how long ago it was.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let since = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    format!("{} ago ({at:.0})", about(since))
}

/// A param's value as it is given on a command line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
