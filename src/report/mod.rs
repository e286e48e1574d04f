//! What a user reads: diagnostics, stats, the summary, exit codes.

pub mod diagnostics;
mod exit;
pub mod failures;
mod stats;
mod summary;

pub use exit::{Ended, Exit, Outcome};
pub use stats::{STATS_FILE, Stats};
pub use summary::summary;
