//! A small but real JQL: enough of the language for reading an issue tracker,
//! with Jira's own error messages.

mod ast;
mod lexer;
mod parser;
mod select;

pub(crate) use ast::Query;
pub(crate) use parser::parse;
pub(crate) use select::{Rules, select};
