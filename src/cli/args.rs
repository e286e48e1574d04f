//! The flags of each verb, apart from those that a spec adds.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

/// The program's own command line, without what a spec adds to it.
pub fn command() -> Command {
    Command::new("scrape")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Turns issue trackers into training data for language models")
        .after_help(
            "Example:\n  scrape run specs/apache-jira.yaml -p KAFKA --limit 100\n\n\
             Exit codes: 0 complete, 1 failed, 2 bad spec or usage, 3 finished but not complete, \
             130 interrupted.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(run())
        .subcommand(build())
        .subcommand(validate())
        .subcommand(status())
        .subcommand(list())
        .subcommand(schema())
}

/// `scrape run SPEC`
pub fn run() -> Command {
    let command = with_spec(Command::new("run"))
        .about("Collect, then build")
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
        .arg(
            Arg::new("limit")
                .short('l')
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("The first N records of each partition; 0 lifts a stored limit"),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .conflicts_with("fresh")
                .help("Go on: unfinished partitions, failed ones, and what is new since"),
        )
        .arg(
            Arg::new("fresh")
                .long("fresh")
                .action(ArgAction::SetTrue)
                .help("Throw away an earlier run in this directory"),
        )
        .arg(
            Arg::new("record")
                .long("record")
                .value_name("FILE.har")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("replay")
                .help("Keep every exchange, secrets removed"),
        )
        .arg(
            Arg::new("replay")
                .long("replay")
                .value_name("FILE.har")
                .value_parser(value_parser!(PathBuf))
                .help("No network: answer from a recording; waits are virtual"),
        )
        .after_help(
            "Example:\n  scrape run specs/apache-jira.yaml -p KAFKA -p SPARK -c 2 -o output\n\n\
             `scrape run SPEC --help` also shows the flags that the spec adds.",
        );
    with_voice(command)
}

/// `scrape build SPEC`
pub fn build() -> Command {
    with_voice(with_spec(Command::new("build")))
        .about("Make the outputs again from what was collected, without network")
        .after_help("Example:\n  scrape build specs/apache-jira.yaml -o output")
}

/// `scrape validate SPEC…`
fn validate() -> Command {
    with_voice(Command::new("validate"))
        .about("Check specs offline; every error at file:line:column, with a hint")
        .arg(
            Arg::new("spec")
                .value_name("SPEC")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("Spec files"),
        )
        .after_help("Example:\n  scrape validate specs/*.yaml")
}

/// `scrape status DIR`
fn status() -> Command {
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

/// `scrape schema`
fn schema() -> Command {
    Command::new("schema")
        .about("JSON Schema of the spec language, plugins' options included")
        .after_help("Example:\n  scrape schema > specs/schema.json")
}

/// `scrape list [KIND]`
fn list() -> Command {
    Command::new("list")
        .about("Plugins, with where each comes from, options and an example")
        .arg(
            Arg::new("kind")
                .value_name("KIND")
                .value_parser(["fetch", "transform", "sink"])
                .help("Only plugins of this kind"),
        )
        .after_help("Example:\n  scrape list sink")
}

fn with_spec(command: Command) -> Command {
    command
        .arg(
            Arg::new("spec")
                .value_name("SPEC")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The spec file; the first argument after the verb"),
        )
        .arg(
            Arg::new("output-dir")
                .short('o')
                .long("output-dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where everything goes [default: output, or output-replay with --replay]"),
        )
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .help("Sets any param of the spec"),
        )
}

fn with_voice(command: Command) -> Command {
    command
        .arg(
            Arg::new("log-format")
                .long("log-format")
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
                .action(ArgAction::Count)
                .help("Every request (-v), its headers (-vv)"),
        )
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err(String::from("a number of seconds between 0 and 86400 is needed")),
    }
}
