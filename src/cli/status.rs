//! `scrape status`: what is in an output directory, how complete it is, what is
//! stale, and what to do next.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::args::format;
use super::history::{LastBuild, LastRun};
use super::memory::{Memory, Source};
use super::spec_args::quoted;
use super::verb::{Run, Verb};
use crate::http::without_credentials;
use crate::observe::words::printable;
use crate::report::{
    Ended, Exit, Next, Outcome, OutputStatus, PartitionStats, PartitionStatus, RejectStatus,
    RunStatus, Status,
};
use crate::store::{
    Contents, Lock, LockKind, OutputState, PartitionRow, Reader, STORE_FILE, SqliteReader,
    file_bytes,
};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("status")
        .about("What is in an output directory, how complete it is, what is stale")
        .long_about(
            "What is in an output directory: partitions and their records, child lists that are \
             missing, what was left out, the outputs and whether they are up to date, and the \
             command that goes on. Works while another process collects. Ends with 3 when \
             something is missing.",
        )
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("The output directory of a run"),
        )
        .arg(format())
        .after_help(
            "Examples:\n  scrape status output\n  \
             scrape status output --format json | jq '.partitions[] | select(.state != \"complete\")'",
        )
}

/// Prints it to standard output. Incomplete is exit code 3.
fn run(args: &ArgMatches) -> Outcome {
    let dir = args.get_one::<PathBuf>("dir").cloned().unwrap_or_default();
    let status = look(&dir)?;
    let text = match args.get_one::<String>("format").map(String::as_str) {
        Some("json") => {
            let text = serde_json::to_string_pretty(&status);
            text.map_err(|e| Ended::failed(e.to_string()))? + "\n"
        }
        _ => printable(&status.text(Timestamp::now())).into_owned(),
    };
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(if status.complete { Exit::Complete } else { Exit::Incomplete })
}

/// Looks into a directory.
fn look(dir: &Path) -> Outcome<Status> {
    let shown = dir.display().to_string();
    let (contents, complete) = match OutputState::inspect(dir)? {
        OutputState::Empty => {
            let what = if dir.exists() { "is empty" } else { "does not exist" };
            return Err(Ended::usage(format!("{shown} {what}: `scrape run` makes it")));
        }
        OutputState::Foreign { file } => {
            return Err(Ended::usage(format!(
                "{shown} is not an output of scrape: it holds {file}"
            )));
        }
        OutputState::Unfinished(contents) => (contents, false),
        OutputState::Complete(contents) => (contents, true),
    };
    let holder = |kind| Lock::holder(dir, kind);
    let mut status = Status {
        format: 1,
        directory: shown,
        complete,
        run: None,
        collecting: holder(LockKind::Collect),
        building: holder(LockKind::Build),
        partitions: contents.partitions.iter().map(|p| partition(p, &contents)).collect(),
        rejects: Vec::new(),
        built_at: None,
        outputs: Vec::new(),
        next: None,
    };
    // A run that was killed before it made its tables has left nothing to read.
    let Ok(reader) = SqliteReader::open(&dir.join(STORE_FILE)) else { return Ok(status) };
    let meta = |key: &str| reader.meta(key);
    let (memory, last_run) = (Memory::read(meta)?, LastRun::read(meta)?);
    let build = LastBuild::read(meta)?;
    let data_version = reader.data_version()?;
    if let Some(build) = &build {
        status.built_at = Some(build.at);
        status.rejects = rejects(build);
    }
    status.outputs = outputs(dir, &contents, build.as_ref(), data_version);
    status.next = memory.as_ref().and_then(|memory| next(&status, memory, last_run.as_ref(), dir));
    status.run = memory.map(|memory| about(memory, last_run));
    Ok(status)
}

fn about(memory: Memory, last: Option<LastRun>) -> RunStatus {
    let shown = |value: Value| match value.as_str().map(Url::parse) {
        Some(Ok(url)) if url.password().is_some() => without_credentials(&url).into(),
        _ => value,
    };
    let base_url = shown(memory.origin["http.base_url"].clone());
    RunStatus {
        spec: memory.spec,
        spec_file: memory.spec_file,
        source: match memory.source {
            Source::Live => "live",
            Source::Recording => "recording",
        },
        base_url: base_url.as_str().unwrap_or_default().to_owned(),
        params: memory.params.into_iter().map(|(name, value)| (name, shown(value))).collect(),
        limit: memory.limit,
        began: last.as_ref().map(|last| last.began),
        ended: last.as_ref().and_then(|last| last.ended),
        exit: last.and_then(|last| last.exit),
    }
}

