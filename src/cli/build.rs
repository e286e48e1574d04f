//! `scrape build`: the outputs again, from the store alone.

use std::path::Path;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command};

use super::args::{ran_into, with_spec, with_voice};
use super::finish::{self, End};
use super::memory::Memory;
use super::run::build_into;
use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use super::watch;
use crate::observe::Observer;
use crate::plan::Plan;
use crate::report::{Ended, Outcome};
use crate::store::{OutputState, STORE_FILE, SqliteStore};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

/// Its command line.
pub fn command() -> Command {
    with_voice(with_spec(Command::new("build")).arg(ran_into()))
        .about("Make the outputs again from what was collected, without network")
        .arg(
            Arg::new("watch")
                .long("watch")
                .action(ArgAction::SetTrue)
                .help("Build again on every save of the spec, a task or a template")
                .long_help(
                    "Build again on every save of the spec, a task or a text template, and show \
                     what has changed in the examples. Ctrl-C ends it.",
                ),
        )
        .after_help(
            "Examples:\n  scrape build specs/apache-jira.yaml -o output\n  \
             scrape build specs/apache-jira.yaml -o output --watch",
        )
}

/// Runs the verb.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let dir = spec.output_dir(false);
    if spec.flag("watch") {
        return watch::run(spec, &dir, observer);
    }
    let mut store = open(spec, &dir)?;
    let plan = compile(spec, &store, &dir)?;
    let built = build_into(&plan, &mut store, &dir, &observer)?;
    let again = spec.again(&dir, "--resume");
    finish::finish(&plan, &mut store, &dir, &built, &observer, End::Done, &again)
}

/// Opens the store of a directory.
///
/// # Errors
/// When there is no run in it.
pub fn open(spec: &SpecArgs, dir: &Path) -> Outcome<SqliteStore> {
    match OutputState::inspect(dir)? {
        OutputState::Unfinished(_) | OutputState::Complete(_) => {}
        OutputState::Empty | OutputState::Foreign { .. } => {
            let replayed = spec.output_dir(true);
            let hint = match OutputState::inspect(&replayed) {
                // What a replay made is not where this verb looks by itself.
                Ok(OutputState::Unfinished(_) | OutputState::Complete(_)) => {
                    let watch = if spec.flag("watch") { "--watch" } else { "" };
                    let again = spec.other("build", &replayed, watch);
                    format!("{} does: {again}", replayed.display())
                }
                _ => String::from("`scrape run` it first, or name its folder with --output-dir"),
            };
            let shown = dir.display();
            return Err(Ended::usage(format!("{shown} holds no run to build from: {hint}")));
        }
    }
    Ok(SqliteStore::open(&dir.join(STORE_FILE))?)
}

/// Makes the plan, with the params that the store of a directory remembers.
///
/// # Errors
/// When the spec is wrong, or the store holds what another one asked for.
pub fn compile(spec: &SpecArgs, store: &SqliteStore, dir: &Path) -> Outcome<Plan> {
    let remembered = Memory::read(|key| crate::store::Store::meta(store, key))?;
    let plan = spec.compile(remembered.as_ref().map(|m| &m.params))?;
    if let Some(remembered) = remembered {
        let now = Memory::of(&plan, remembered.source, remembered.limit);
        remembered.must_match(&now, &dir.display().to_string())?;
    }
    Ok(plan)
}
