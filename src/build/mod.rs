//! From stored records to outputs: map, transforms, tasks, sinks.
//!
//! A build is a pure function of the store, the spec and the templates. It needs
//! no network and never writes to what was collected.

mod allowance;
mod convert;
mod counts;
mod delta;
mod failures;
mod feeder;
mod fill;
mod keep;
mod leak;
mod map;
mod mapper;
mod minify;
mod outlets;
mod projection;
mod rejected;
mod rows;
mod run;
mod show;
pub mod stages;
mod tasks;
#[cfg(test)]
mod tests;
mod transform;
mod warnings;
mod worker;

pub use counts::{BuildCounts, BuildReport, BuiltFile, StreamCounts, TaskCounts};
pub use failures::{Blame, Failure};
pub use keep::{Changes, Kept};
pub use rejected::REJECTED_FILE;
pub use run::{BuildOptions, Error, rebuild, run};
pub use show::{Attempt, Fate, LeakShown, Show, show};
