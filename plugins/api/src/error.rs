//! The error that a plugin reports.

use std::fmt::Display;

/// What went wrong inside a plugin: one sentence in lower case that reads well
/// after "failed: ", with the cause behind it.
///
/// ```
/// use scrape_api::{Error, Result};
///
/// fn read(path: &str) -> Result<String> {
///     std::fs::read_to_string(path).map_err(Error::io(format!("read {path}")))
/// }
///
/// let error = read("/nonexistent").unwrap_err();
/// assert!(error.to_string().starts_with("read /nonexistent: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something. `what` says what was being done,
    /// to which file.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, for example `write training_data.jsonl`.
        what: String,
        /// The system's own error.
        source: std::io::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// The result of a plugin's methods.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error in words.
    pub fn msg(message: impl Display) -> Self {
        Self::Other(message.to_string())
    }

    /// A closure for `map_err` that names what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// True when the disk is full or a quota is used up: the run stops, and
    /// nothing that was committed is harmed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
        ))
    }

    /// True when the reader of a pipe went away, which is not a failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
