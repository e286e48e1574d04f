//! What a YAML file may say: nodes with places, types, loading, checks.

pub mod decode;
mod diagnostic;
mod forms;
pub mod lang;
mod leaf;
mod line;
mod load;
mod merge;
pub mod params;
mod parse;
mod pattern;
mod reach;
#[allow(dead_code, reason = "printed by the verb `schema`")]
pub mod schema;
pub mod section;
mod slips;
mod source;
mod suggest;
#[cfg(test)]
mod tests;
pub mod units;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use forms::quoted;
pub use load::{Loaded, load, near, read, simplify};
pub use params::{ParamDecl, ParamValues};
pub use parse::parse;
pub use pattern::compile as compile_pattern;
pub use source::{Source, Sources, Span, boundary, text_hash};
pub use suggest::{by_likeness, closest, hint as suggest_hint};
pub use yaml::{Data, Key, Scalar, Style, Yaml};
