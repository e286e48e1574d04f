//! Faults on demand: what can go wrong, when, and how a record is spoilt.

mod kind;
mod plan;
mod poison;

pub use kind::Fault;
pub(crate) use plan::FaultPlan;
pub use plan::{FaultConfig, Script};
pub(crate) use poison::spoil;
