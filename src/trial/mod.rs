//! Tests of a spec: what it makes of a recording, against what is expected.

mod case;
mod compare;
mod crash;
mod file;

pub use case::{Verdict, run};
pub use crash::{Crashed, Line, Steps, crash, live};
pub use file::{is_test_file, load, sidecar};