fn partition((row, got): &(PartitionRow, u64), contents: &Contents) -> PartitionStatus {
    let own = contents
        .lists
        .iter()
        .find(|lists| lists.stream == row.stream && lists.partition == row.partition);
    PartitionStatus {
        stats: PartitionStats::new(&row.stream, &row.partition, Some(row), *got),
        lists_pending: own.map_or(0, |lists| lists.pending),
        lists_failed: own.map_or(0, |lists| lists.failed),
    }
}

fn rejects(build: &LastBuild) -> Vec<RejectStatus> {
    let reasons = build.rejects.iter().flat_map(|(stage, reasons)| {
        reasons.iter().map(move |(reason, count)| RejectStatus {
            stage: stage.clone(),
            reason: reason.clone(),
            count: *count,
        })
    });
    reasons.collect()
}

/// The files of all builds, and whether they are up to date.
fn outputs(
    dir: &Path,
    contents: &Contents,
    build: Option<&LastBuild>,
    data_version: i64,
) -> Vec<OutputStatus> {
    // What is wrong with all files of the last build alike.
    let stale = build.and_then(|build| {
        if build.data_version != data_version {
            return Some(String::from("records have come in since it was built"));
        }
        build.changed_file().map(|file| format!("{} has changed since", file.display()))
    });
    let output = |(file, finished): &(String, bool)| {
        let built = build.map(|build| build.files.iter().find(|built| built.path == *file));
        let path = dir.join(file);
        let (state, reason) = match (path.exists(), finished, built, &stale) {
            (false, _, Some(None), _) => return None,
            (false, ..) => ("missing", None),
            (true, _, Some(None), _) => {
                ("left", Some(String::from("of an earlier build, and no longer made")))
            }
            (true, false, ..) => ("stale", Some(String::from("a build was cut"))),
            (true, true, _, Some(reason)) => ("stale", Some(reason.clone())),
            (true, true, _, None) => ("current", None),
        };
        let rows = built.flatten().and_then(|built| built.rows);
        Some(OutputStatus { file: file.clone(), rows, bytes: file_bytes(&path), state, reason })
    };
    let mut found: Vec<OutputStatus> = contents.outputs.iter().filter_map(output).collect();
    // In the order in which they were made, which is that of the spec.
    let place = |output: &OutputStatus| {
        build.and_then(|build| build.files.iter().position(|built| built.path == output.file))
    };
    found.sort_by_key(|output| place(output).unwrap_or(usize::MAX));
    found
}

/// What to do next, called from the folder that `status` is called in.
fn next(status: &Status, memory: &Memory, last: Option<&LastRun>, dir: &Path) -> Option<Next> {
    let here = std::env::current_dir().unwrap_or_default();
    let there = last.map_or(here.as_path(), |last| last.folder.as_path());
    let go = if here == there {
        String::new()
    } else {
        format!("cd {} && ", quoted(&there.display().to_string()))
    };
    let out = if here == there { dir.to_owned() } else { std::path::absolute(dir).ok()? };
    let command = |verb: &str, more: &str| {
        let spec = quoted(&memory.spec_file.display().to_string());
        let out = quoted(&out.display().to_string());
        format!("{go}scrape {verb} {spec} -o {out}{more}")
    };
    let resume =
        || last.map_or_else(|| command("run", " --resume"), |last| format!("{go}{}", last.next));
    let say = |why: &str, command: String| Some(Next { why: why.to_owned(), command });
    if status.collecting.is_some() {
        return None;
    }
    if !status.complete {
        return say("next", resume());
    }
    if status.outputs.iter().any(|output| matches!(output.state, "stale" | "missing")) {
        return say("next", command("build", ""));
    }
    if status.partitions.iter().any(|partition| partition.stats.state == "limited") {
        return say("to fetch the rest", command("run", " --resume --limit 0"));
    }
    match memory.source {
        Source::Live => say("to fetch what is new", resume()),
        // A recording has nothing new.
        Source::Recording => None,
    }
}
