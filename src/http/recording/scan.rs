//! Finds the entries of a HAR file of any layout, one at a time, without holding
//! the file, and as far as it goes: a file may be cut anywhere.

use std::io::{self, BufRead};

/// The text before the entries may not be longer than this.
const LONGEST_HEAD: usize = 1 << 20;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// The text before the entries: `{"log":{…,"entries":[`.
    pub(crate) head: Vec<u8>,
    /// Whether the list of entries is closed.
    pub(crate) whole: bool,
}

#[derive(Default)]
struct Scanner {
    offset: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The last string at the depth of the log's keys.
    last: Vec<u8>,
    head: Option<Vec<u8>>,
    /// Where the entry at hand began, and its text so far.
    begun: Option<u64>,
    entry: Vec<u8>,
    whole: bool,
}

/// Calls `found` with the place and the text of each whole entry.
///
/// # Errors
/// Of reading, of `found`, and for a file that is no HAR.
pub(crate) fn scan(
    mut file: impl BufRead,
    mut found: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<Scanned> {
    let mut scanner = Scanner::default();
    let mut head = Vec::new();
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len();
        for &byte in chunk {
            if scanner.head.is_none() {
                head.push(byte);
                if head.len() > LONGEST_HEAD {
                    return Err(not_a_har());
                }
            }
            scanner.step(byte, &mut head, &mut found)?;
        }
        file.consume(length);
    }
    match scanner.head {
        Some(head) => Ok(Scanned { head, whole: scanner.whole }),
        None => Err(not_a_har()),
    }
}

impl Scanner {
    /// Depth 1 is the document, 2 the log, 3 the list of entries.
    fn step(
        &mut self,
        byte: u8,
        head: &mut Vec<u8>,
        found: &mut impl FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.begun.is_some() {
            self.entry.push(byte);
        }
        let at = self.offset;
        self.offset += 1;
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ if self.depth == 2 && self.last.len() < 16 => self.last.push(byte),
                _ => {}
            }
            return Ok(());
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.depth == 2 {
                    self.last.clear();
                }
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.head.is_none() {
                    if byte == b'[' && self.depth == 3 && self.last == b"entries" {
                        self.head = Some(std::mem::take(head));
                    }
                } else if self.depth == 4 && byte == b'{' && !self.whole {
                    self.begun = Some(at);
                    self.entry.push(byte);
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                match self.begun {
                    Some(start) if self.depth == 3 => {
                        found(start, &self.entry)?;
                        self.begun = None;
                        self.entry.clear();
                    }
                    None if self.head.is_some() && self.depth == 2 && byte == b']' => {
                        self.whole = true;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn not_a_har() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no HAR file: there is no list of entries")
}
