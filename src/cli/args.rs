//! Flags that several verbs have. What a verb has alone stands in its own file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// A command whose first argument is a spec, with the flags that all such have.
pub fn with_spec(command: Command) -> Command {
    command
        .arg(
            Arg::new("spec")
                .value_name("SPEC")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The spec file; the first argument after the verb"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .help("Sets any param of the spec"),
        )
        .arg(allow_read())
}

/// Where else a spec may read files.
pub fn allow_read() -> Arg {
    Arg::new("allow-read")
        .long("allow-read")
        .value_name("DIR")
        .action(ArgAction::Append)
        .value_parser(value_parser!(PathBuf))
        .help("Lets the spec name files below this folder, outside of its project too")
}

/// The folders of `--allow-read`.
pub fn allowed(args: &ArgMatches) -> Vec<PathBuf> {
    args.get_many("allow-read").into_iter().flatten().cloned().collect()
}

/// As [`allowed`], as long as clap cannot read the arguments.
pub fn allowed_early(argv: &[OsString]) -> Vec<PathBuf> {
    let mut allowed = Vec::new();
    let mut args = argv.iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        match text.strip_prefix("--allow-read=") {
            Some(folder) => allowed.push(PathBuf::from(folder)),
            None if text == "--allow-read" => allowed.extend(args.next().map(PathBuf::from)),
            None if text == "--" => break,
            None => {}
        }
    }
    allowed
}

/// Where a run goes.
pub fn output_dir() -> Arg {
    folder("Where everything goes [default: output, or output-replay with --replay]")
}

/// Where a run went.
pub fn ran_into() -> Arg {
    folder("The output directory of the run [default: output]")
}

fn folder(help: &'static str) -> Arg {
    Arg::new("output-dir")
        .short('o')
        .long("output-dir")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help(help)
}

/// A command that says how its progress is told.
pub fn with_voice(command: Command) -> Command {
    command
        .arg(
            Arg::new("log-format")
                .long("log-format")
                .value_name("FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("How progress is written to standard error"),
        )
        .arg(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .action(ArgAction::SetTrue)
                .help("Only errors and the summary"),
        )
        .arg(
            Arg::new("verbose")
                .short('v')
                .long("verbose")
                .action(ArgAction::Count)
                .help("Every request (-v), its headers (-vv)"),
        )
}

/// A command that sends requests.
pub fn with_pace(command: Command) -> Command {
    command
        .arg(
            Arg::new("max-concurrent")
                .short('c')
                .long("max-concurrent")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=1024))
                .help("Requests in flight; overrides http.concurrency"),
        )
        .arg(
            Arg::new("rate-limit")
                .short('r')
                .long("rate-limit")
                .value_name("SECS")
                .value_parser(parse_seconds)
                .help("Seconds between requests to a host, 0 for none; never lifts a daily budget"),
        )
}

/// Answers from a recording.
pub fn replay() -> Arg {
    Arg::new("replay")
        .long("replay")
        .value_name("FILE.har")
        .value_parser(value_parser!(PathBuf))
        .help("No network: answer from a recording; waits are virtual")
}

/// What is written to standard output.
pub fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("How the result is written to standard output")
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err(String::from("a number of seconds between 0 and 86400 is needed")),
    }
}
