//! `scrape status`: what is in an output directory, and how complete it is.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::run::store_error;
use super::verb::{Run, Verb};
use crate::report::{Ended, Exit, Outcome};
use crate::store::{OutputState, UnfinishedLists};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("status")
        .about("What is in an output directory, how complete it is, what is stale")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The output directory of a run"),
        )
        .after_help("Example:\n  scrape status output")
}

/// Prints it to standard output. Incomplete is exit code 3.
fn run(args: &ArgMatches) -> Outcome {
    let dir = args.get_one::<PathBuf>("dir").cloned().unwrap_or_default();
    let shown = dir.display();
    let (contents, complete) = match OutputState::inspect(&dir).map_err(store_error)? {
        OutputState::Empty => return Err(Ended::usage(format!("{shown} is empty"))),
        OutputState::Foreign { file } => {
            return Err(Ended::usage(format!(
                "{shown} is not an output of scrape: it holds {file}"
            )));
        }
        OutputState::Unfinished(contents) => (contents, false),
        OutputState::Complete(contents) => (contents, true),
    };
    let mut text = String::new();
    let width = contents.partitions.iter().map(|(r, _)| r.partition.chars().count()).max();
    for (row, records) in &contents.partitions {
        let expected = row.expected.map_or(String::new(), |n| format!(" of {n}"));
        let reason = row.reason.as_ref().map_or(String::new(), |r| format!(": {r}"));
        let _ = writeln!(
            text,
            "{:width$}  {records:>7}{expected} records, {}{reason}",
            row.partition,
            row.state.as_str(),
            width = width.unwrap_or(0)
        );
    }
    let sum = |of: fn(&UnfinishedLists) -> u64| contents.lists.iter().map(of).sum::<u64>();
    for (count, what) in
        [(sum(|l| l.pending), "still to be fetched"), (sum(|l| l.failed), "failed")]
    {
        if count > 0 {
            let _ = writeln!(text, "{count} child lists {what}");
        }
    }
    for (file, finished) in &contents.outputs {
        let state = match (dir.join(file).exists(), finished) {
            (false, _) => "missing: scrape build makes it again",
            (true, false) => "stale: a build was cut, scrape build makes it again",
            (true, true) => continue,
        };
        let _ = writeln!(text, "{file}: {state}");
    }
    let verdict =
        if complete { "complete" } else { "not complete: go on with scrape run --resume" };
    let _ = writeln!(text, "{shown}: {verdict}");
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(if complete { Exit::Complete } else { Exit::Incomplete })
}
