//! `scrape build`: the outputs again, from the store alone.

use std::sync::Arc;

use clap::Command;

use super::args::{ran_into, with_spec, with_voice};
use super::finish::{self, End};
use super::memory::Memory;
use super::run::build_into;
use super::spec_args::SpecArgs;
use super::verb::{Run, Verb};
use crate::observe::Observer;
use crate::report::{Ended, Outcome};
use crate::store::{OutputState, STORE_FILE, SqliteStore};

/// The verb.
pub const VERB: Verb = Verb { command, run: Run::Spec(run) };

fn command() -> Command {
    with_voice(with_spec(Command::new("build")).arg(ran_into()))
        .about("Make the outputs again from what was collected, without network")
        .after_help("Example:\n  scrape build specs/apache-jira.yaml -o output")
}

/// Runs the verb.
fn run(spec: &SpecArgs) -> Outcome {
    let observer = Arc::new(Observer::new(spec.voice()));
    let dir = spec.output_dir(false);
    let shown = dir.display().to_string();
    match OutputState::inspect(&dir)? {
        OutputState::Unfinished(_) | OutputState::Complete(_) => {}
        OutputState::Empty | OutputState::Foreign { .. } => {
            let replayed = spec.output_dir(true);
            let hint = match OutputState::inspect(&replayed) {
                // What a replay made is not where this verb looks by itself.
                Ok(OutputState::Unfinished(_) | OutputState::Complete(_)) => {
                    let again = spec.other("build", &replayed, "");
                    format!("{} does: {again}", replayed.display())
                }
                _ => String::from("`scrape run` it first, or name its folder with --output-dir"),
            };
            return Err(Ended::usage(format!("{shown} holds no run to build from: {hint}")));
        }
    }
    let mut store = SqliteStore::open(&dir.join(STORE_FILE))?;
    let remembered = Memory::read(|key| crate::store::Store::meta(&store, key))?;
    let plan = spec.compile(remembered.as_ref().map(|m| &m.params))?;
    if let Some(remembered) = remembered {
        let now = Memory::of(&plan, remembered.source, remembered.limit);
        remembered.must_match(&now, &shown)?;
    }
    let built = build_into(&plan, &mut store, &dir, &observer)?;
    let again = spec.again(&dir, "--resume");
    finish::finish(&plan, &mut store, &dir, &built, &observer, End::Done, &again)
}
