//! `scrape validate`: everything that can be found without network.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::args::with_voice;
use super::verb::{Run, Verb};

use crate::observe::{Event, Observer};
use crate::plan::compile;
use crate::report::{self, Ended, Exit, Outcome};
use crate::spec::{self, Diagnostics, ParamValues};

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
                .help("Spec files"),
        )
        .after_help("Example:\n  scrape validate specs/*.yaml")
}

/// Checks each spec, with stand-ins for params that must be given.
fn run(args: &ArgMatches) -> Outcome {
    let voice = super::spec_args::voice(args);
    let observer = Observer::new(voice);
    let mut failed = false;
    for path in args.get_many::<PathBuf>("spec").into_iter().flatten() {
        let mut loaded = match spec::load(path) {
            Ok(loaded) => loaded,
            Err(error) => {
                report::diagnostics::print(error.diagnostics, &error.sources, voice.is_json());
                failed = true;
                continue;
            }
        };
        let values = ParamValues::stand_ins();
        let mut diagnostics = Diagnostics::default();
        let plan = compile(&mut loaded, &values, &mut diagnostics);
        report::diagnostics::print(diagnostics, &loaded.sources, voice.is_json());
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
