//! What a user reads: diagnostics, stats, the summary, exit codes.

pub mod diagnostics;
mod exit;

pub use exit::{Ended, Exit, Outcome};
