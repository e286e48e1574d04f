//! What a build leaves for the next one in the same process: the records as they
//! were mapped, on disk, and a hash of what was made of each. Where only templates
//! have changed, the next one begins with those records, and leaves the outputs of
//! raw records as they are.

mod batch;
mod blocks;
mod changes;
mod examples;
mod keeper;
mod leaf;
mod prints;

pub(super) use batch::{Growing, Packed};
pub(super) use blocks::Blocks;
pub use changes::Changes;
pub(super) use examples::{Examples, TaskLeaf};
pub use keeper::Kept;
pub(super) use keeper::{Keeper, Taken};
pub(super) use leaf::{Known, Leaf, Mapped};
pub(super) use prints::{has_own_rows, no_prints, print};
