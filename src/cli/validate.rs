//! `scrape validate`: everything that can be found without network.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::args::{allow_read, allowed, with_voice};
use super::verb::{Run, Verb};

use crate::observe::{Event, Observer};
use crate::plan::compile;
use crate::report::{self, Ended, Exit, Outcome};
use crate::spec::{self, Diagnostics, ParamValues, Sources};
use crate::trial;

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Plain(run) };

fn command() -> Command {
    with_voice(Command::new("validate"))
        .about("Check specs offline; every error at file:line:column, with a hint")
        .arg(
            Arg::new("spec")
                .value_name("SPEC")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("Spec files, and the test files beside them"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("Findings as text on standard error, or as JSON on standard output"),
        )
        .arg(allow_read())
        .after_help(
            "Examples:\n  scrape validate specs/*.yaml\n  scrape validate spec.yaml --format json\n\n\
             With --format json, each finding is an object on a line of its own:\n  \
             severity  `error` or `warning`\n  \
             message   the cause in one sentence\n  \
             file      the file it stands in, or null\n  \
             range     start and end, each with line, column (from 1, in characters) and offset (in bytes), or null\n  \
             hint      what can be done, or null\n  \
             notes     what else is to be known, a list\n\
             The exit code is 2 where there is an error, else 0.",
        )
}

/// Checks each spec, with stand-ins for params that must be given.
fn run(args: &ArgMatches) -> Outcome {
    let voice = super::spec_args::voice(args);
    let observer = Observer::new(voice);
    let as_data = args.get_one::<String>("format").is_some_and(|format| format == "json");
    let tell = |diagnostics: Diagnostics, sources: &Sources| match as_data {
        true => report::diagnostics::write(diagnostics, sources),
        false => report::diagnostics::print(diagnostics, sources, voice.is_json()),
    };
    let allowed = allowed(args);
    let mut failed = false;
    for path in args.get_many::<PathBuf>("spec").into_iter().flatten() {
        // So that all files of a folder can be named: tests lie beside their specs.
        if trial::is_test_file(path) {
            match trial::load(path, &allowed) {
                Ok(file) => observer.tell(&Event::ValidTests {
                    file: &path.display().to_string(),
                    tests: file.cases.len(),
                }),
                Err((diagnostics, sources)) => {
                    tell(diagnostics, &sources);
                    failed = true;
                }
            }
            continue;
        }
        let mut loaded = match spec::load(path, &allowed) {
            Ok(loaded) => loaded,
            Err(error) => {
                tell(error.diagnostics, &error.sources);
                failed = true;
                continue;
            }
        };
        let values = ParamValues::stand_ins();
        let mut diagnostics = Diagnostics::default();
        let plan = compile(&mut loaded, &values, &mut diagnostics);
        tell(diagnostics, &loaded.sources);
        match plan {
            Some(plan) => observer.tell(&Event::Valid {
                file: &path.display().to_string(),
                description: &plan.description,
                streams: plan.streams.len(),
                tasks: plan.tasks.len(),
                sinks: plan.sinks.len(),
            }),
            None => failed = true,
        }
    }
    if failed { Err(Ended::told(Exit::Usage)) } else { Ok(Exit::Complete) }
}
