//! The program from its arguments to its exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use super::{slips, verbs};
use crate::observe::words::printable;
use crate::report::{Ended, Exit, Outcome};

/// Runs the program with the arguments of the process, and says how it ended.
///
/// A binary of its own that names more plugin crates calls this from its `main`.
pub fn main() -> ExitCode {
    scrape_malloc::keep_little();
    run(&std::env::args_os().collect::<Vec<_>>()).into()
}

/// Runs the program with these arguments, its own name first.
pub fn run(argv: &[OsString]) -> Exit {
    match verb(argv) {
        Ok(exit) => exit,
        Err(Ended { exit, message }) => {
            if !message.is_empty() {
                // Where standard error is closed there is nobody to tell.
                let _ = writeln!(std::io::stderr().lock(), "error: {}", printable(&message));
            }
            exit
        }
    }
}

fn verb(argv: &[OsString]) -> Outcome {
    let named = argv.get(1).and_then(|name| verbs::find(name.to_str()?));
    if let Some(Verb { command, run: Run::Spec(run) }) = named {
        return run(&SpecArgs::parse(command(), argv)?);
    }
    if let Some(slip) = slips::no_verb(argv) {
        return Err(slip);
    }
    let matches = parsed(verbs::command().try_get_matches_from(argv))?;
    match matches.subcommand().and_then(|(name, args)| Some((&verbs::find(name)?.run, args))) {
        Some((Run::Plain(run), args)) => run(args),
        _ => Ok(Exit::Usage),
    }
}

/// What clap says, with this program's exit codes: help is no failure.
pub fn parsed(result: Result<clap::ArgMatches, clap::Error>) -> Outcome<clap::ArgMatches> {
    result.map_err(|error| {
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Complete };
        // A closed pipe is no failure.
        let _ = error.print();
        Ended::told(exit)
    })
}
