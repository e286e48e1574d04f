//! Records and examples for authors to look at: which are shown, and how.

mod json;
mod text;
mod view;

pub use view::{Settings, View};
