//! What a user reads: diagnostics, stats, the summary, exit codes.

pub mod diagnostics;
mod difference;
mod exit;
pub mod failures;
pub mod outline;
mod parts;
mod rebuilt;
mod stats;
mod status;
mod summary;
mod table;

pub use exit::{Ended, Exit, Outcome};
pub use parts::{FileLine, PartitionLine};
pub use rebuilt::Rebuilt;
pub use stats::{PartitionStats, STATS_FILE, Stats};
pub use status::{Next, OutputStatus, PartitionStatus, RejectStatus, RunStatus, Status};
pub use summary::summary;
