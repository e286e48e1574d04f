//! Builds as a whole: over a store, to files.
#![allow(clippy::print_stdout)]

mod again;
mod harness;
mod mapping;
mod outputs;
mod projecting;

mod templates;
