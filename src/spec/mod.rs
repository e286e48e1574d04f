//! What a YAML file may say: nodes with places, types, loading, checks.

mod diagnostic;
mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use source::{Source, Sources, Span};
