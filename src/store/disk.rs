//! Room on the disk of an output directory.

use std::path::Path;

use super::STORE_FILE;

/// Bytes that may still be written below a folder; `None` where the system does
/// not say.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    // What is kept for root is not ours.
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Bytes that may still be written below a folder; `None` where the system does
/// not say.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Bytes of the store in an output directory, and of its log.
pub fn store_bytes(directory: &Path) -> (u64, u64) {
    [STORE_FILE, "store.db-wal"].map(|name| file_bytes(&directory.join(name))).into()
}

/// Bytes of a file; 0 where there is none.
pub fn file_bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}
