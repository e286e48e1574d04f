//! `scrape completions`: what a shell needs to complete words.

use std::io::Write as _;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::{Shell, generate};

use super::verb::{Run, Verb};
use super::verbs;
use crate::report::{Exit, Outcome};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    Command::new("completions")
        .about("Script that completes verbs, flags and files in a shell")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(Shell))
                .help("Which shell"),
        )
        .after_help(
            "Examples:\n  \
             scrape completions bash > ~/.local/share/bash-completion/completions/scrape\n  \
             scrape completions zsh > \"${fpath[1]}/_scrape\"\n  \
             scrape completions fish > ~/.config/fish/completions/scrape.fish",
        )
}

/// Prints it to standard output.
fn run(args: &ArgMatches) -> Outcome {
    let shell = args.get_one::<Shell>("shell").copied().unwrap_or(Shell::Bash);
    let mut script = Vec::new();
    generate(shell, &mut verbs::command(), "scrape", &mut script);
    // A closed pipe is no error.
    let _ = std::io::stdout().lock().write_all(&script);
    Ok(Exit::Complete)
}
