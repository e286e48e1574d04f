//! Compression by the name of a file, with the same bytes for the same input.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use scrape_api::AtomicFile;

/// The zstd level and window, of those tried on issues of 17 KB. Records of one
/// tracker are alike: they shrink to a twentieth when several are in the window, at
/// any level. Level 1 costs 0.017 ms a record, `zstd`'s own default of 3 costs 0.025
/// and saves a tenth of the size.
const ZSTD_LEVEL: i32 = 1;
const ZSTD_WINDOW_LOG: u32 = 20;

/// What bytes pass through on their way into a file.
pub(crate) enum Encoder {
    Plain(AtomicFile),
    Gzip(flate2::write::GzEncoder<AtomicFile>),
    Zstd(zstd::stream::write::Encoder<'static, AtomicFile>),
}

impl Encoder {
    /// The encoder for a file of this name.
    pub(crate) fn new(name: &str, file: AtomicFile) -> io::Result<Self> {
        let name = name.to_ascii_lowercase();
        if name.ends_with(".gz") {
            // Neither time nor name nor system in the header: they would differ.
            let header = GzBuilder::new().mtime(0).operating_system(255);
            return Ok(Self::Gzip(header.write(file, Compression::default())));
        }
        if name.ends_with(".zst") {
            let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
            encoder.window_log(ZSTD_WINDOW_LOG)?;
            encoder.include_checksum(true)?;
            return Ok(Self::Zstd(encoder));
        }
        Ok(Self::Plain(file))
    }

    /// Ends the compressed stream and gives the file back.
    pub(crate) fn finish(self) -> io::Result<AtomicFile> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for Encoder {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(buf),
            Self::Gzip(encoder) => encoder.write(buf),
            Self::Zstd(encoder) => encoder.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
