//! Hashes of what was made of a record: one for each task, then one for each sink.

use xxhash_rust::xxh3::Xxh3;

use crate::plan::Plan;

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
