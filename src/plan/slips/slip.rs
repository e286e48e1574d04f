//! One slip.

use std::ops::Range;

/// What is wrong with a text: where in it, one sentence, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The cause, one sentence.
    pub message: String,
    /// What was probably meant, to be pasted where possible.
    pub hint: Option<String>,
}

impl Slip {
    /// A slip at a part of a text.
    pub fn new(at: Range<usize>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { start: at.start, end: at.end.max(at.start), message: message.into(), hint }
    }
}
