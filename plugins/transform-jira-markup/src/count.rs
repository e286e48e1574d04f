//! Lists that people number by hand.

use std::cell::Cell;

use memchr::memchr_iter;

use crate::escape::number;

/// Tells numbers that count from numbers that happen to stand at the start of a
/// line. Those that count 1, 2, 3 … through the text, whatever stands between,
/// may become a Markdown list, as it shows the same numbers; a year, a version
/// or a lone `1.` must not.
#[derive(Debug)]
pub(crate) struct Count {
    /// Start of the last line that begins with `2.`
    last_two: usize,
    expected: Cell<u32>,
}

impl Count {
    pub(crate) fn new(text: &str) -> Self {
        let mut at = 0;
        let mut last_two = 0;
        let bytes = text.as_bytes();
        if !memchr_iter(b'2', bytes).any(|at| matches!(bytes[at + 1..], [b'.' | b')', b' ', ..])) {
            return Self { last_two, expected: Cell::new(0) };
        }
        for line in text.split('\n') {
            let start = line.trim_start();
            if number(start).is_some_and(|dot| &start[..dot] == "2" && start[2..].starts_with(' '))
            {
                last_two = at;
            }
            at += line.len() + 1;
        }
        Self { last_two, expected: Cell::new(0) }
    }

    /// Takes the number at the start of a line of a paragraph that begins at
    /// `at`; says whether it counts. To be asked in the order of the text.
    pub(crate) fn next(&self, n: u32, at: usize) -> bool {
        let counts = if n == 1 { at < self.last_two } else { n == self.expected.get() };
        if counts {
            self.expected.set(n + 1);
        }
        counts
    }
}
