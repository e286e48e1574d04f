//! Transform plugin `normalize_text`: one kind of line end, one kind of space, nothing invisible.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod chars;
mod lines;
mod normalize;
mod options;
mod plugin;

pub use normalize::normalize;
pub use options::Options;
pub use plugin::NormalizeText;
