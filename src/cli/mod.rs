//! The command line: one file a verb.

mod args;
mod build;
mod finish;
mod list;
mod memory;
mod run;
mod schema;
mod signals;
mod spec_args;
mod status;
mod transport;
mod validate;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use crate::report::{Ended, Exit, Outcome};

/// Runs the program with the arguments of the process, and says how it ended.
///
/// A binary of its own that names more plugin crates calls this from its `main`.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    match verb(&argv) {
        Ok(exit) => exit.into(),
        Err(Ended { exit, message }) => {
            if !message.is_empty() {
                // Where standard error is closed there is nobody to tell.
                let _ = writeln!(std::io::stderr().lock(), "error: {message}");
            }
            exit.into()
        }
    }
}

fn verb(argv: &[OsString]) -> Outcome {
    match argv.get(1).and_then(|v| v.to_str()) {
        Some("run") => run::run(&spec_args::SpecArgs::parse(args::run(), argv)?),
        Some("build") => build::run(&spec_args::SpecArgs::parse(args::build(), argv)?),
        _ => {
            let matches = parsed(args::command().try_get_matches_from(argv))?;
            match matches.subcommand() {
                Some(("validate", args)) => validate::run(args),
                Some(("list", args)) => list::run(args),
                Some(("schema", _)) => schema::run(),
                Some(("status", args)) => status::run(args),
                _ => Ok(Exit::Usage),
            }
        }
    }
}

/// What clap says, with this program's exit codes: help is no failure.
fn parsed(result: Result<clap::ArgMatches, clap::Error>) -> Outcome<clap::ArgMatches> {
    result.map_err(|error| {
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Complete };
        // A closed pipe is no failure.
        let _ = error.print();
        Ended::told(exit)
    })
}
