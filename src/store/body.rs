//! JSON bytes as they lie in the store: compressed once, where they are made, those
//! that come together in packs.

use std::cell::RefCell;
use std::io;

use scrape_api::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::page;

/// The zstd level of the store. Of issues of 17 KB in packs, level 1 makes 1.9 KB each
/// and costs a microsecond more to pack than level -1, which makes 2.4 KB. Both cost the
/// same to unpack.
const LEVEL: i32 = -1;

/// What stands behind a frame that is made here: a frame that readers of zstd skip (RFC
/// 8878, 3.1.2), with the XXH3 of all before it. zstd's own checksum is that of what is
/// packed, of which there is ten times as much: 3 µs for an issue of 17 KB.
const CHECK: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 8, 0, 0, 0];

/// A pack is full at so many bytes of JSON. An issue of 17 KB becomes 2.4 KB for 18 µs in
/// one, and costs 5 to unpack with its neighbours. Those whose neighbours are in other
/// packs, as after updates, unpack a pack each: a build takes a third more CPU then. Packs
/// four times as large make 1.5 KB for 15 µs, but then it takes twice as much.
const PACK_BYTES: usize = 128 << 10;

/// Packs that a thread keeps unpacked: those of a page, and of what replaced parts of it.
const PACKS_KEPT: usize = 4;

/// Beyond this many times the packed size, what a frame says of its content is
/// not taken for granted when memory is reserved for it.
const MAX_RATIO: usize = 100;

/// Memory for up to this size, in bytes, is kept for what is packed or unpacked next.
const MOST_KEPT: usize = 1 << 20;

thread_local! {
    /// Making a context costs as much as unpacking a record with it.
    static COMPRESSOR: RefCell<Option<Compressor>> = RefCell::new(Compressor::new());
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        RefCell::new(zstd::bulk::Decompressor::new().ok());
    /// Frames and what they hold, the last used first.
    static UNPACKED: RefCell<Vec<(Bytes, Bytes)>> = const { RefCell::new(Vec::new()) };
}

/// A context, and memory for what comes out: what may come out is twice what does.
struct Compressor {
    context: zstd::bulk::Compressor<'static>,
    out: Vec<u8>,
}

impl Compressor {
    fn new() -> Option<Self> {
        let context = zstd::bulk::Compressor::new(LEVEL).ok()?;
        Some(Self { context, out: Vec::new() })
    }

    fn pack(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        if bytes.len() > MOST_KEPT {
            return self.context.compress(bytes).map(|frame| checked(&frame));
        }
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.context.compress_to_buffer(bytes, &mut self.out)?;
        Ok(checked(&self.out))
    }
}

/// A frame with its check behind it.
fn checked(frame: &[u8]) -> Bytes {
    [frame, &CHECK, &xxh3_64(frame).to_le_bytes()].concat().into()
}

/// What stands before the check, and the check; none where there is none.
fn check(packed: &[u8]) -> Option<(&[u8], u64)> {
    let (rest, check) = packed.split_last_chunk()?;
    Some((rest.strip_suffix(&CHECK)?, u64::from_le_bytes(*check)))
}

/// How many bytes packed ones say that they unpack to; a damaged store may say anything.
pub fn unpacked_size(packed: &[u8]) -> usize {
    if page::is_one(packed) {
        return page::size(packed);
    }
    content_size(packed).unwrap_or(0)
}

/// How long the content is that a frame says it has.
fn content_size(frame: &[u8]) -> Option<usize> {
    usize::try_from(zstd::zstd_safe::get_frame_content_size(frame).ok()??).ok()
}

/// JSON bytes, compressed: a frame of their own, or a part of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    frame: Bytes,
    part: Option<Part>,
}

/// Where in a pack the bytes of one body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first.
    pub start: u32,
    /// How many.
    pub length: u32,
}

