//! A stand-in for a Jira Data Center server: synthetic issues and faults on demand.
//!
//! It speaks the part of REST v2 that reading an issue tracker takes (search with
//! JQL, comments, projects, fields, who one is), serves invented issues or those of
//! a file, and misbehaves when told to. On loopback only, for tests, benchmarks and
//! recordings, and for trying things out: `jira-standin --help`.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

// Used by the binary alone.
use clap as _;

mod action;
mod config;
mod data;
mod faults;
mod glob;
mod http;
mod jql;
mod json;
mod random;
mod server;
mod standin;
mod stats;
mod synth;
mod time;

pub use action::{Action, ActionError};
pub use config::{Auth, Config, ConfigError, Deployment, MissingKeys};
pub use faults::{Fault, FaultConfig, Script};
pub use http::Encodings;
pub use standin::Standin;
pub use stats::{RequestRecord, Stats};
