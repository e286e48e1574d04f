//! `scrape schema`: JSON Schema of the spec language, for editors.

use std::io::Write as _;

use clap::{Arg, ArgMatches, Command};
use scrape_api::plugins;

use super::verb::{Run, Verb};
use crate::report::{Ended, Exit, Outcome};
use crate::spec::schema::{FileKind, json_schema};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("schema")
        .about("JSON Schema of specs, task files and test files, plugins' options included")
        .arg(
            Arg::new("kind")
                .value_name("KIND")
                .value_parser(["spec", "task", "test"])
                .default_value("spec")
                .help("Which files it is about"),
        )
        .after_help(
            "Examples:\n  scrape schema > specs/schema.json\n  \
             scrape schema task > templates/schema.json\n\n\
             Editors with a YAML language server check and complete a file that begins with\n  \
             # yaml-language-server: $schema=./schema.json",
        )
}

/// Prints it to standard output.
fn run(args: &ArgMatches) -> Outcome {
    let kind = match args.get_one::<String>("kind").map(String::as_str) {
        Some("task") => FileKind::Task,
        Some("test") => FileKind::Test,
        _ => FileKind::Spec,
    };
    let mut text = serde_json::to_string_pretty(&json_schema(kind, &plugins()))
        .map_err(|e| Ended::failed(e.to_string()))?;
    text.push('\n');
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Complete)
}
