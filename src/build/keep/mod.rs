//! What a build leaves for the next one in the same process, on disk and batch by
//! batch: the records as they were mapped, the examples of each task, and a hash of
//! what was made of each record. Where only templates have changed, the next one begins
//! with those records, renders what the edit concerns, and leaves the outputs that it
//! does not concern as they are.

mod blocks;
mod changes;
mod examples;
mod keeper;
mod kept_batch;
mod mapped;
mod prints;

pub(super) use blocks::Blocks;
pub use changes::Changes;
pub(super) use examples::{ExampleBatch, Examples};
pub use keeper::Kept;
pub(super) use keeper::{Keeper, Taken};
pub(super) use kept_batch::{Growing, Packed};
pub(super) use mapped::{Known, Mapped, MappedBatch};
pub(super) use prints::{has_own_rows, no_prints, print};
