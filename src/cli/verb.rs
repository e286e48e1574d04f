//! What a verb is.

use clap::{ArgMatches, Command};

use super::spec_args::SpecArgs;
use crate::report::Outcome;

/// A verb of the program. Each file of a verb holds one, and `verbs.rs` lists them.
pub struct Verb {
    /// Its command line, whole: name, summary, flags, and an example.
    pub command: fn() -> Command,
    /// What it does.
    pub run: Run,
}

/// How a verb takes its arguments.
pub enum Run {
    /// As they are.
    Plain(fn(&ArgMatches) -> Outcome),
    /// With a spec as the first, whose params are flags as well. Its command has
    /// to come from [`with_spec`](super::args::with_spec).
    Spec(fn(&SpecArgs) -> Outcome),
}
