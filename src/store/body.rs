//! JSON bytes as they lie in the store: compressed once, where they are made.

use std::io;

/// The zstd level of the store: of those tried, level 1 costs the least for
/// records of some kilobytes and gives up little size.
const LEVEL: i32 = 1;

/// JSON bytes, compressed with zstd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Compresses.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(bytes: &[u8]) -> io::Result<Self> {
        zstd::bulk::compress(bytes, LEVEL).map(Self)
    }

    /// What the store gave.
    pub fn from_packed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What goes into the store.
    pub fn packed(&self) -> &[u8] {
        &self.0
    }

    /// The JSON bytes.
    ///
    /// # Errors
    /// When the store is damaged.
    pub fn unpack(&self) -> io::Result<Vec<u8>> {
        zstd::stream::decode_all(&self.0[..])
    }
}