impl Body {
    /// Compresses.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn pack(bytes: &[u8]) -> io::Result<Self> {
        Ok(Self { frame: compress(bytes)?, part: None })
    }

    /// Compresses what came together: one for each of `texts`, in packs.
    pub fn pack_all(texts: &[&[u8]]) -> Vec<io::Result<Self>> {
        let mut bodies = Vec::with_capacity(texts.len());
        let mut together = Vec::new();
        let mut rest = texts;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |text: &&&[u8]| {
                bytes += text.len();
                bytes <= PACK_BYTES
            };
            let (pack, others) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = others;
            if let [alone] = pack {
                bodies.push(Self::pack(alone));
                continue;
            }
            together.clear();
            pack.iter().for_each(|text| together.extend_from_slice(text));
            let frame = compress(&together);
            let mut start = 0;
            bodies.extend(pack.iter().map(|text| {
                // No more than a pack holds.
                let length = text.len() as u32;
                let part = Some(Part { start, length });
                start += length;
                match &frame {
                    Ok(frame) => Ok(Self { frame: frame.clone(), part }),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                }
            }));
        }
        bodies
    }

    /// Parts of a page that came packed, which are kept as they came: one for each of
    /// `texts`, which are parts of `whole`, what `gzip` unpacks to. For what a build reads
    /// one after the other, since a page is unpacked whole. `None` where that is not worth
    /// it.
    pub fn of_page(gzip: &Bytes, whole: &Bytes, texts: &[&[u8]]) -> Option<Vec<Self>> {
        let places = page::places(gzip, whole, texts)?.into_iter();
        let part = |(start, length)| Some(Part { start, length });
        Some(places.map(|place| Self { frame: gzip.clone(), part: part(place) }).collect())
    }

    /// What the store gave: a frame, and where in it the bytes are if it is a pack.
    pub fn from_packed(frame: impl Into<Bytes>, part: Option<Part>) -> Self {
        Self { frame: frame.into(), part }
    }

    /// What goes into the store: a frame of zstd, or a page of gzip. Bodies of one pack
    /// share it.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// How the frame is packed, by its name in HTTP.
    pub fn coding(&self) -> &'static str {
        if page::is_one(&self.frame) { "gzip" } else { "zstd" }
    }

    /// Where in the frame the bytes are, if it is that of a pack.
    pub fn part(&self) -> Option<Part> {
        self.part
    }

    /// How many the JSON bytes are, as the store says.
    pub fn size(&self) -> usize {
        self.part.map_or_else(|| unpacked_size(&self.frame), |part| part.length as usize)
    }

    /// Whether [`Body::unpack`] would notice if a byte was not what it was: those of the
    /// first formats of the store have no checksum.
    pub fn is_checked(&self) -> bool {
        check(&self.frame).is_some() || page::is_one(&self.frame)
    }

    /// The JSON bytes.
    ///
    /// # Errors
    /// When the store is damaged.
    pub fn unpack(&self) -> io::Result<Bytes> {
        let Some(Part { start, length }) = self.part else { return decompress(&self.frame) };
        let pack = match page::is_one(&self.frame) {
            true => page::unpack(&self.frame)?,
            false => unpacked(&self.frame)?,
        };
        let start = start as usize;
        let end = start.saturating_add(length as usize);
        if end > pack.len() {
            return Err(io::Error::other("its place is outside of its pack"));
        }
        Ok(pack.slice(start..end))
    }
}

/// Whether two frames are one. Those that are kept stay where they are, so that the place
/// tells which one it is.
pub(super) fn is_same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}

/// What a pack holds; it is asked for once for each of its bodies.
fn unpacked(frame: &Bytes) -> io::Result<Bytes> {
    UNPACKED.with_borrow_mut(|kept| {
        if let Some(found) = kept.iter().position(|(kept, _)| is_same(kept, frame)) {
            kept[..=found].rotate_right(1);
            return Ok(kept[0].1.clone());
        }
        let pack = decompress(frame)?;
        if pack.len() <= MOST_KEPT {
            kept.truncate(PACKS_KEPT - 1);
            kept.insert(0, (frame.clone(), pack.clone()));
        }
        Ok(pack)
    })
}

