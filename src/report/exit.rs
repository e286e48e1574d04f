//! Exit codes, and errors that carry one.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Complete = 0,
    /// It failed.
    Failed = 1,
    /// The spec or the command line is wrong; nothing was done.
    Usage = 2,
    /// It finished, but something is missing, and the summary says what.
    Incomplete = 3,
    /// It was interrupted and can go on with `--resume`.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb ends early: a sentence for people, already told where it was long,
/// and the exit code that goes with it.
#[derive(Debug)]
pub struct Ended {
    /// The code.
    pub exit: Exit,
    /// What is still to be said; empty when everything was.
    pub message: String,
}

impl Ended {
    /// The command line or the spec is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// Everything was said already.
    pub fn told(exit: Exit) -> Self {
        Self { exit, message: String::new() }
    }
}

/// What the store says is already for people.
impl From<crate::store::Error> for Ended {
    fn from(error: crate::store::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// The result of a verb.
pub type Outcome<T = Exit> = Result<T, Ended>;
