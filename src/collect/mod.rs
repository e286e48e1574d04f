//! Reads what a spec's streams are made of into the store: partitions, pages,
//! child lists, checkpoints, and the proof that nothing is missing.

mod children;
mod complete;
mod envelope;
mod findings;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod look;
mod needs;
mod page;
mod paginate;
mod partition;
mod preflight;
mod ranges;
mod record;
mod request;
mod run;
mod split;
pub mod stages;
mod stream;
mod verify;
mod walk;

pub use findings::Finding;
pub use look::{Look, Outline, outline, sample};
#[cfg(test)]
pub use run::PartitionReport;
pub use run::{CollectOptions, CollectReport, Error, run};
pub use verify::{Gap, PartitionCheck, Verified, VerifyOptions, verify};

#[cfg(test)]
mod tests;
