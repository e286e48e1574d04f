//! JSON as text: walking over valid JSON without parsing it, and writing strings.

mod scan;
mod write;

pub(crate) use scan::{elements, member, members, splice};
pub(crate) use write::{push_string, quoted};
