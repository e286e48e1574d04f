//! What an output directory holds, and how to empty it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use scrape_api::{AtomicFile, sync_folder};

use super::sqlite::APPLICATION_ID;
use super::{
    Error, Lock, LockKind, PartitionRow, PartitionState, Result, SqliteReader, UnfinishedLists,
};
use crate::kill;

/// The store's file in an output directory.
pub const STORE_FILE: &str = "store.db";

/// What SQLite keeps beside it while it is in use.
const STORE_COMPANIONS: [&str; 3] = ["store.db-wal", "store.db-shm", "store.db-journal"];

/// What an output directory holds.
#[derive(Debug)]
pub enum OutputState {
    /// Nothing, or it does not exist.
    Empty,
    /// Files, but no store: `file` is one of them.
    Foreign {
        /// Its name.
        file: String,
    },
    /// A run that has not read all that it was to read, as far as the store knows.
    Unfinished(Contents),
    /// All partitions that were begun are complete, or cut by `--limit`, and no
    /// child list is missing.
    Complete(Contents),
}

/// What the store of an output directory says.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// All partitions that were begun, by stream and id, with their number of
    /// records, gone ones left out.
    pub partitions: Vec<(PartitionRow, u64)>,
    /// Child lists that are pending or failed.
    pub lists: Vec<UnfinishedLists>,
    /// Files of builds, relative, and whether the last build of each was finished.
    pub outputs: Vec<(String, bool)>,
}

/// What [`OutputState::clear`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// How many files were removed.
    pub removed: usize,
    /// Files that the store lists outside the directory: they stay.
    pub kept: Vec<String>,
}

impl OutputState {
    /// Looks into a directory, without a lock and without changing anything.
    ///
    /// # Errors
    /// When the directory or its store cannot be read; a store that is damaged
    /// or another program's is [`Error::Corrupt`].
    pub fn inspect(directory: &Path) -> Result<Self> {
        let store = directory.join(STORE_FILE);
        match mark(&store).map_err(|cause| unreadable(&store, &cause))? {
            Mark::Absent => {
                return Ok(match other_file(directory)? {
                    None => Self::Empty,
                    Some(file) => Self::Foreign { file },
                });
            }
            // Killed before the first byte of a store.
            Mark::Empty => return Ok(Self::Unfinished(Contents::default())),
            Mark::Store | Mark::Other => {}
        }
        let reader = match SqliteReader::open(&store) {
            Ok(reader) => reader,
            // Killed before its tables were made; or to be migrated: `open` does both.
            Err(Error::Unusable { .. }) if is_unmade(&store) => {
                return Ok(Self::Unfinished(Contents::default()));
            }
            Err(error) => return Err(error),
        };
        let contents = Contents::of(&reader)?;
        Ok(if contents.is_complete() {
            Self::Complete(contents)
        } else {
            Self::Unfinished(contents)
        })
    }

    /// Removes what runs have left in a directory: the files that its store lists,
    /// the store, and folders that are empty then. All else stays, and so do the
    /// lock files, which the caller holds: `locks` has to hold one of each kind.
    ///
    /// The store goes last, so that a cut leaves a directory that can be cleared.
    /// A store that is damaged goes alone: what it listed can no longer be known.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the directory has files but no store of scrape in
    /// it, when a lock is missing, or when a file cannot be removed.
    pub fn clear(directory: &Path, locks: [&Lock; 2]) -> Result<Cleared> {
        let refuse =
            |cause: String| Error::Unusable { path: directory.display().to_string(), cause };
        if LockKind::ALL.iter().any(|kind| locks.iter().all(|lock| lock.kind() != *kind)) {
            return Err(refuse("cannot be cleared without both of its locks".to_owned()));
        }
        let store = directory.join(STORE_FILE);
        let listed = match mark(&store).map_err(|cause| unreadable(&store, &cause))? {
            Mark::Absent => match other_file(directory)? {
                None => return Ok(Cleared::default()),
                Some(file) => {
                    return Err(refuse(format!(
                        "is not an output of scrape (it holds {file} and no {STORE_FILE}), so \
                         --fresh removes nothing: name another folder with --output-dir"
                    )));
                }
            },
            Mark::Other => {
                return Err(refuse(format!(
                    "is not an output of scrape (its {STORE_FILE} is another program's), so \
                     --fresh removes nothing: name another folder with --output-dir"
                )));
            }
            Mark::Empty => Vec::new(),
            Mark::Store => match SqliteReader::open(&store).and_then(|reader| reader.outputs()) {
                Ok(outputs) => outputs.into_iter().map(|(file, _)| file).collect(),
                Err(Error::Corrupt { .. }) => Vec::new(),
                Err(Error::Unusable { .. }) if is_unmade(&store) => Vec::new(),
                Err(error) => return Err(error),
            },
        };
        remove(directory, listed)
    }
}

