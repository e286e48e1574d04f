//! `scrape man`: manual pages, one for the program and one for each verb.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};
use clap_mangen::Man;

use super::verb::{Run, Verb};
use super::verbs;
use crate::report::{Ended, Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("man")
        .about("Manual pages: one to standard output, or all into a folder")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Where scrape.1 and a page for each verb go; without it scrape.1 is printed"),
        )
        .after_help("Examples:\n  scrape man | man -l -\n  scrape man ~/.local/share/man/man1")
}

/// Prints the page of the program, or writes all pages.
fn run(args: &ArgMatches) -> Outcome {
    // The help is where the pages are.
    let program = || verbs::command().disable_help_subcommand(true);
    let Some(dir) = args.get_one::<PathBuf>("dir") else {
        let mut page = Vec::new();
        Man::new(program())
            .render(&mut page)
            .map_err(|e| Ended::failed(format!("cannot make the manual page: {e}")))?;
        // A closed pipe is no error.
        let _ = std::io::stdout().lock().write_all(&page);
        return Ok(Exit::Complete);
    };
    std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(program(), dir)).map_err(
        |e| Ended::failed(format!("cannot write manual pages to {}: {e}", dir.display())),
    )?;
    Ok(Exit::Complete)
}
