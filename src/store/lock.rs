//! Locks of an output directory, one for each kind of work; a process that is
//! killed loses them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use super::{Error, Result};

/// A lock outlives its holder by an instant: until the kernel has ended a killed
/// process, or until a process that the holder has just forked runs its program.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// What a process does in an output directory. One process of each kind at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Writes records.
    Collect,
    /// Writes outputs.
    Build,
}

impl LockKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Collect, Self::Build];

    /// The lock's file, in the output directory. It stays there when nobody holds
    /// the lock: removing it would let two processes lock two files of one name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Collect => ".collect.lock",
            Self::Build => ".build.lock",
        }
    }

    fn doing(self) -> &'static str {
        match self {
            Self::Collect => "collects into",
            Self::Build => "builds in",
        }
    }
}

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub struct Lock {
    kind: LockKind,
    _file: File,
}

impl Lock {
    /// Takes the lock of a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Locked`] with the other's process id when another process holds it;
    /// [`Error::Unusable`] when the directory cannot be written to or its file
    /// system knows no locks.
    pub fn acquire(directory: &Path, kind: LockKind) -> Result<Self> {
        let path = directory.join(kind.file_name());
        let unusable = |cause: &dyn std::fmt::Display| Error::Unusable {
            path: path.display().to_string(),
            cause: format!(
                "cannot be locked ({cause}): check that the folder may be written to, or name \
                 another with --output-dir"
            ),
        };
        scrape_api::make_folder(directory).map_err(|cause| unusable(&cause))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|cause| unusable(&cause))?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked {
                        directory: directory.display().to_string(),
                        holder: holder(&mut file),
                        doing: kind.doing(),
                    });
                }
                Err(TryLockError::Error(cause)) => return Err(unusable(&cause)),
            }
        }
        // The id is for messages only: on a full disk the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.flush());
        Ok(Self { kind, _file: file })
    }

    /// Who holds the lock of a directory, without waiting for it: `process 4711`.
    pub fn holder(directory: &Path, kind: LockKind) -> Option<String> {
        let mut file = File::open(directory.join(kind.file_name())).ok()?;
        match file.try_lock_shared() {
            // Let go with the file, before anybody gives up waiting.
            Ok(()) | Err(TryLockError::Error(_)) => None,
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
        }
    }

    /// What it is for.
    pub fn kind(&self) -> LockKind {
        self.kind
    }
}

/// Who holds a lock, as its file tells. The file can be empty for an instant.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(32).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_with_the_id_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let held = Lock::acquire(directory.path(), LockKind::Collect).unwrap();
        let error = Lock::acquire(directory.path(), LockKind::Collect).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains("collects into"), "{error}");
        drop(held);
        Lock::acquire(directory.path(), LockKind::Collect).unwrap();
    }

    #[test]
    fn a_build_does_not_wait_for_a_collector() {
        let directory = tempfile::tempdir().unwrap();
        let _collect = Lock::acquire(directory.path(), LockKind::Collect).unwrap();
        Lock::acquire(directory.path(), LockKind::Build).unwrap();
    }

    #[test]
    fn a_longer_id_of_an_earlier_holder_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(LockKind::Build.file_name());
        std::fs::write(&path, "99999999999999999999\n").unwrap();
        let _lock = Lock::acquire(directory.path(), LockKind::Build).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Lock::acquire(&file, LockKind::Build).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("--output-dir"), "{error}");
    }
}
