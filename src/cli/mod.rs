//! The command line: one file a verb, listed in `verbs.rs`.

mod args;
mod build;
mod completions;
mod finish;
mod list;
mod man;
mod memory;
mod program;
mod run;
mod schema;
mod signals;
mod spec_args;
mod status;
mod transport;
mod validate;
mod verb;
mod verbs;

pub use program::main;
#[cfg(test)]
pub use program::run;
