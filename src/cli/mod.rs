//! The command line: one file a verb, listed in `verbs.rs`.

mod args;
mod build;
mod completions;
mod explain;
mod finish;
mod held;
mod history;
mod list;
mod man;
mod memory;
mod new;
mod plan;
mod preview;
mod program;
mod room;
mod run;
mod schema;
mod signals;
mod slips;
mod spec_args;
mod status;
mod test;
mod transport;
mod validate;
mod verb;
mod verbs;
mod verify;
mod watch;
mod watched;

pub use program::main;
#[cfg(test)]
pub use program::run;
