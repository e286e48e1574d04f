//! `scrape explain`: the effective spec, and where each value comes from.

use std::io::Write as _;

use clap::Command;

use super::args::{with_spec, with_voice};
use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use crate::observe::words::printable;
use crate::report::{Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    with_voice(with_spec(Command::new("explain")))
        .about("The effective spec, with the file and line of each value")
        .long_about(
            "The effective spec, with the file and line of each value: what `extends`, included \
             files, params, and the engine's defaults and rules make of it. Secrets are not read.",
        )
        .after_help("Example:\n  scrape explain specs/jira-datacenter.yaml --base-url https://jira.example.org -p ABC")
}

fn run(spec: &SpecArgs) -> Outcome {
    let text = spec.explained()?;
    let text = printable(&text);
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}
