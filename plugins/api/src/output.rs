//! The output directory as a sink sees it, and files that are replaced whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// The directory that a run writes to. Paths given to it stay inside it.
#[derive(Debug, Clone)]
pub struct OutputDir {
    root: PathBuf,
}

impl OutputDir {
    /// A handle on a directory that exists or will be made.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a path, as a spec gives it, stays inside an output directory.
    ///
    /// # Errors
    /// For an absolute path, one with `..`, or one that names no file.
    pub fn check(relative: &str) -> Result<()> {
        let path = Path::new(relative);
        if relative.is_empty() || relative.ends_with('/') {
            return Err(Error::msg(format!("the path {relative:?} names no file")));
        }
        if path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Ok(());
        }
        Err(Error::msg(format!(
            "the path {relative:?} leaves the output directory; use a relative path without `..`"
        )))
    }

    /// Where a file of the output goes.
    ///
    /// # Errors
    /// As [`OutputDir::check`], and where a symbolic link leads out of the
    /// directory.
    pub fn file(&self, relative: &str) -> Result<PathBuf> {
        Self::check(relative)?;
        let mut path = self.root.clone();
        for part in Path::new(relative).components() {
            path.push(part);
            let is_link = fs::symlink_metadata(&path).is_ok_and(|m| m.file_type().is_symlink());
            if is_link && !self.holds(&path) {
                return Err(Error::msg(format!(
                    "{} is a symbolic link that leaves the output directory: remove it",
                    path.display()
                )));
            }
        }
        Ok(path)
    }

    /// Whether what a link leads to is inside; one that leads nowhere is not.
    fn holds(&self, link: &Path) -> bool {
        match (self.root.canonicalize(), link.canonicalize()) {
            (Ok(root), Ok(target)) => target.starts_with(root),
            _ => false,
        }
    }
}

/// A file that is written beside its place and put there at once.
///
/// Until [`AtomicFile::commit`] readers see the former file, or none. A file
/// that is dropped without `commit` is removed.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Creates the temporary file, and the folders above it.
    ///
    /// # Errors
    /// When a folder or the file cannot be made.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self> {
        let target = target.into();
        let what = |p: &Path| format!("create {}", p.display());
        if let Some(parent) = target.parent() {
            make_folder(parent).map_err(Error::io(what(parent)))?;
        }
        let temporary = Self::temporary(&target);
        // What an earlier process left there, or a link that somebody put there, is
        // not written through.
        let _ = fs::remove_file(&temporary);
        let file = File::create_new(&temporary).map_err(Error::io(what(&target)))?;
        Ok(Self { target, temporary, file: Some(BufWriter::with_capacity(1 << 17, file)) })
    }

    /// The file beside `target` that is written before it takes its place. A kill
    /// leaves it there; the next one to be created replaces it.
    pub fn temporary(target: &Path) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".tmp");
        target.with_file_name(name)
    }

    /// Flushes and syncs what was written, without making it visible.
    ///
    /// # Errors
    /// When it cannot be made durable, for example on a full disk.
    pub fn finish(&mut self) -> Result<()> {
        let what = format!("write {}", self.target.display());
        if let Some(file) = self.file.take() {
            let file = file.into_inner().map_err(|e| Error::io(what.clone())(e.into_error()))?;
            file.sync_all().map_err(Error::io(what))?;
        }
        Ok(())
    }

    /// Puts the file in its place and syncs the folder that names it.
    ///
    /// # Errors
    /// When the rename fails; the former file is then untouched.
    pub fn commit(mut self) -> Result<()> {
        self.finish()?;
        let what = format!("replace {}", self.target.display());
        fs::rename(&self.temporary, &self.target).map_err(Error::io(what.clone()))?;
        if let Some(parent) = self.target.parent() {
            sync_folder(parent).map_err(Error::io(what))?;
        }
        Ok(())
    }
}

/// Makes a folder and those above it, as far as they are not there, so that they
/// outlive a power cut: each is synced in the folder that names it.
///
/// # Errors
/// When one cannot be made or synced.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    make_folder(parent)?;
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => return Err(e),
        _ => {}
    }
    sync_folder(parent)
}

/// Makes what was created, renamed and removed in a folder outlive a power cut.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix opens folders; elsewhere the file system's own log has to do.
    if cfg!(not(unix)) {
        return Ok(());
    }
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(buf),
            None => Err(io::Error::other("written to after it was finished")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        self.file = None;
        // After a commit there is nothing under this name any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn no_path_and_no_link_leads_out_of_the_directory() {
        let root = std::env::temp_dir().join(format!("scrape-output-{}", std::process::id()));
        let (inside, outside) = (root.join("inside"), root.join("outside"));
        fs::create_dir_all(inside.join("real")).expect("a folder");
        fs::create_dir_all(&outside).expect("a folder");
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, inside.join(name)).expect("a link");
        };
        link(&outside, "out");
        link(&inside.join("real"), "in");
        link(&outside.join("nothing"), "dangling.jsonl");
        let dir = OutputDir::new(&inside);
        for bad in
            ["../x", "/etc/x", "a/../../x", "out/x.jsonl", "out", "dangling.jsonl", "in/../out/x"]
        {
            assert!(dir.file(bad).is_err(), "{bad}");
        }
        for good in ["x.jsonl", "a/b/x.jsonl", "in/x.jsonl"] {
            assert_eq!(dir.file(good).expect(good), inside.join(good));
        }
        // A temporary name that is a link is replaced, not followed.
        link(&outside.join("victim"), ".x.jsonl.tmp");
        let mut file = AtomicFile::create(inside.join("x.jsonl")).expect("made");
        file.write_all(b"1").expect("written");
        file.commit().expect("committed");
        assert!(!outside.join("victim").exists() && inside.join("x.jsonl").exists());
        fs::remove_dir_all(&root).expect("removed");
    }
}
