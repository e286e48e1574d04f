//! SQLite's errors in words for people.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi::{
    SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_WRITE,
    SQLITE_READONLY_DBMOVED,
};

use crate::store::Error;

/// Tells what an error of SQLite means for the file at `path`.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let path = path.display().to_string();
    let unusable = |cause: &str| Error::Unusable { path: path.clone(), cause: cause.to_owned() };
    let corrupt = || Error::Corrupt { path: path.clone(), cause: error.to_string() };
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        // A column that is missing or holds what it cannot hold.
        return corrupt();
    };
    match failure.code {
        ErrorCode::DiskFull => Error::Full { path },
        ErrorCode::SystemIoFailure => match failure.extended_code {
            // What a quota gives, and a disk without room for the shared index.
            SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE => Error::Full { path },
            SQLITE_IOERR_SHORT_READ | SQLITE_IOERR_CORRUPTFS => corrupt(),
            code => unusable(&format!(
                "the disk reports an error (SQLite code {code}): check it, then go on with --resume"
            )),
        },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => corrupt(),
        ErrorCode::ReadOnly if failure.extended_code == SQLITE_READONLY_DBMOVED => {
            unusable("the file was moved or removed while it was in use")
        }
        ErrorCode::CannotOpen if !can_open_files() => unusable(
            "too many open files: raise the limit (`ulimit -n 1024`), then go on with --resume",
        ),
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => unusable(
            "cannot be opened for writing: check that its folder exists and may be written to, \
             or name another with --output-dir",
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unusable("another process has been writing to it for a minute: wait until it has ended")
        }
        ErrorCode::OutOfMemory => unusable("there is not enough memory to use it"),
        // Damage also shows as a table that is missing.
        ErrorCode::Unknown => corrupt(),
        _ => unusable(&error.to_string()),
    }
}

/// Whether this process may open as many more files as a store needs: SQLite does not
/// say why it cannot.
fn can_open_files() -> bool {
    const NEEDED: usize = 4;
    let exhausted = |e: &std::io::Error| {
        let code = e.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
        matches!(code, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
    };
    let here = [(); NEEDED].map(|()| std::fs::File::open("."));
    !here.iter().any(|file| file.as_ref().is_err_and(exhausted))
}
