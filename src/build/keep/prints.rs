//! Hashes of what was made of a record: one for each task, then one for each sink.

use xxhash_rust::xxh3::Xxh3;

use crate::plan::{Feed, Plan, SinkPlan};

/// Of nothing.
pub const NONE: u64 = 0;

/// The hash of some examples of a task, or rows of a sink.
pub fn print<'t>(texts: impl Iterator<Item = &'t [u8]>) -> u64 {
    let mut hash = Xxh3::new();
    let mut some = false;
    for text in texts {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text);
        some = true;
    }
    if some { hash.digest().max(1) } else { NONE }
}

/// Whether the rows of a sink are more than what the server sent, or the examples of a
/// task as they are.
pub fn has_own_rows(sink: &SinkPlan) -> bool {
    match sink.feed {
        Feed::Records => true,
        Feed::Task(_) => sink.template.is_some(),
        Feed::Raw(_) | Feed::RawChildren { .. } => false,
    }
}

/// How many there are of a record.
pub fn width(plan: &Plan) -> usize {
    plan.tasks.len() + plan.sinks.len()
}

/// Those of a record that makes nothing.
pub fn no_prints(plan: &Plan) -> impl Iterator<Item = u64> {
    std::iter::repeat_n(NONE, width(plan))
}

/// As they lie on disk.
pub fn pack(prints: &[u64]) -> Vec<u8> {
    prints.iter().flat_map(|print| print.to_le_bytes()).collect()
}

/// What was packed.
pub fn unpack(bytes: &[u8]) -> Vec<u64> {
    let (whole, _) = bytes.as_chunks::<8>();
    whole.iter().map(|print| u64::from_le_bytes(*print)).collect()
}
