//! `scrape schema`: JSON Schema of the spec language, for editors.

use std::io::Write as _;

use clap::{ArgMatches, Command};
use scrape_api::plugins;

use super::verb::{Run, Verb};
use crate::report::{Ended, Exit, Outcome};
use crate::spec::schema::json_schema;

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("schema")
        .about("JSON Schema of the spec language, plugins' options included")
        .after_help("Example:\n  scrape schema > specs/schema.json")
}

/// Prints it to standard output.
fn run(_: &ArgMatches) -> Outcome {
    let mut text = serde_json::to_string_pretty(&json_schema(&plugins()))
        .map_err(|e| Ended::failed(e.to_string()))?;
    text.push('\n');
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}
