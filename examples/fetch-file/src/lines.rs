//! A file in JSON Lines, as pages.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::Trouble;

/// Where the lines of a file are: eight bytes of memory for each.
pub(crate) struct Lines {
    /// Where each begins, and after them where the last ends. Empty lines are none.
    starts: Vec<u64>,
}

impl Lines {
    /// Reads a file through, once.
    pub(crate) fn of(path: &Path) -> Result<Self, Trouble> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut starts, mut at, mut line) = (Vec::new(), 0, Vec::new());
        loop {
            line.clear();
            let read = file.read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                starts.push(at);
            }
            at += read;
        }
        starts.push(at);
        Ok(Self { starts })
    }

    /// `limit` lines from the one at `offset` on, fewer at the end.
    pub(crate) fn page(
        &self,
        path: &Path,
        offset: usize,
        limit: Option<usize>,
        max_body: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let total = self.starts.len() - 1;
        let first = offset.min(total);
        let end = limit.map_or(total, |limit| first.saturating_add(limit).min(total));
        let length = self.starts[end] - self.starts[first];
        let mut body = format!("{{\"total\":{total},\"offset\":{first},\"items\":[").into_bytes();
        // The commas take the place of line ends.
        if length + body.len() as u64 + 2 > max_body {
            return Err(Trouble::TooLarge);
        }
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.starts[first]))?;
        let mut page = BufReader::new(file.take(length));
        let (mut line, mut some) = (Vec::new(), false);
        while page.read_until(b'\n', &mut line)? > 0 {
            let item = line.trim_ascii();
            if !item.is_empty() {
                if some {
                    body.push(b',');
                }
                body.extend_from_slice(item);
                some = true;
            }
            line.clear();
        }
        body.extend_from_slice(b"]}");
        Ok(body)
    }
}
