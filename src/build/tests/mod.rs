//! Builds as a whole: over a store, to files.

mod harness;
mod mapping;
mod outputs;
mod projecting;

mod templates;
mod throughput;
