//! Blocks of bytes on disk, one for each batch of a build, in its order.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file without a name, which is gone with the process however that ends. Only
/// where each block ends is in memory.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    ends: Vec<u64>,
}

impl Blocks {
    /// None yet, on the disk of a folder.
    ///
    /// # Errors
    /// When there can be no file.
    pub fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile_in(folder)?, ends: Vec::new() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// One more.
    ///
    /// # Errors
    /// When it cannot be written, for example on a full disk.
    pub fn push(&mut self, block: &[u8]) -> io::Result<()> {
        let end = self.start(self.len());
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(block)?;
        self.ends.push(end + block.len() as u64);
        Ok(())
    }

    /// The one of a number; empty where there is none. Not for two threads at once.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, number: usize) -> io::Result<Vec<u8>> {
        let Some(end) = self.ends.get(number) else { return Ok(Vec::new()) };
        let start = self.start(number);
        let mut block = vec![0; usize::try_from(end - start).unwrap_or_default()];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block)?;
        Ok(block)
    }

    fn start(&self, number: usize) -> u64 {
        number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_as_they_went() {
        let dir = tempfile::tempdir().unwrap();
        let mut blocks = Blocks::create(dir.path()).unwrap();
        for block in ["one", "", "three"] {
            blocks.push(block.as_bytes()).unwrap();
            assert_eq!(blocks.get(0).unwrap(), b"one");
        }
        let all: Vec<_> = (0..4).map(|n| blocks.get(n).unwrap()).collect();
        assert_eq!(all, [&b"one"[..], b"", b"three", b""]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nobody sees it");
    }
}
