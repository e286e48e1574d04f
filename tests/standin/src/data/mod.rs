//! The issues that are served: where they come from, and what changes they undergo.

mod catalog;
mod change;
mod fields;
mod file;
mod issue;

pub(crate) use catalog::{Catalog, Entry};
pub(crate) use fields::Fields;
pub(crate) use issue::Issue;
