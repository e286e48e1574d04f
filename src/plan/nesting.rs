//! The brackets of a JSON text that are open.

/// The brackets that are open: a bit for each, set for an object.
#[derive(Default)]
pub(super) struct Nesting {
    depth: usize,
    /// The innermost 64 at most.
    top: u64,
    below: Vec<u64>,
}

impl Nesting {
    /// How many there are.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// One more.
    pub(super) fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    /// The innermost, if there is one.
    pub(super) fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.top & 1 == 1)
    }

    /// The innermost, which is closed.
    pub(super) fn pop(&mut self) -> Option<bool> {
        let object = self.top()?;
        self.top >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(64)
            && let Some(below) = self.below.pop()
        {
            self.top = below;
        }
        Some(object)
    }
}
