//! Reads what a spec's streams are made of into the store: partitions, pages,
//! child lists, checkpoints, and the proof that nothing is missing.

mod children;
mod complete;
mod envelope;
mod look;
mod page;
mod paginate;
mod partition;
mod preflight;
mod ranges;
mod record;
mod request;
mod run;
mod split;
mod stream;
mod walk;

pub use look::{Look, Outline, outline, sample};
pub use run::{CollectOptions, CollectReport, run};
#[cfg(test)]
pub use run::{Error, PartitionReport};

#[cfg(test)]
mod tests;