impl Contents {
    fn of(reader: &SqliteReader) -> Result<Self> {
        use super::Reader;
        let lists = reader.unfinished_lists()?;
        let partitions = reader
            .all_partitions()?
            .into_iter()
            .map(|row| {
                let records = reader.count_records(&row.stream, &row.partition)?;
                Ok((row, records))
            })
            .collect::<Result<_>>()?;
        Ok(Self { partitions, lists, outputs: reader.outputs()? })
    }

    fn is_complete(&self) -> bool {
        self.lists.is_empty()
            && !self.partitions.is_empty()
            && self.partitions.iter().all(|(row, _)| {
                matches!(row.state, PartitionState::Complete | PartitionState::Limited)
            })
    }
}

/// What the first bytes of a file say.
enum Mark {
    Absent,
    Empty,
    Store,
    Other,
}

/// Reads the marks of an SQLite file: the magic at 0, the application id at 68.
fn mark(path: &Path) -> std::io::Result<Mark> {
    let mut head = Vec::new();
    match fs::File::open(path) {
        Ok(file) => file.take(72).read_to_end(&mut head)?,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Mark::Absent),
        Err(cause) => return Err(cause),
    };
    Ok(match head.get(68..72) {
        Some(id)
            if head.starts_with(b"SQLite format 3\0") && id == APPLICATION_ID.to_be_bytes() =>
        {
            Mark::Store
        }
        _ if head.is_empty() => Mark::Empty,
        _ => Mark::Other,
    })
}

/// Whether a store has no tables yet: its format version, at 60, is 0, or it has no
/// byte at all, as when opening it took back a first write that was cut.
fn is_unmade(path: &Path) -> bool {
    let mut head = Vec::new();
    fs::File::open(path).and_then(|file| file.take(64).read_to_end(&mut head)).is_ok()
        && (head.is_empty() || head.get(60..64) == Some(&[0; 4]))
}

/// The name of a file or folder that is no lock.
fn other_file(directory: &Path) -> Result<Option<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(unreadable(directory, &cause)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(|cause| unreadable(directory, &cause))?;
        names.insert(entry.file_name().to_string_lossy().into_owned());
    }
    let locks = LockKind::ALL.map(LockKind::file_name);
    Ok(names.into_iter().find(|name| !locks.contains(&name.as_str())))
}

fn remove(directory: &Path, listed: Vec<String>) -> Result<Cleared> {
    let mut cleared = Cleared::default();
    let mut folders = BTreeSet::new();
    for file in listed {
        let Some(path) = inside(directory, &file) else {
            cleared.kept.push(file);
            continue;
        };
        cleared.removed += usize::from(remove_file(&path)?);
        // What a build left that was cut.
        remove_file(&AtomicFile::temporary(&path))?;
        kill::point("earlier output removed");
        folders
            .extend(path.ancestors().skip(1).take_while(|f| *f != directory).map(Path::to_owned));
    }
    // The deepest first. One that still holds something stays.
    for folder in folders.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            // Nobody would know of files that a power cut brings back.
            let _ = sync_folder(folder);
        }
    }
    sync_folder(directory).map_err(|cause| unreadable(directory, &cause))?;
    for companion in STORE_COMPANIONS {
        remove_file(&directory.join(companion))?;
    }
    kill::point("earlier outputs removed");
    cleared.removed += usize::from(remove_file(&directory.join(STORE_FILE))?);
    kill::point("earlier store removed");
    Ok(cleared)
}

/// The path of a listed file, unless it is absolute, goes up, or goes through a
/// link that leads out of the directory.
fn inside(directory: &Path, file: &str) -> Option<PathBuf> {
    let relative = Path::new(file);
    if file.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let path = directory.join(relative);
    let within = match (directory.canonicalize(), path.parent()?.canonicalize()) {
        (Ok(directory), Ok(folder)) => folder.starts_with(directory),
        // Without its folder there is no file either.
        _ => true,
    };
    within.then_some(path)
}

/// Whether there was such a file.
fn remove_file(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(cause) => Err(Error::Unusable {
            path: path.display().to_string(),
            cause: format!("cannot be removed ({cause})"),
        }),
    }
}

fn unreadable(path: &Path, cause: &std::io::Error) -> Error {
    Error::Unusable {
        path: path.display().to_string(),
        cause: format!(
            "cannot be read ({cause}): check who owns it, or name another with --output-dir"
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