fn compress(bytes: &[u8]) -> io::Result<Bytes> {
    COMPRESSOR.with_borrow_mut(|compressor| match compressor {
        Some(compressor) => compressor.pack(bytes),
        None => Err(io::Error::from(io::ErrorKind::OutOfMemory)),
    })
}

fn decompress(packed: &[u8]) -> io::Result<Bytes> {
    let (frame, check) = check(packed).unzip();
    let frame = frame.unwrap_or(packed);
    if check.is_some_and(|check| check != xxh3_64(frame)) {
        return Err(io::Error::other("its checksum is wrong"));
    }
    // A frame of ours says how long its content is; a damaged one may say anything, and
    // is read piece by piece.
    let bytes = match content_size(frame) {
        Some(size) if size <= frame.len().saturating_mul(MAX_RATIO) => DECOMPRESSOR
            .with_borrow_mut(|context| match context {
                Some(context) => context.decompress(frame, size),
                None => zstd::stream::decode_all(frame),
            }),
        _ => zstd::stream::decode_all(frame),
    };
    bytes.map(Bytes::from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Packs texts of these sizes; the bodies are checked.
    fn packed(sizes: &[usize]) -> Vec<Body> {
        let texts: Vec<Vec<u8>> =
            (b'a'..).zip(sizes).map(|(letter, size)| vec![letter; *size]).collect();
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let bodies: Vec<Body> = Body::pack_all(&texts).into_iter().map(Result::unwrap).collect();
        assert_eq!(bodies.len(), texts.len());
        for (body, text) in bodies.iter().zip(texts) {
            assert_eq!(body.unpack().unwrap(), text);
            assert_eq!(body.size(), text.len());
            // As it comes from the store.
            let again = Body::from_packed(body.frame().to_vec(), body.part());
            assert_eq!((&again, again.unpack().unwrap()), (body, Bytes::from(text.to_vec())));
        }
        bodies
    }

    fn frames(sizes: &[usize]) -> usize {
        let mut frames: Vec<_> = packed(sizes).iter().map(|body| body.frame().as_ptr()).collect();
        frames.dedup();
        frames.len()
    }

    #[test]
    fn what_comes_together_is_packed_together_up_to_a_size() {
        assert_eq!(frames(&[]), 0);
        assert_eq!(frames(&[1, 0, 2]), 1);
        assert_eq!(frames(&[PACK_BYTES / 2, PACK_BYTES / 2]), 1);
        assert_eq!(frames(&[PACK_BYTES / 2, PACK_BYTES / 2 + 1]), 2);
        assert_eq!(frames(&[9, 10 * PACK_BYTES, 9, 9]), 3);
        assert_eq!(packed(&[9, 10 * PACK_BYTES])[1].part(), None);
    }

    #[test]
    fn more_packs_than_are_kept_are_told_apart() {
        let packs: Vec<Vec<Body>> = (0..9).map(|n| packed(&[n + 1, 2])).collect();
        for round in 0..20 {
            let (pack, body) = (round * 5 % 9, round % 2);
            let length = [pack + 1, 2][body];
            assert_eq!(packs[pack][body].unpack().unwrap().len(), length);
        }
    }

    #[test]
    fn a_byte_that_is_not_what_it_was_is_noticed() {
        let whole = &packed(&[3000, 40])[0];
        for at in 0..whole.frame().len() {
            let mut frame = whole.frame().to_vec();
            frame[at] ^= 0x10;
            let damaged = Body::from_packed(frame, whole.part()).unpack();
            assert!(damaged.is_err() || damaged.unwrap() == whole.unpack().unwrap(), "{at}");
        }
        let outside = |start, length| Some(Part { start, length });
        for part in [outside(3040, 1), outside(0, 3041), outside(u32::MAX, 2)] {
            assert!(Body::from_packed(whole.frame().clone(), part).unpack().is_err());
        }
    }
}
