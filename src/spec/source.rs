//! Files that a spec is made of, and places in them.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// A hash of what a text file holds; a byte order mark does not count.
pub fn text_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// A place in one of the files of a spec: byte offsets into its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which file, as an index into [`Sources`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A part of this place: `start..end` counted from its first byte.
    #[must_use]
    pub fn part(self, start: usize, end: usize) -> Self {
        let clamp = |n: usize| (self.start + u32::try_from(n).unwrap_or(u32::MAX)).min(self.end);
        Self { file: self.file, start: clamp(start), end: clamp(end).max(clamp(start)) }
    }
}

/// An offset into a text, moved back to where a character begins.
pub fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The text of one file.
#[derive(Debug, Clone)]
pub struct Source {
    /// As it is shown in messages: the way the user named it.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// The texts of a spec and of all files that it names, in the order they were
/// read; the spec itself is the first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its number.
    pub fn add(&mut self, path: PathBuf, text: String) -> u32 {
        self.files.push(Source { path, text });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// All files, the spec itself first.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// The file of a number.
    pub fn get(&self, file: u32) -> Option<&Source> {
        self.files.get(file as usize)
    }

    /// The folder of a file, which paths in it are relative to; empty for one
    /// in the current folder.
    pub fn folder(&self, file: u32) -> &Path {
        self.get(file).and_then(|s| s.path.parent()).unwrap_or(Path::new(""))
    }

    /// The number of a file by its path.
    pub fn find(&self, path: &Path) -> Option<u32> {
        let at = self.files.iter().position(|s| s.path == path)?;
        u32::try_from(at).ok()
    }

    /// The number of a file by its path; adds the file if it is not there yet.
    pub fn find_or_add(&mut self, path: &Path, text: &str) -> u32 {
        self.find(path).unwrap_or_else(|| self.add(path.to_owned(), text.to_owned()))
    }

    /// Path, line and column (both from 1; columns count characters) of the
    /// first byte of a place.
    pub fn locate(&self, span: Span) -> Option<(&Path, usize, usize)> {
        let source = self.get(span.file)?;
        let before = &source.text[..boundary(&source.text, span.start as usize)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.matches('\n').count() + 1;
        Some((&source.path, line, before[line_start..].chars().count() + 1))
    }

    /// `file:line:column`, for a message of one line.
    pub fn display(&self, span: Span) -> String {
        match self.locate(span) {
            Some((path, line, column)) => format!("{}:{line}:{column}", path.display()),
            None => String::from("<unknown>"),
        }
    }
}
