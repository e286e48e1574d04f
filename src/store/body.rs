//! JSON bytes as they lie in the store: compressed once, where they are made.

use std::cell::RefCell;
use std::io;

/// The zstd level of the store. Of issues of 17 to 19 KB each, level 1 makes 3.4 KB and
/// costs 45 µs to pack and 13 to unpack; level -1 makes 4.2 KB for 28 and 8.
const LEVEL: i32 = -1;

/// Beyond this many times the packed size, what a frame says of its content is
/// not taken for granted when memory is reserved for it.
const MAX_RATIO: usize = 100;

/// Records up to this size are compressed into memory that is kept, in bytes.
const MOST_KEPT: usize = 1 << 20;

thread_local! {
    /// Making a context costs as much as unpacking a record with it.
    static COMPRESSOR: RefCell<Option<Compressor>> = RefCell::new(Compressor::new());
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        RefCell::new(zstd::bulk::Decompressor::new().ok());
}

/// A context, and memory for what comes out: what may come out is twice what does.
struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

impl Compressor {
    fn new() -> Option<Self> {
        Some(Self { context: zstd::bulk::Compressor::new(LEVEL).ok()?, out: Vec::new() })
    }

    fn pack(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if bytes.len() > MOST_KEPT {
            return self.context.compress(bytes);
        }
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.context.compress_to_buffer(bytes, &mut self.out)?;
        Ok(self.out.as_slice().to_vec())
    }
}

/// How many bytes packed ones say that they unpack to; a damaged store may say anything.
pub fn unpacked_size(packed: &[u8]) -> usize {
    let said = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    said.and_then(|size| usize::try_from(size).ok()).unwrap_or(0)
}

/// JSON bytes, compressed with zstd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Compresses.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(bytes: &[u8]) -> io::Result<Self> {
        COMPRESSOR
            .with_borrow_mut(|compressor| match compressor {
                Some(compressor) => compressor.pack(bytes),
                None => zstd::bulk::compress(bytes, LEVEL),
            })
            .map(Self)
    }

    /// What the store gave.
    pub fn from_packed(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What goes into the store.
    pub fn packed(&self) -> &[u8] {
        &self.0
    }

    /// How many the JSON bytes are, as the packed ones say.
    pub fn size(&self) -> usize {
        unpacked_size(&self.0)
    }

    /// The JSON bytes.
    ///
    /// # Errors
    /// When the store is damaged.
    pub fn unpack(&self) -> io::Result<Vec<u8>> {
        // A frame of `pack` says how long its content is; a damaged one may say
        // anything, and is read piece by piece.
        let said = zstd::zstd_safe::get_frame_content_size(&self.0).ok().flatten();
        match said.and_then(|size| usize::try_from(size).ok()) {
            Some(size) if size <= self.0.len().saturating_mul(MAX_RATIO) => DECOMPRESSOR
                .with_borrow_mut(|context| match context {
                    Some(context) => context.decompress(&self.0, size),
                    None => zstd::stream::decode_all(&self.0[..]),
                }),
            _ => zstd::stream::decode_all(&self.0[..]),
        }
    }
}
