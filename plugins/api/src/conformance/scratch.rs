//! Folders that go when a check is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty folder below the system's folder for temporary files.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// # Panics
    /// When none can be made.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let parent = std::env::temp_dir();
        for _ in 0..1000 {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("scrape-conformance-{}-{number}", std::process::id()));
            // Never one that is there already.
            if fs::create_dir(&path).is_ok() {
                return Self(path);
            }
        }
        panic!("no folder can be made in {}: the suite needs some", parent.display());
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
