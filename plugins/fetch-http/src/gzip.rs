//! Undoes gzip once a body is whole: with one buffer of the size that it will have, a
//! third of the time that it takes piece by piece, as reqwest does it.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use libdeflater::Decompressor;
use memchr::memmem;
use scrape_api::{FetchError, FetchErrorKind, Room};

use crate::errors;

/// Deflate makes no more than so many bytes of one (zlib's technical details).
const MAX_RATIO: usize = 1032;

/// Up to this size in bytes it is done at once: it takes 2 ms, and each thread that does
/// it keeps memory of that size.
const FEW_BYTES: usize = 4 << 20;

/// What a gzip body holds, and the body itself if it is a single member.
///
/// # Errors
/// [`FetchErrorKind::TooLarge`] for more than `most` bytes,
/// [`FetchErrorKind::Truncated`] where it is no gzip or not whole.
pub(crate) async fn undo(
    packed: Vec<u8>,
    most: u64,
    room: &Room,
) -> Result<(Vec<u8>, Option<Vec<u8>>), FetchError> {
    if packed.is_empty() {
        return Ok((packed, None));
    }
    let taken = packed.len();
    let grow = async |size: usize| room.grow(taken.saturating_add(size) as u64).await;
    let packed = match single(&packed) {
        Some(size) if size as u64 <= most => {
            grow(size).await;
            let (packed, body) = aside(packed, size, move |packed| whole(packed, size)).await?;
            match body {
                Some(body) => return Ok((body, Some(packed))),
                None => packed,
            }
        }
        _ => packed,
    };
    // It has several parts, is not what it says, or is broken: then its size is counted.
    let (packed, size) = aside(packed, usize::MAX, move |packed| count(packed, most)).await?;
    let size = size.map_err(|error| broken(&error))?;
    if size as u64 > most {
        return Err(errors::too_large(most));
    }
    grow(size).await;
    let (_, body) = aside(packed, size, move |packed| streamed(packed, size)).await?;
    body.map(|body| (body, None)).map_err(|error| broken(&error))
}

/// Works on a body, on a thread where it holds up no other request unless it is small.
async fn aside<T: Send + 'static>(
    packed: Vec<u8>,
    size: usize,
    work: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<(Vec<u8>, T), FetchError> {
    let both = move || {
        let done = work(&packed);
        (packed, done)
    };
    if size <= FEW_BYTES {
        return Ok(both());
    }
    tokio::task::spawn_blocking(both).await.map_err(|error| broken(&io::Error::other(error)))
}

/// The size that a body has at its end (RFC 1952), if it is likely to be one member of
/// that size. That one has a beginning like that of a member within it is no harm.
fn single(packed: &[u8]) -> Option<usize> {
    let (start, rest) = packed.split_first_chunk::<3>()?;
    let size = usize::try_from(u32::from_le_bytes(*rest.last_chunk()?)).ok()?;
    let is_likely = size / MAX_RATIO <= packed.len() && memmem::find(rest, start).is_none();
    is_likely.then_some(size)
}

/// One member, all of it; none where it is not that.
fn whole(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; size];
    let made = Decompressor::new().gzip_decompress(packed, &mut body).ok()?;
    (made == size).then_some(body)
}

/// How many bytes there are; one more than `most` where there are more.
fn count(packed: &[u8], most: u64) -> io::Result<usize> {
    let mut all = MultiGzDecoder::new(packed).take(most.saturating_add(1));
    let count = io::copy(&mut all, &mut io::sink())?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn streamed(packed: &[u8], size: usize) -> io::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(size);
    MultiGzDecoder::new(packed).read_to_end(&mut body)?;
    Ok(body)
}

fn broken(error: &io::Error) -> FetchError {
    let lead = errors::lead(FetchErrorKind::Truncated);
    FetchError::new(FetchErrorKind::Truncated, format!("{lead}: gzip: {}", errors::words(error)))
}
