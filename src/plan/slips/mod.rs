//! What authors write instead of a path or a template: the frequent slips, with
//! what was meant.

pub mod path;
mod slip;
pub mod template;

pub use slip::Slip;
