//! Whether files are still what was read of them.
//!
//! They are few and small, so they are simply read again, ten times a second: that
//! works on network drives, in containers, and for editors that put a new file in the
//! place of the old one, where notices of a kernel do not come, or come for a file
//! that is no more; and no clock of a file system is too coarse for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::spec::text_hash;

/// Files, with a hash of what was read of each; none where there was no file.
#[derive(Debug, Default)]
pub struct Watched {
    files: BTreeMap<PathBuf, Option<u64>>,
    /// The names of all files in the folders of these.
    names: BTreeSet<PathBuf>,
}

/// What all files hold at one time.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    files: BTreeMap<PathBuf, Option<u64>>,
    names: BTreeSet<PathBuf>,
}

impl Watched {
    /// Watches these files, and no others.
    pub fn set(&mut self, files: BTreeMap<PathBuf, Option<u64>>) {
        self.files = files;
        self.names = names(&self.files);
    }

    /// Watches these files as well.
    pub fn add(&mut self, files: BTreeMap<PathBuf, Option<u64>>) {
        self.files.extend(files);
        self.names = names(&self.files);
    }

    /// What was there at a look counts as read.
    pub fn accept(&mut self, look: Look) {
        (self.files, self.names) = (look.files, look.names);
    }

    /// How many files are watched.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Looks at all of them.
    pub fn look(&self) -> Look {
        let files = self.files.keys().map(|file| (file.clone(), hash(file))).collect();
        Look { files, names: names(&self.files) }
    }

    /// The files that are not what was read of them. With `names`, if there are none,
    /// files beside them that came or went: one that is missing may be there now.
    pub fn changed(&self, look: &Look, names: bool) -> Vec<PathBuf> {
        let files = look.files.iter().filter(|(file, hash)| self.files.get(*file) != Some(hash));
        let files: Vec<_> = files.map(|(file, _)| file.clone()).collect();
        if !names || !files.is_empty() {
            return files;
        }
        look.names.symmetric_difference(&self.names).cloned().collect()
    }

    /// Whether a file that was there is not there: an editor may be about to put a
    /// new one in its place.
    pub fn lacks_some(&self, look: &Look) -> bool {
        look.files
            .iter()
            .any(|(file, hash)| hash.is_none() && self.files.get(file).is_some_and(Option::is_some))
    }
}

fn hash(file: &Path) -> Option<u64> {
    std::fs::read(file).ok().map(|bytes| text_hash(&bytes))
}

fn names(files: &BTreeMap<PathBuf, Option<u64>>) -> BTreeSet<PathBuf> {
    let folders: BTreeSet<&Path> = files
        .keys()
        .filter_map(|file| file.parent())
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .collect();
    let entries = folders.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_told_as_long_as_it_is_not_what_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "\u{feff}one").unwrap();
        let mut watched = Watched::default();
        watched.set(BTreeMap::from([(a.clone(), Some(text_hash(b"one")))]));
        watched.add(BTreeMap::from([(b.clone(), None)]));
        let changed = |names| watched.changed(&watched.look(), names);
        assert_eq!(changed(true), Vec::<PathBuf>::new());
        // Written by way of another file, as editors do.
        fs::write(dir.path().join("a~"), "two").unwrap();
        fs::rename(dir.path().join("a~"), &a).unwrap();
        assert_eq!(changed(false), std::slice::from_ref(&a));
        fs::remove_file(&a).unwrap();
        assert_eq!(changed(false), std::slice::from_ref(&a));
        assert!(watched.lacks_some(&watched.look()));
        fs::write(&a, "one").unwrap();
        assert_eq!(changed(true), Vec::<PathBuf>::new());
        let beside = dir.path().join("c");
        fs::write(&beside, "").unwrap();
        assert_eq!(changed(false), Vec::<PathBuf>::new());
        assert_eq!(changed(true), [beside]);
        fs::write(&b, "new").unwrap();
        assert_eq!(changed(true), [b]);
        let look = watched.look();
        watched.accept(look);
        assert_eq!(watched.changed(&watched.look(), true), Vec::<PathBuf>::new());
    }
}
