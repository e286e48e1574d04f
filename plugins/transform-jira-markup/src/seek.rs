//! A forward search that never looks at a byte twice.

/// Finds the next match of a pattern on the same line, and remembers the answer
/// (also that there is none), so that thousands of openers without a closer
/// cost one scan of their line.
#[derive(Debug, Default)]
pub(crate) struct Seek {
    /// The answer holds for starts in `from..=until`.
    from: usize,
    until: usize,
    found: Option<usize>,
    used: bool,
}

impl Seek {
    /// The first position at or after `at`, before the line's end, where `hit`
    /// says yes. Calls must come with the same `bytes` and `hit`.
    pub(crate) fn next(
        &mut self,
        bytes: &[u8],
        at: usize,
        hit: impl Fn(&[u8], usize) -> bool,
    ) -> Option<usize> {
        if self.used && (self.from..=self.until).contains(&at) {
            return self.found;
        }
        let mut i = at;
        while i < bytes.len() && bytes[i] != b'\n' && !hit(bytes, i) {
            i += 1;
        }
        let found = (i < bytes.len() && bytes[i] != b'\n').then_some(i);
        *self = Self { from: at, until: i, found, used: true };
        found
    }
}
