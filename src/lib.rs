//! A declarative scraping framework that turns issue trackers into training data.
//!
//! A YAML spec says where the data is and how to read it, templates say what a
//! training example looks like, plugins say how it is fetched, cleaned and where
//! it goes. [`main`] is the whole program; a binary of its own adds plugins by
//! naming their crates.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod build;
mod cli;
mod collect;
mod forecast;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod kill;
mod observe;
mod plan;
mod plugins;
mod preview;
mod report;
mod spec;
#[doc(hidden)]
pub mod stages;
mod store;
mod trial;

pub use cli::main;
