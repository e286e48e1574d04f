//! Evaluates the expressions and texts that templates have for each record, without
//! what minijinja's machine takes for each of them.
//!
//! What is parsed is minijinja's own syntax tree. Not all of the language is known
//! here, and nothing that is wrong is told: where something is not known, undefined, of
//! another type or too much, there is no value, and minijinja evaluates the whole from
//! the start, which has no effects. So values, messages and places are always its own.

mod apply;
mod eval;
mod got;
mod lists;
mod parse;
mod template;
mod text;
mod tree;
mod write;

pub use got::Got;
pub use lists::{call, grouped, is_in};
pub use template::Quick;
pub use text::{Files, Loader, forget_long};
