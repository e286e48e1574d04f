//! Pages as the server packed them: what came as gzip is kept as it is, where a build
//! will read its records one after the other.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libdeflater::Decompressor;
use scrape_api::Bytes;

use super::body::is_same;

/// The greatest page that is kept so, in bytes of JSON: it is unpacked whole for each of
/// its records. A hundred issues of 17 KB make 1.7 MB.
const MOST: usize = 4 << 20;

/// Pages that are kept unpacked: those that the workers of a build are at, and what
/// replaced parts of them.
const KEPT: usize = 4;

/// How a member of gzip begins (RFC 1952): its marks, and deflate.
const START: &[u8] = &[0x1f, 0x8b, 8];

/// What a page unpacks to, once one of its readers has done so; nothing where it is damaged.
type Whole = Arc<OnceLock<Option<Bytes>>>;

/// The pages that were unpacked last, the newest first. All threads share them: a page
/// lies in the batches of several workers.
static UNPACKED: Mutex<Vec<(Bytes, Whole)>> = Mutex::new(Vec::new());

/// Where `texts` lie in what `packed` unpacks to, as first byte and length; `None` where
/// it is better to pack them anew: there is too much of it, or too much else in it.
pub(super) fn places(packed: &Bytes, whole: &Bytes, texts: &[&[u8]]) -> Option<Vec<(u32, u32)>> {
    if !is_one(packed) || whole.len() > MOST || texts.len() < 2 {
        return None;
    }
    let wanted: usize = texts.iter().map(|text| text.len()).sum();
    if wanted < whole.len() / 2 {
        return None;
    }
    let first = whole.as_ptr() as usize;
    let place = |text: &&[u8]| {
        let start = (text.as_ptr() as usize).checked_sub(first)?;
        let is_within = start.checked_add(text.len())? <= whole.len();
        is_within.then_some((u32::try_from(start).ok()?, u32::try_from(text.len()).ok()?))
    };
    texts.iter().map(place).collect()
}

/// Whether this is such a page, and no frame of zstd.
pub(super) fn is_one(packed: &[u8]) -> bool {
    packed.starts_with(START)
}

/// How many bytes a page says that it unpacks to; a damaged one may say anything.
pub(super) fn size(packed: &[u8]) -> usize {
    packed.last_chunk().map_or(0, |size| u32::from_le_bytes(*size) as usize)
}

/// What a page unpacks to.
///
/// # Errors
/// Where it is damaged.
pub(super) fn unpack(packed: &Bytes) -> io::Result<Bytes> {
    let mut memory = None;
    let whole = {
        let mut kept = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|(page, _)| is_same(page, packed)) {
            Some(found) => kept[..=found].rotate_right(1),
            None => {
                if kept.len() == KEPT {
                    memory = kept.pop().and_then(|(_, whole)| Arc::into_inner(whole)?.into_inner());
                }
                kept.insert(0, (packed.clone(), Whole::default()));
            }
        }
        kept[0].1.clone()
    };
    let whole = whole.get_or_init(|| gunzip(packed, memory.flatten())).clone();
    whole.ok_or_else(|| io::Error::other("its checksum is wrong"))
}

/// The content, whose checksum is behind it; in the memory of another page, if nobody
/// else has it.
fn gunzip(packed: &[u8], memory: Option<Bytes>) -> Option<Bytes> {
    let size = size(packed);
    if size > MOST {
        return None;
    }
    let mut whole = match memory.map(Bytes::try_into_mut) {
        Some(Ok(whole)) => whole,
        _ => Bytes::from(vec![0; size]).try_into_mut().ok()?,
    };
    whole.resize(size, 0);
    let made = Decompressor::new().gzip_decompress(packed, &mut whole).ok()?;
    (made == size).then(|| whole.freeze())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::thread;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::store::{Body, Part};

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    /// A page of so many records of one letter each, and where they lie.
    fn page(records: usize) -> (Bytes, Vec<std::ops::Range<usize>>) {
        let mut text = b"{\"issues\":[".to_vec();
        let mut places = Vec::new();
        for n in 0..records {
            let start = text.len();
            text.extend_from_slice(&[b'a' + (n % 26) as u8; 500][..100 + n]);
            places.push(start..text.len());
        }
        text.extend_from_slice(b"]}");
        (text.into(), places)
    }

    fn bodies(whole: &Bytes, places: &[std::ops::Range<usize>]) -> Option<Vec<Body>> {
        let texts: Vec<&[u8]> = places.iter().map(|place| &whole[place.clone()]).collect();
        Body::of_page(&gzip(whole), whole, &texts)
    }

    #[test]
    fn records_are_read_out_of_the_page_they_came_in() {
        let (whole, places) = page(50);
        let made = bodies(&whole, &places).unwrap();
        for (body, place) in made.iter().zip(&places) {
            // As it comes from the store.
            let body = Body::from_packed(body.frame().to_vec(), body.part());
            assert_eq!((body.size(), body.coding()), (place.len(), "gzip"));
            assert!(body.is_checked());
            assert_eq!(body.unpack().unwrap(), whole[place.clone()]);
        }
        let outside = Part { start: 0, length: u32::MAX };
        assert!(Body::from_packed(made[0].frame().clone(), Some(outside)).unpack().is_err());
    }

    #[test]
    fn pages_that_are_better_packed_anew() {
        let (whole, places) = page(50);
        let texts: Vec<&[u8]> = places.iter().map(|place| &whole[place.clone()]).collect();
        assert!(Body::of_page(&gzip(&whole), &whole, &texts).is_some());
        // One record, few of all, records that lie elsewhere, no gzip, too great a page.
        assert_eq!(Body::of_page(&gzip(&whole), &whole, &texts[..1]), None);
        assert_eq!(Body::of_page(&gzip(&whole), &whole, &texts[..9]), None);
        let elsewhere = whole.to_vec();
        let other: Vec<&[u8]> = places.iter().map(|place| &elsewhere[place.clone()]).collect();
        assert_eq!(Body::of_page(&gzip(&whole), &whole, &other), None);
        assert_eq!(Body::of_page(&whole, &whole, &texts), None);
        let great = Bytes::from(vec![b'a'; MOST + 1]);
        assert_eq!(Body::of_page(&gzip(&great), &great, &[&great[..MOST], &great[MOST..]]), None);
    }

    #[test]
    fn more_pages_than_are_kept_are_told_apart_by_all_threads() {
        let pages: Vec<_> = (2..2 + 2 * KEPT).map(page).collect();
        let made: Vec<_> = pages.iter().map(|(w, places)| bodies(w, places).unwrap()).collect();
        let read = |first: usize| {
            for round in first..first + 60 {
                let n = round * 3 % pages.len();
                let record = round % pages[n].1.len();
                let text = made[n][record].unpack().unwrap();
                assert_eq!(text, pages[n].0[pages[n].1[record].clone()]);
            }
        };
        let read = &read;
        thread::scope(|scope| (0..4).for_each(|n| drop(scope.spawn(move || read(n * 7)))));
    }

    #[test]
    fn a_byte_of_a_page_that_is_not_what_it_was_is_noticed() {
        let (whole, places) = page(3);
        let body = &bodies(&whole, &places).unwrap()[1];
        // From behind the header, of which only the marks matter.
        for at in 10..body.frame().len() {
            let mut frame = body.frame().to_vec();
            frame[at] ^= 0x10;
            let damaged = Body::from_packed(frame, body.part()).unpack();
            assert!(damaged.is_err() || damaged.unwrap() == body.unpack().unwrap(), "{at}");
        }
    }
}
