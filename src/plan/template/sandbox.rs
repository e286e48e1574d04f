//! What keeps a text template within its folder, and within the stack.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use minijinja::{Error, ErrorKind};

use crate::spec::text_hash;

/// How deep texts may render one another: each level takes stack, and more than
/// this is a circle.
const DEEPEST: u32 = 10;

/// The folders in which `render` looks.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders(Arc<RwLock<BTreeSet<PathBuf>>>);

impl Folders {
    pub(super) fn add(&self, folder: &Path) {
        let mut folders = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !folders.contains(folder) {
            folders.insert(folder.to_owned());
        }
    }

    /// Whether a file that is below one of them by its name is so in truth: a
    /// symbolic link may lead out.
    pub(super) fn hold(&self, file: &Path) -> bool {
        let folders = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut above = folders.iter().filter(|folder| file.starts_with(folder));
        !file.exists() || above.any(|folder| is_below(folder, file))
    }
}

/// Whether a file is below a folder in truth; false for one that is not there.
pub fn is_below(folder: &Path, file: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match (folder.canonicalize(), file.canonicalize()) {
        (Ok(folder), Ok(file)) => file.starts_with(folder),
        _ => false,
    }
}

/// The files that texts were read from, with a hash of each; none where there was no
/// file.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<RwLock<BTreeMap<PathBuf, Option<u64>>>>);

impl Asked {
    pub(super) fn note(&self, file: &Path, text: Option<&str>) {
        let hash = text.map(|text| text_hash(text.as_bytes()));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), hash);
    }

    pub(super) fn all(&self) -> BTreeMap<PathBuf, Option<u64>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts how deep texts render one another on this thread.
pub struct Level;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

impl Level {
    /// # Errors
    /// Where it is too deep.
    pub fn enter(name: &str) -> Result<Self, Error> {
        let depth = DEPTH.get();
        if depth >= DEEPEST {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "{name}: texts render one another more than {DEEPEST} deep; does one lead \
                     back to itself?"
                ),
            ));
        }
        DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
