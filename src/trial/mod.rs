//! Tests of a spec: what it makes of a recording, against what is expected.

mod case;
mod compare;
mod file;

pub use case::{Connect, Verdict, run};
pub use file::{is_test_file, load, sidecar};
